//! Programs that are carried to real SSH servers by ssh(1) and scp(1), as a Job's container would.
#![allow(clippy::unwrap_used, clippy::panic)] // a test that cannot be set up fails

mod lab;

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use lab::{NOT_HELD, Ran, Running, left_over, machine, sh, wait_until};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use remote::bootstrap;
use remote::engine::{Error, carried};
use remote::plan::{Plan, Policy};
use remote::script::{Carrying, Mode, Order, carrier, render};
use testbed::{Kind, Machine, MachineSpec, Network, Shell, SudoRule};

/// What is in the container: its shell, and the files that the carrier is made of.
struct Container {
    folder: tempfile::TempDir,
    shell: &'static [&'static str],
}

const DASH: &[&str] = &["dash"];
const BUSYBOX: &[&str] = &["busybox", "sh"];

impl Container {
    fn new(host: &Machine, user: &str, plan: &Plan, mode: Mode) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let order = Order {
            mode,
            owner: "ns/rm",
            holder: "a test",
            step_limit: 60,
            run_limit: 600,
            keep_going: false,
            rerun: None,
            rerun_interrupted: false,
            facts: false,
            seen: None,
            time: 1,
        };
        let options = format!(
            "-F none -i {} -o BatchMode=yes -o UserKnownHostsFile={} -o StrictHostKeyChecking=yes",
            lab::key(),
            folder.path().join("known").display()
        );
        std::fs::write(folder.path().join("known"), host.known_hosts_line() + "\n").unwrap();
        let made = carrier(
            plan,
            &render(plan, &order),
            &Carrying {
                ssh: &format!("ssh {options}"),
                scp: &format!("scp -q {options}"),
                host: &host.address().to_string(),
                port: host.port(),
                user,
                use_sudo: user != "root",
                mode,
                folder: folder.path().to_str().unwrap(),
            },
        );
        let made = made.unwrap();
        for (name, file) in made.files.into_iter().chain([("entrypoint", made.entrypoint)]) {
            std::fs::write(folder.path().join(name), file.expose()).unwrap();
        }
        let executable = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(folder.path().join("entrypoint"), executable).unwrap();
        std::fs::create_dir(folder.path().join("tmp")).unwrap();
        Self { folder, shell: DASH }
    }

    fn with(self, shell: &'static [&'static str]) -> Self {
        Self { shell, ..self }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn start(&self) -> Running {
        let (program, applet) = self.shell.split_first().unwrap();
        let mut command = Command::new(program);
        command.args(applet).arg(self.path("entrypoint"));
        command.env("TMPDIR", self.path("tmp"));
        Running::start(command)
    }

    fn run(&self) -> Ran {
        self.start().end()
    }

    #[track_caller]
    fn is_left_clean(&self) {
        assert_eq!(std::fs::read_dir(self.path("tmp")).unwrap().count(), 0);
    }
}

fn plan(data: &str) -> Plan {
    let options = bootstrap::Options {
        source: "data",
        format: Some("cloud-config"),
        variables: bootstrap::Variables::default(),
        vendor_data: None,
        renderer: None,
    };
    let parsed = bootstrap::parse(data.as_bytes(), &options).unwrap();
    Plan::new(&parsed, &Policy::default()).unwrap()
}

fn error(ran: &Ran) -> Error {
    carried(&ran.out, &str::to_owned).unwrap().unwrap_err()
}

const DATA: &str = "#cloud-config\nwrite_files:\n- {path: /srv/token, permissions: '0600', content: hidden-in-a-file}\n\
                    runcmd:\n- echo a >> /srv/ran\n- echo b >> /srv/ran\n";

