//! Machines that lie: a real SSH server, and behind it a script of ours in place of everything it is told to run.

use std::path::Path;

use testbed::{Machine, MachineSpec};

use crate::lab::on;

const COMMON: &str = include_str!("liar.sh");

/// A machine that says what this script says.
pub(crate) fn liar(script: &str) -> Machine {
    let machine = Machine::start(&MachineSpec {
        sshd_config: vec!["ForceCommand /bin/sh /etc/liar".to_owned()],
        ..MachineSpec::default()
    })
    .unwrap();
    std::fs::write(on(&machine, "etc/liar"), format!("{COMMON}\n{script}")).unwrap();
    machine
}

/// All scripts in `hosts/`: the name, what has to be said of such a machine (the second line), the script.
pub(crate) fn scripts() -> Vec<(String, String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hostile_host/hosts");
    let mut scripts: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let script = std::fs::read_to_string(&path).unwrap();
            let expected = script.lines().nth(1).unwrap().trim_start_matches("# ").to_owned();
            (path.file_stem().unwrap().to_string_lossy().into_owned(), expected, script)
        })
        .collect();
    scripts.sort();
    scripts
}
