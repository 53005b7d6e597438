//! What the tests of machines share.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail like tests")]

use std::process::Command;
use testbed::Machine;

/// What the command printed, after it has succeeded.
pub(crate) fn printed(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// What a command printed in an SSH session of this user.
pub(crate) fn ssh(machine: &Machine, user: &str, command: &str) -> String {
    printed(machine.ssh(user).unwrap().arg(command))
}
