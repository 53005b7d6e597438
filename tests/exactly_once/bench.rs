//! A machine behind a proxy, on which case after case is tried.

use std::path::PathBuf;

use testbed::{Faults, Kind, Machine, MachineSpec, Proxy};

use crate::gates::{AtGate, BELL, MV, until};
use crate::lab::{Lab, NOT_HELD, Ran, Running, apply_json, key, left_over, on, sh, wait_until};
use crate::plan::{APPENDED_TO, COMMANDS, FILES, content, gate, user_data};

/// The machine, the plan, and the engine's folder.
pub(crate) struct Bench {
    pub(crate) machine: Machine,
    pub(crate) proxy: Proxy,
    lab: Lab,
    data: PathBuf,
    key: String,
    target: String,
}

impl Bench {
    pub(crate) fn new(kind: Kind) -> Self {
        let lab = Lab::new();
        let spec = MachineSpec {
            disk_bytes: 16 << 20,
            ..MachineSpec::of_kind(kind)
        };
        let machine = Machine::start(&spec).unwrap();
        let proxy = Proxy::start(machine.socket_address(), Faults::default()).unwrap();
        let target = format!("root@{}", proxy.socket_address());
        let made = machine.run_with_input(
            &[
                "/bin/sh",
                "-c",
                "mkdir -p /usr/local/sbin && cat >/usr/local/sbin/mv && chmod 755 /usr/local/sbin/mv",
            ],
            MV.as_bytes(),
        );
        assert!(made.unwrap().status.success());
        let data = lab.file("data", user_data());
        let key = key();
        Self {
            machine,
            proxy,
            lab,
            data,
            key,
            target,
        }
    }

    /// Forgets all, and puts a gate into these steps, and a bell.
    pub(crate) fn begin(&self, held: &[usize]) {
        let gates: String = held.iter().map(|step| format!("mkfifo {}; ", gate(*step))).collect();
        let text = format!(
            "set -e; rm -rf /srv/* /var/lib/anywhere /gates; mkdir -p /gates /var/lib/anywhere; {gates}mkfifo {BELL}; \
             printf '{APPENDED_TO}' >/srv/appended"
        );
        sh(&self.machine, &text);
    }

    /// Waits until this step waits at its gate.
    #[track_caller]
    pub(crate) fn arrive(&self, step: usize) -> AtGate {
        AtGate::arrive(&self.machine, &gate(step))
    }

    pub(crate) fn release(&self, held: AtGate, step: usize) {
        held.release(&self.machine, &gate(step));
    }

    /// The command that is run again and again.
    pub(crate) fn start(&self, more: &[&str]) -> Running {
        Running::start(self.lab.anywhere(&apply_json(&self.key, &self.target, &self.data, more)))
    }

    pub(crate) fn apply(&self, more: &[&str]) -> Ran {
        self.start(more).end()
    }

    pub(crate) fn reset(&self) -> Ran {
        self.lab.run(&["reset", "-i", &self.key, &self.target])
    }

    pub(crate) fn status(&self) -> String {
        self.lab.run(&["status", "-o", "json", "-i", &self.key, &self.target]).out
    }

    pub(crate) fn journal(&self) -> String {
        std::fs::read_to_string(on(&self.machine, "var/lib/anywhere/journal")).unwrap_or_default()
    }

    /// Waits for a line of the journal that begins so.
    #[track_caller]
    pub(crate) fn until_journal(&self, start: &str) {
        until(start, || {
            self.journal().lines().any(|line| line.starts_with(start)).then_some(())
        });
    }

    /// Waits until the run on the machine has ended well, and its program too.
    #[track_caller]
    pub(crate) fn until_done(&self) {
        let done = || {
            self.journal()
                .lines()
                .last()
                .is_some_and(|line| line.starts_with("ran ") && line.contains(" ok "))
        };
        until("the run's end", || done().then_some(()));
        wait_until(&self.machine, NOT_HELD);
    }

    /// The numbers that the commands wrote.
    pub(crate) fn log(&self) -> Vec<usize> {
        let log = std::fs::read_to_string(on(&self.machine, "srv/log")).unwrap();
        log.lines().map(|line| line.parse().unwrap()).collect()
    }

    /// All is as it has to be at the end: each command ran once, but `twice` once more, every file is whole, nothing is left.
    #[track_caller]
    pub(crate) fn check(&self, twice: Option<usize>) {
        self.until_done();
        std::fs::remove_file(on(&self.machine, BELL.trim_start_matches('/'))).unwrap();
        let mut expected = COMMANDS.to_vec();
        expected.extend(twice);
        expected.sort_unstable();
        assert_eq!(self.log(), expected);
        for (step, path, size) in FILES {
            let before = if step == 5 { APPENDED_TO } else { "" };
            let found = std::fs::read_to_string(on(&self.machine, path.trim_start_matches('/'))).unwrap();
            assert!(found == format!("{before}{}", content(size)), "{path}: {} bytes", found.len());
        }
        assert_eq!(
            sh(&self.machine, "stat -c %a /srv/new/file /srv/late; ls -A /gates"),
            "644\n600\n"
        );
        assert_eq!(left_over(&self.machine), "");
    }
}
