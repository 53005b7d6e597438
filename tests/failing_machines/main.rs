//! Machines that cannot be provisioned: exit status 1, and words that say what is wrong and what to do.
//!
//! What is told is in `tests/failing_machines/*.txt`; `UPDATE_GOLDEN=1` rewrites it.

#![allow(clippy::unwrap_used)] // a test that cannot be set up fails

#[path = "../golden/mod.rs"]
mod golden;
#[path = "../lab/mod.rs"]
mod lab;

mod disks;
mod login;
mod owners;
mod reaching;
mod steps;

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Stdio;

use golden::{Placeholders, compare, transcript};
use lab::{Lab, Ran, key, machine, target};
use testbed::{ClientKeyType, Faults, Keys, Kind, Machine, MachineSpec, Proxy, Shell, Stall, SudoRule, User};

const USER_DATA: &str = "#cloud-config\nruncmd:\n  - echo hello\n";

/// One failure: commands are run, and what they say is compared with a file.
struct Failure {
    lab: Lab,
    name: &'static str,
    placeholders: Placeholders,
    text: String,
}

impl Failure {
    fn new(name: &'static str) -> Self {
        let lab = Lab::new();
        lab.file("user-data.yaml", USER_DATA);
        let mut placeholders = Placeholders::default();
        placeholders.hide(lab.path("").display().to_string().trim_end_matches('/'), "<FOLDER>");
        placeholders.hide(key(), "<KEY>");
        Self {
            lab,
            name,
            placeholders,
            text: String::new(),
        }
    }

    /// What stands for this address, and for its port if that is not SSH's.
    fn address(&mut self, address: SocketAddr, placeholder: &str) {
        self.placeholders.hide(address.ip(), placeholder);
        if address.port() != 22 {
            self.placeholders.hide(address.port(), "<PORT>");
        }
    }

    fn machine(&mut self, machine: &Machine) {
        self.address(machine.socket_address(), "<ADDRESS>");
        self.placeholders.hide(machine.hostname(), "<HOSTNAME>");
    }

    fn run(&mut self, status: i32, command: &str) -> Ran {
        let args: Vec<_> = command.split(' ').collect();
        let ran = self.lab.run(&args).expect(status);
        let out: String = ran.out.split_inclusive('\n').map(without_columns).collect();
        self.text
            .push_str(&transcript(&format!("anywhere {command}"), ran.status, &out, &ran.err));
        ran
    }

    /// `anywhere apply` with the key that machines accept.
    fn apply(&mut self, status: i32, target: &str, more: &str) -> Ran {
        let more = if more.is_empty() { String::new() } else { format!(" {more}") };
        self.run(status, &format!("apply -i {} -b user-data.yaml {target}{more}", key()))
    }

    /// The end: compares.
    fn compare(self) {
        let file = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/failing_machines")
            .join(format!("{}.txt", self.name));
        golden::report(
            &compare(&file, &self.placeholders.apply(&self.text))
                .err()
                .into_iter()
                .collect::<Vec<_>>(),
        );
    }
}

/// The head of a table is as wide as the addresses below it, which differ from run to run.
fn without_columns(line: &str) -> String {
    if line.starts_with("MACHINE ") {
        line.split_whitespace().collect::<Vec<_>>().join("  ") + "\n"
    } else {
        line.to_owned()
    }
}

/// A failure on one machine, as this user.
fn on(name: &'static str, machine: &Machine, user: &str, more: &str) {
    let mut failure = Failure::new(name);
    failure.machine(machine);
    failure.apply(1, &target(user, machine), more);
    failure.compare();
}

/// A machine where nobody is in the way.
fn plain() -> Machine {
    machine(Shell::Dash, SudoRule::NoPassword)
}
