//! The deadlines that a machine itself keeps.

use testbed::{Shell, SudoRule};

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
