//! A plan of twelve steps that tells which of its commands ran, and can be held in each of them.

use std::path::PathBuf;

use testbed::{Faults, Machine, Proxy, Shell, SudoRule};

use crate::lab::{Lab, NOT_HELD, Ran, Running, apply_json, key, left_over, machine, sh, wait_until};

/// The steps that are commands. Each writes its number to `/srv/log`, then waits while there is `/srv/hold-NUMBER`.
pub(crate) const COMMANDS: [usize; 8] = [1, 2, 7, 8, 9, 10, 11, 12];

/// A machine behind a proxy, and the plan.
pub(crate) struct Case {
    pub(crate) lab: Lab,
    pub(crate) machine: Machine,
    pub(crate) proxy: Proxy,
    pub(crate) data: PathBuf,
    key: String,
    direct: String,
    proxied: String,
}

pub(crate) fn user_data() -> String {
    let command = |number: &usize| format!("- echo {number} >>/srv/log; while [ -e /srv/hold-{number} ]; do sleep 0.02; done\n");
    let list = |numbers: &[usize]| -> String { numbers.iter().map(command).collect() };
    format!(
        "#cloud-config\nbootcmd:\n{}write_files:\n- {{path: /srv/new/file, content: \"written\\n\"}}\n\
         - {{path: /srv/appended, content: \"one\\n\", append: true}}\n- {{path: /srv/appended, content: \"two\\n\", append: true}}\n\
         - {{path: /srv/late, content: late, defer: true, permissions: '0600'}}\nruncmd:\n{}",
        list(&[1, 2]),
        list(&[7, 8, 9, 10, 11, 12])
    )
}

impl Case {
    pub(crate) fn new() -> Self {
        let lab = Lab::new();
        let machine = machine(Shell::Dash, SudoRule::None);
        let proxy = Proxy::start(machine.socket_address(), Faults::default()).unwrap();
        let data = lab.file("data", user_data());
        let direct = format!("root@{}", machine.socket_address());
        let proxied = format!("root@{}", proxy.socket_address());
        let key = key();
        Self {
            lab,
            machine,
            proxy,
            data,
            key,
            direct,
            proxied,
        }
    }

    /// Forgets all, and holds the plan in these steps.
    pub(crate) fn begin(&self, held: &[usize]) {
        sh(&self.machine, "rm -rf /srv/* /var/lib/anywhere");
        held.iter().for_each(|step| self.hold(*step));
    }

    pub(crate) fn hold(&self, step: usize) {
        sh(&self.machine, &format!("touch /srv/hold-{step}"));
    }

    pub(crate) fn release(&self, step: usize) {
        sh(&self.machine, &format!("rm /srv/hold-{step}"));
    }

    /// Starts the binary on the machine, through the proxy.
    pub(crate) fn start(&self, more: &[&str]) -> Running {
        let args = apply_json(&self.key, &self.proxied, &self.data, more);
        Running::start(self.lab.anywhere(&args))
    }

    /// Starts it, and waits until it has told of this held step and the step has had its effect.
    pub(crate) fn start_until(&self, step: usize, more: &[&str]) -> Running {
        let mut engine = self.start(more);
        engine.until_step(step);
        wait_until(&self.machine, &format!("grep -qx {step} /srv/log"));
        engine
    }

    pub(crate) fn apply(&self, more: &[&str]) -> Ran {
        self.lab.apply(&self.direct, &self.data, more)
    }

    pub(crate) fn reset(&self, more: &[&str]) -> Ran {
        let mut args = vec!["reset", "-i", &self.key, &self.direct];
        args.extend(more);
        self.lab.run(&args)
    }

    pub(crate) fn status(&self) -> String {
        self.lab
            .run(&["status", "-o", "json", "-i", &self.key, &self.direct])
            .expect(0)
            .out
    }

    /// Waits until the run on the machine has ended like this, and its program too.
    pub(crate) fn wait_for(&self, outcome: &str) {
        wait_until(
            &self.machine,
            &format!("tail -n 1 /var/lib/anywhere/journal | grep -q '^ran .* {outcome} ' && {{ {NOT_HELD}; }}"),
        );
    }

    /// The numbers that the commands wrote.
    pub(crate) fn log(&self) -> Vec<usize> {
        sh(&self.machine, "cat /srv/log")
            .lines()
            .map(|line| line.parse().unwrap())
            .collect()
    }

    /// All is as it has to be after a whole run, or `times` of them.
    #[track_caller]
    pub(crate) fn check(&self, what: &str, times: usize) {
        self.wait_for("ok");
        assert_eq!(self.log(), COMMANDS.repeat(times), "{what}");
        let files = sh(
            &self.machine,
            "cat /srv/new/file /srv/appended /srv/late; stat -c %a /srv/new/file /srv/late",
        );
        assert_eq!(
            files,
            format!("written\n{}late644\n600\n", "one\ntwo\n".repeat(times)),
            "{what}"
        );
        assert_eq!(left_over(&self.machine), "", "{what}");
    }
}
