//! Secrets reach the files and commands they are for, and nothing else: no output, no log, no process list.
#![allow(clippy::unwrap_used, clippy::panic)] // a test that cannot be set up fails

mod lab;

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use lab::{Lab, NOT_HELD, Ran, Running, sh, target, wait_until};
use testbed::{Kind, Machine, MachineSpec, Shell, SudoRule};

const SUDO_PASSWORD: &str = "Sud0-pass-w0rd-1";
const PASSPHRASE: &str = "Pass-phr4se-of-the-key";
const IN_FILE: &str = "F1le-c0ntent-secret";
const IN_FILE_VALUE: &str = "V4lue-in-a-file-77";
const IN_BINARY_FILE: &str = "B4se64-file-secret";
const K0S_TOKEN: &str = "H4sIAAAAAAAC-k0s-join-token";
const KUBEADM_TOKEN: &str = "abcdef.0123456789abcdef";
const ASSIGNED: &str = "Assign3d-passw0rd";
const BEARER: &str = "Be4rer-t0ken-value";
const IN_SCRIPT: &str = "Scr1pt-file-secret";

const SECRETS: [&str; 10] = [
    SUDO_PASSWORD,
    PASSPHRASE,
    IN_FILE,
    IN_FILE_VALUE,
    IN_BINARY_FILE,
    K0S_TOKEN,
    KUBEADM_TOKEN,
    ASSIGNED,
    BEARER,
    IN_SCRIPT,
];

fn user_data() -> String {
    use base64::Engine as _;
    let binary = base64::engine::general_purpose::STANDARD.encode(format!("{IN_BINARY_FILE}\n"));
    format!(
        r#"#cloud-config
write_files:
  - path: /etc/k0s.token
    permissions: '0600'
    content: |
      {IN_FILE}
      password: "{IN_FILE_VALUE}"
  - {{path: /etc/binary, permissions: '0400', encoding: b64, content: {binary}}}
  - path: /etc/run.sh
    permissions: '0755'
    content: |
      #!/bin/sh
      DB_PASSWORD={IN_SCRIPT}; echo "$DB_PASSWORD"
runcmd:
  - export MY_PASSWORD={ASSIGNED}; echo "$MY_PASSWORD" >/srv/assigned
  - echo --token {K0S_TOKEN} >/srv/token; cat /srv/token >&2; cat /srv/token
  - "until [ -e /srv/go ]; do sleep 0.02; done; : kubeadm join --token {KUBEADM_TOKEN}; : 'Authorization: Bearer {BEARER}'"
  - |
    for out in /dev/stdout /dev/stderr; do
      {{ cat /etc/k0s.token /etc/binary; sh /etc/run.sh; cat /srv/token; echo "$MY_PASSWORD x{KUBEADM_TOKEN}x"; }} >>/srv/printed
      cat /srv/printed >&2; cat /srv/printed
    done
    head -c 70000 /dev/zero | tr '\0' 'x' >>/srv/long; echo >>/srv/long
    [ -e /srv/mended ] || exit 5
"#
    )
}

/// The secrets that a text holds, and must not.
fn found(text: &str) -> Vec<&'static str> {
    // Half of a secret is too much as well.
    SECRETS
        .into_iter()
        .filter(|secret| text.contains(&secret[..8]) || text.contains(&secret[secret.len() - 8..]))
        .collect()
}

#[track_caller]
fn silent(what: &str, text: &str) {
    assert!(found(text).is_empty(), "{what} tells {:?}:\n{text}", found(text));
}

struct Setting {
    lab: Lab,
    machine: Machine,
    target: String,
    options: Vec<String>,
    data: String,
}

