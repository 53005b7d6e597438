//! The deadlines that a machine itself keeps.

use testbed::{Machine, Shell, SudoRule};

use crate::lab::{Lab, machine, sh, target};

#[test]
fn a_step_that_takes_too_long_is_ended_with_all_its_processes() {
    let lab = Lab::new();
    let machine = machine(Shell::Dash, SudoRule::None);
    let root = target("root", &machine);
    let data = lab.file(
        "data",
        "#cloud-config\nruncmd:\n- echo a >>/srv/log\n\
         - trap '' TERM; sh -c 'sleep 86401 & wait' & echo begun >&2; sleep 86402; echo no >>/srv/log\n- echo no >>/srv/log\n",
    );
    let failed = lab.apply(&root, &data, &["--step-timeout", "2"]).expect(1);
    assert!(
        failed.out.contains("step 2 of 3, runcmd[1]: exit status 124\n  | begun\n"),
        "{failed:?}"
    );
    assert!(
        failed.out.contains("  | the step took longer than 2 s and was ended\n"),
        "{failed:?}"
    );
    assert_eq!(sh(&machine, "cat /srv/log"), "a\n");
    let left: Vec<_> = machine
        .processes()
        .unwrap()
        .into_iter()
        .filter(|process| process.argv.concat().contains("8640"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_run_that_takes_too_long_is_ended() {
    let lab = Lab::new();
    let machine = machine(Shell::Dash, SudoRule::None);
    let root = target("root", &machine);
    let data = lab.file("data", "#cloud-config\nruncmd:\n- sleep 86403\n- echo no >>/srv/log\n");
    let failed = lab.apply(&root, &data, &["--run-timeout", "2"]).expect(1);
    assert!(failed.out.contains("runcmd[0]: exit status 124\n"), "{failed:?}");
    assert!(
        failed
            .out
            .contains("  | the run took longer than 2 s and the step was ended\n"),
        "{failed:?}"
    );
    sh(&machine, "[ ! -e /srv/log ]");
}

/// A RemoteMachine with these lines in its spec, and no bootstrap data of its own.
fn manifest(lab: &Lab, machine: &Machine, spec: &str) {
    let key = machine.keys().private_key().unwrap().replace('\n', "\n    ");
    let (address, port) = (machine.address(), machine.port());
    lab.file(
        "manifest.yaml",
        format!(
            "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: RemoteMachine\nmetadata: {{name: one}}\n\
             spec:\n  address: {address}\n  port: {port}\n  sshKeyRef: {{name: key}}\n  {spec}\n\
             ---\napiVersion: v1\nkind: Secret\nmetadata: {{name: key}}\nstringData:\n  value: |\n    {key}\n"
        ),
    );
}

#[test]
fn what_a_machine_says_of_its_timeouts_counts_for_it() {
    let lab = Lab::new();
    let machine = machine(Shell::Dash, SudoRule::None);
    let data = lab.file("data", "#cloud-config\nruncmd:\n- sleep 86404\n");
    let apply = ["apply", "-f", "manifest.yaml", "-b", data.to_str().unwrap()];
    manifest(&lab, &machine, "timeouts: {stepSeconds: 1}");
    let failed = lab.run(&apply).expect(1);
    assert!(
        failed.out.contains("the step took longer than 1 s and was ended"),
        "{failed:?}"
    );
    manifest(&lab, &machine, "timeouts: {runSeconds: 1}");
    let failed = lab.run(&apply).expect(1);
    assert!(
        failed.out.contains("the run took longer than 1 s and the step was ended"),
        "{failed:?}"
    );
}

#[test]
fn a_machine_may_say_that_an_interrupted_command_runs_again() {
    let lab = Lab::new();
    let machine = machine(Shell::Dash, SudoRule::None);
    // The first time it ends the program that runs it; the second time there is nothing left to do.
    let data = lab.file(
        "data",
        "#cloud-config\nruncmd:\n- echo a >>/srv/log; mkdir /srv/once 2>/dev/null || exit 0; \
         kill -9 $(cut -d ' ' -f 3 /var/lib/anywhere/lock.*); sleep 86405\n- touch /run/cluster-api/bootstrap-success.complete\n",
    );
    sh(&machine, "mkdir -p /run/cluster-api");
    let apply = ["apply", "-f", "manifest.yaml", "-b", data.to_str().unwrap()];
    manifest(&lab, &machine, "rerunInterrupted: false");
    lab.run(&apply).expect(1);
    let named = lab.run(&apply).expect(1);
    assert!(named.out.contains("was under way when the run there was killed"), "{named:?}");
    assert_eq!(sh(&machine, "cat /srv/log"), "a\n");
    manifest(&lab, &machine, "rerunInterrupted: true");
    lab.run(&apply).expect(0);
    assert_eq!(sh(&machine, "cat /srv/log"), "a\na\n");
}
