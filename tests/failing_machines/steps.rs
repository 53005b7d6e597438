//! A step cannot do its work.

use super::*;

#[test]
fn a_tool_is_missing() {
    let machine = plain();
    machine.run(&["rm", "/usr/bin/setsid"]).unwrap();
    on("tool-missing", &machine, "root", "");
}

#[test]
fn a_step_takes_too_long() {
    let machine = plain();
    let mut failure = Failure::new("step-timeout");
    failure.machine(&machine);
    failure.lab.file("user-data.yaml", "#cloud-config\nruncmd:\n  - sleep 1000\n");
    failure.apply(1, &target("root", &machine), "--step-timeout 1");
    failure.compare();
}