impl Setting {
    fn new(shell: Shell) -> Self {
        let lab = Lab::new();
        let machine = Machine::start(&MachineSpec {
            shell,
            sudo: SudoRule::Password(SUDO_PASSWORD.to_owned()),
            ..MachineSpec::of_kind(Kind::SshdOnly)
        })
        .unwrap();
        let key = lab.path("key");
        std::fs::copy(lab::key(), &key).unwrap();
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
        let mut keygen = Command::new("ssh-keygen");
        keygen
            .stdout(std::process::Stdio::null())
            .args(["-q", "-p", "-P", "", "-N", PASSPHRASE, "-f"])
            .arg(&key);
        assert!(keygen.status().unwrap().success());
        let passphrase = lab.file("passphrase", format!("{PASSPHRASE}\n"));
        let password = lab.file("sudo", format!("{SUDO_PASSWORD}\n"));
        let options = [
            "-i",
            key.to_str().unwrap(),
            "--passphrase-file",
            passphrase.to_str().unwrap(),
            "--sudo-password-file",
            password.to_str().unwrap(),
        ];
        Self {
            target: target("admin", &machine),
            data: lab.file("data", user_data()).display().to_string(),
            options: options.map(str::to_owned).to_vec(),
            lab,
            machine,
        }
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut args = words.to_vec();
        args.extend(self.options.iter().map(String::as_str));
        args.push(&self.target);
        self.lab.anywhere(&args)
    }

    #[track_caller]
    fn run(&self, words: &[&str]) -> Ran {
        let ran = Running::start(self.command(words)).end();
        silent(&words.join(" "), &ran.all());
        ran
    }

    /// Looks at all processes of the machine, and at the client.
    fn look_at_processes(&self, client: u32) {
        for process in self.machine.processes().unwrap() {
            silent(&format!("{:?}", process.argv.first()), &process.argv.join(" "));
        }
        let client = std::fs::read(format!("/proc/{client}/cmdline")).unwrap_or_default();
        silent("the client's command line", &String::from_utf8_lossy(&client));
        let ours = self.machine.processes().unwrap();
        // What a command exports is its own affair; what we give a process is ours.
        for process in ours.iter().filter(|process| process.argv.join(" ").contains("/program ")) {
            silent("an environment", &process.environment.join(" "));
        }
    }
}

/// Everything on the machine that stays, but for the state that is kept for commands to go on with.
fn remembered(machine: &Machine) -> String {
    sh(
        machine,
        "cat /var/lib/anywhere/journal /var/lib/anywhere/log /var/lib/anywhere/owner",
    )
}

fn secrets_stay(shell: Shell) {
    let setting = Setting::new(shell);
    let data = setting.data.clone();
    for form in ["text", "json", "sh"] {
        let args = ["plan", "--bootstrap-data", &data, &setting.target, "-o", form];
        let plan = setting.lab.run(&args).expect(0);
        silent(form, &plan.all());
    }
    for (form, verbose) in [("text", true), ("json", false)] {
        let mut words = vec!["apply", "--bootstrap-data", &data, "-o", form];
        words.extend(verbose.then_some("-v"));
        let engine = Running::start(setting.command(&words));
        // From its first moment to the held step, and a little into what comes after it.
        let mut looks = 0;
        loop {
            setting.look_at_processes(engine.pid());
            looks += 1;
            let journal = setting.machine.run(&["cat", "/var/lib/anywhere/journal"]).unwrap().stdout;
            let journal = String::from_utf8_lossy(&journal).into_owned();
            if looks == 40 || journal.lines().any(|line| line.contains("runcmd[2]")) && looks > 5 {
                break;
            }
        }
        sh(&setting.machine, "touch /srv/go");
        setting.look_at_processes(engine.pid());
        let failed = engine.end().expect(1);
        silent(form, &failed.all());
        assert!(
            failed.out.contains("runcmd[3]") && failed.out.contains("********"),
            "{failed:?}"
        );
        silent("journal and log", &remembered(&setting.machine));
        assert!(
            remembered(&setting.machine).contains("x********x"),
            "{}",
            remembered(&setting.machine)
        );
        for words in [vec!["status"], vec!["status", "-o", "json"], vec!["logs"]] {
            assert!(setting.run(&words).expect(0).out.contains("********") || words.len() == 3);
        }
        assert_eq!(sh(&setting.machine, "ls -A /run/anywhere"), "");
    }
    // What is masked when shown is whole where it belongs.
    let file = format!("{IN_FILE}\npassword: \"{IN_FILE_VALUE}\"\n");
    assert_eq!(sh(&setting.machine, "cat /etc/k0s.token"), file);
    assert_eq!(sh(&setting.machine, "cat /etc/binary"), format!("{IN_BINARY_FILE}\n"));
    assert_eq!(
        sh(&setting.machine, "cat /srv/token /srv/assigned"),
        format!("--token {K0S_TOKEN}\n{ASSIGNED}\n")
    );
    assert!(sh(&setting.machine, "cat /srv/printed").contains(&format!("{ASSIGNED} x{KUBEADM_TOKEN}x")));
    assert!(sh(&setting.machine, "sh /etc/run.sh").contains(IN_SCRIPT));

    sh(&setting.machine, "touch /srv/mended");
    setting.run(&["apply", "--bootstrap-data", &data]).expect(0);
    wait_until(&setting.machine, NOT_HELD);
    silent("journal and log", &remembered(&setting.machine));
    let left = sh(
        &setting.machine,
        "grep -rlE 'Assign3d|F1le-c0n|0123456789abc' /var/lib/anywhere /run /tmp || :",
    );
    assert_eq!(left, "", "nothing that was sent stays after a run that ended well");
}