#[test]
fn a_host_is_provisioned_once_by_any_shell() {
    let sshd_only = || MachineSpec {
        sudo: SudoRule::NoPassword,
        ..MachineSpec::of_kind(Kind::SshdOnly)
    };
    for (shell, user, spec) in [
        (DASH, "admin", sshd_only()),
        (BUSYBOX, "root", MachineSpec::with_shell(Shell::Bash)),
        (
            BUSYBOX,
            "admin",
            MachineSpec {
                login_shell: Some("/usr/bin/fish".to_owned()),
                ..sshd_only()
            },
        ),
        (
            DASH,
            "admin",
            MachineSpec {
                login_shell: Some("/usr/bin/tcsh".to_owned()),
                sudo: SudoRule::None,
                doas: Some("permit nopass admin".to_owned()),
                ..sshd_only()
            },
        ),
        (DASH, "root", MachineSpec::of_kind(Kind::BusyboxOnly)),
    ] {
        let host = Machine::start(&spec).unwrap();
        let container = Container::new(&host, user, &plan(DATA), Mode::Apply).with(shell);
        let ran = container.run().expect(0);
        assert!(ran.out.ends_with("\nanywhere: done\n"), "{ran:?}");
        assert!(ran.out.contains("step 2 of 3: runcmd[0]\n"), "{ran:?}");
        assert!(!ran.all().contains("hidden-in-a-file"), "{ran:?}");
        let again = container.run().expect(0);
        assert_eq!(again.out, "anywhere: unchanged\n");
        assert_eq!(
            sh(&host, "cat /srv/ran /srv/token; cat /var/lib/anywhere/owner"),
            "a\nb\nhidden-in-a-filens/rm\n"
        );
        assert_eq!(left_over(&host), "");
        container.is_left_clean();
    }
}

#[test]
fn a_host_is_given_back() {
    // A network of its own: what others listen on meanwhile would be taken for something that is left.
    let spec = MachineSpec {
        network: Some(Network::new().unwrap()),
        sudo: SudoRule::NoPassword,
        ..MachineSpec::of_kind(Kind::Systemd)
    };
    let host = Machine::start(&spec).unwrap();
    for shell in [DASH, BUSYBOX] {
        Container::new(&host, "admin", &plan(DATA), Mode::Apply).run().expect(0);
        // As of a Job whose connection was cut between copying and running.
        let cut = "cd ~admin && mkdir .anywhere.0123456789ab && touch .anywhere.0123456789ab/program && chown -R admin .any*";
        sh(&host, cut);
        let clean_up = Plan::reset(&["rm -f /srv/ran".to_owned()]).unwrap();
        let reset = Container::new(&host, "admin", &clean_up, Mode::Reset).with(shell);
        reset.run().expect(0);
        assert_eq!(
            sh(&host, "ls /srv; ls -d /var/lib/anywhere ~admin/.anywhere.* 2>/dev/null || :"),
            ""
        );
        assert_eq!(reset.run().expect(0).out, "anywhere: unchanged\n");
        reset.is_left_clean();
    }
}

#[test]
fn a_failure_is_told_and_gone_on_from() {
    for shell in [DASH, BUSYBOX] {
        let host = machine(Shell::Dash, SudoRule::None);
        let data = "#cloud-config\nruncmd:\n- echo a >> /srv/ran\n- echo no such thing >&2; [ -e /srv/mended ] || exit 7\n";
        let container = Container::new(&host, "root", &plan(data), Mode::Apply).with(shell);
        let ran = container.run().expect(1);
        assert_eq!(
            error(&ran).to_string(),
            "step 2 of 2, runcmd[1]: exit status 7\n  | no such thing",
            "{ran:?}"
        );
        sh(&host, "touch /srv/mended");
        container.run().expect(0);
        assert_eq!(sh(&host, "cat /srv/ran"), "a\n");
    }
}

#[test]
fn a_run_whose_carrier_is_cut_goes_on_with_the_next() {
    for shell in [DASH, BUSYBOX] {
        let host = machine(Shell::Dash, SudoRule::None);
        let data = "#cloud-config\nruncmd:\n- echo a >> /srv/ran\n- touch /srv/waits; until [ -e /srv/go ]; do sleep 0.02; done\n\
                    - echo b >> /srv/ran\n";
        let container = Container::new(&host, "root", &plan(data), Mode::Apply).with(shell);
        let first = container.start();
        wait_until(&host, "[ -e /srv/waits ]");
        // The connection, as the host sees it.
        sh(
            &host,
            "for p in /proc/[0-9]*; do case $(cat $p/cmdline 2>/dev/null | tr '\\0' ' ') in sshd:*root@*) kill ${p#/proc/};; esac; done",
        );
        let cut = first.end().expect(1);
        assert!(
            cut.out.ends_with("anywhere: cut the connection ended before the run did\n"),
            "{cut:?}"
        );
        let second = container.start();
        sh(&host, "touch /srv/go");
        second.end().expect(0);
        assert_eq!(sh(&host, "cat /srv/ran"), "a\nb\n");
        assert_eq!(left_over(&host), "");
        container.is_left_clean();
    }
}

