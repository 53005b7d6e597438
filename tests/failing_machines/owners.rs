//! The machine is another one than before, or somebody else has it.

use super::*;

/// Another machine-id, as a machine gets that is installed anew or cloned.
fn another_id(machine: &Machine, id: char) {
    let script = format!("rm /etc/machine-id; echo {} >/etc/machine-id", id.to_string().repeat(32));
    assert!(machine.run(&["sh", "-c", &script]).unwrap().status.success());
}

#[test]
fn a_clone_of_a_machine_that_was_provisioned() {
    let machine = plain();
    let mut failure = Failure::new("cloned");
    failure.machine(&machine);
    let to = target("root", &machine);
    let status = format!("status -i {} --host-key-checking no {to}", key());
    another_id(&machine, 'a');
    failure.apply(0, &to, "--host-key-checking no");
    another_id(&machine, 'b');
    failure.apply(1, &to, "--host-key-checking no");
    failure.apply(1, &to, "--host-key-checking no --owner default/node-1");
    failure.run(0, &status);
    failure.apply(0, &to, "--host-key-checking no --rerun");
    failure.apply(0, &to, "--host-key-checking no");
    another_id(&machine, 'c');
    failure.run(0, &format!("reset -i {} --host-key-checking no {to}", key()));
    failure.apply(0, &to, "--host-key-checking no");
    failure.compare();
}

#[test]
fn a_machine_that_was_installed_anew() {
    let mut machine = plain();
    let mut failure = Failure::new("re-imaged");
    failure.machine(&machine);
    let to = target("root", &machine);
    another_id(&machine, 'a');
    failure.apply(0, &to, "");
    // All that was on it is gone, and it makes itself a host key when it starts.
    let script = "rm -rf /var/lib/anywhere && ssh-keygen -q -t ed25519 -N '' -f /root/new && \
         cat /root/new >/etc/ssh/ssh_host_ed25519_key && cat /root/new.pub >/etc/ssh/ssh_host_ed25519_key.pub";
    assert!(machine.run(&["sh", "-c", script]).unwrap().status.success());
    another_id(&machine, 'b');
    machine.reboot().unwrap();
    failure.apply(1, &to, "");
    let known_hosts = failure.lab.path(".ssh/known_hosts");
    std::fs::remove_file(known_hosts).unwrap();
    failure.apply(0, &to, "");
    failure.apply(0, &to, "");
    failure.compare();
}

#[test]
fn somebody_else_holds_the_machine() {
    let machine = plain();
    let mut failure = Failure::new("held");
    failure.machine(&machine);
    failure.placeholders.hide("tester@", "<USER>@");
    let host = nix::unistd::gethostname().unwrap().into_string().unwrap();
    failure.placeholders.hide(format!("tester@{host}"), "<USER>@<HOST>");
    let long = failure.lab.file("long.yaml", "#cloud-config\nruncmd:\n  - sleep 1000\n");
    let (key, to) = (key(), target("root", &machine));
    let args = ["apply", "-i", &key, "-b", long.to_str().unwrap(), "-o", "json", &to];
    let mut first = failure.lab.anywhere(&args).stdout(Stdio::piped()).spawn().unwrap();
    let mut told = BufReader::new(first.stdout.take().unwrap()).lines();
    assert!(told.any(|line| line.unwrap().contains("step-began")));
    failure.apply(1, &to, "");
    first.kill().unwrap();
    first.wait().unwrap();
    failure.compare();
}

#[test]
fn the_machine_is_somebody_elses() {
    let machine = plain();
    let mut failure = Failure::new("owned");
    failure.machine(&machine);
    let to = target("root", &machine);
    failure.apply(0, &to, "--owner default/node-1 --host-key-checking no");
    failure.apply(1, &to, "--host-key-checking no");
    failure.run(1, &format!("reset -i {} --host-key-checking no {to}", key()));
    failure.compare();
}