#[test]
fn secrets_stay_where_they_belong_on_dash() {
    secrets_stay(Shell::Dash);
}

#[test]
fn secrets_stay_where_they_belong_on_bash() {
    secrets_stay(Shell::Bash);
}

#[test]
fn secrets_stay_where_they_belong_on_busybox() {
    secrets_stay(Shell::Busybox);
}

#[test]
fn secrets_stay_where_they_belong_on_mksh() {
    secrets_stay(Shell::Mksh);
}

#[test]
fn secrets_stay_where_they_belong_on_yash() {
    secrets_stay(Shell::Yash);
}

#[test]
fn a_secret_that_the_log_would_cut_in_two_is_not_in_it() {
    let lab = Lab::new();
    let machine = lab::machine(Shell::Dash, SudoRule::None);
    // The log keeps the last 64 KiB of an output: they begin within one of these.
    for before in [0, 5, 11] {
        let data = lab.file(
            "data",
            format!(
                "#cloud-config\nruncmd:\n- PASSWORD={ASSIGNED}; n={before}; head -c $n /dev/zero | tr '\\0' x; \
                 i=0; while [ $i -lt 5000 ]; do echo \"$PASSWORD\"; i=$((i + 1)); done\n"
            ),
        );
        lab.apply(&target("root", &machine), &data, &[]).expect(0);
        let log = sh(&machine, "cat /var/lib/anywhere/log");
        let odd: Vec<_> = log
            .lines()
            .filter(|line| line.contains("passw0rd") || line.contains("w0rd"))
            .collect();
        assert!(odd.is_empty(), "{odd:?}");
        assert!(log.contains("********"));
    }
}

#[test]
fn a_wrong_password_or_passphrase_is_not_repeated() {
    let setting = Setting::new(Shell::Dash);
    let wrong = "Wr0ng-passw0rd-here";
    let file = setting.lab.file("wrong", format!("{wrong}\n"));
    let data = setting.data.clone();
    for option in ["--sudo-password-file", "--passphrase-file"] {
        let mut args = vec!["apply", "-v", "--bootstrap-data", &data];
        args.extend(setting.options.iter().map(String::as_str));
        let at = args.iter().position(|word| *word == option).unwrap() + 1;
        args[at] = file.to_str().unwrap();
        args.push(&setting.target);
        let refused = setting.lab.run(&args);
        assert_ne!(refused.status, 0);
        silent(option, &refused.all());
        assert!(!refused.all().contains(wrong), "{refused:?}");
    }
}