#[test]
fn one_that_is_told_to_end_stops_the_run_there() {
    for shell in [DASH, BUSYBOX] {
        let host = machine(Shell::Dash, SudoRule::None);
        let data =
            "#cloud-config\nruncmd:\n- touch /srv/waits; until [ -e /srv/go ]; do sleep 0.02; done\n- echo b >> /srv/ran\n";
        let container = Container::new(&host, "root", &plan(data), Mode::Apply).with(shell);
        let first = container.start();
        wait_until(&host, "[ -e /srv/waits ]");
        kill(Pid::from_raw(i32::try_from(first.pid()).unwrap()), Signal::SIGTERM).unwrap();
        wait_until(&host, "[ -e /var/lib/anywhere/stop ]");
        sh(&host, "touch /srv/go");
        let ran = first.end().expect(1);
        assert!(matches!(error(&ran), Error::Stopped), "{ran:?}");
        wait_until(&host, NOT_HELD);
        assert_eq!(sh(&host, "ls /srv"), "go\nwaits\n");
        container.run().expect(0);
        assert_eq!(sh(&host, "cat /srv/ran"), "b\n");
        container.is_left_clean();
    }
}

#[test]
fn what_is_in_the_way_is_said() {
    let host = machine(Shell::Dash, SudoRule::Password("secret".to_owned()));
    let container = Container::new(&host, "admin", &plan(DATA), Mode::Apply);
    let ran = container.run().expect(1);
    assert!(error(&ran).to_string().contains("a password is required"), "{ran:?}");
    assert_eq!(sh(&host, "ls -A /home/admin /srv | grep anywhere || :"), "");

    let container = Container::new(&host, "nobody-here", &plan(DATA), Mode::Apply);
    let ran = container.run().expect(1);
    assert!(
        ran.out
            .ends_with("anywhere: cut the first connection failed: exit status 255\n"),
        "{ran:?}"
    );
    assert!(ran.err.contains("Permission denied"), "{ran:?}");

    sh(&host, "mkdir -p /var/lib/anywhere; echo other/one >/var/lib/anywhere/owner");
    let container = Container::new(&host, "root", &plan(DATA), Mode::Apply);
    let ran = container.run().expect(1);
    assert!(matches!(error(&ran), Error::Owned { owner } if owner == "other/one"));
    assert_eq!(sh(&host, "ls /srv"), "");
    container.is_left_clean();
}

#[test]
fn what_the_login_shell_says_is_no_outcome() {
    // Only where the program is begun: what is said while files are copied breaks scp(1) itself.
    let noise = "case $BASH_EXECUTION_STRING in *landing) echo clean; echo lost+found; echo fail x; echo owned me; \
                 printf 'no end of line';; esac\n";
    let host = Machine::start(&MachineSpec {
        login_shell: Some("/bin/bash".to_owned()),
        sudo: SudoRule::NoPassword,
        ..MachineSpec::with_shell(Shell::Dash)
    })
    .unwrap();
    sh(&host, &format!("cat >/home/admin/.bashrc <<'END'\n{noise}END"));
    let run = |plan: &Plan, mode: Mode| Container::new(&host, "admin", plan, mode).run();
    run(&plan(DATA), Mode::Apply).expect(0);
    assert_eq!(sh(&host, "cat /srv/ran"), "a\nb\n");
    run(&Plan::reset(&["touch /srv/is-run; false".to_owned()]).unwrap(), Mode::Reset).expect(1);
    sh(&host, "rm /srv/is-run; echo 'admin ALL=(ALL) ALL' >>/etc/sudoers");
    let ran = run(&plan(DATA), Mode::Apply).expect(1);
    assert!(error(&ran).to_string().contains("a password is required"), "{ran:?}");
}
