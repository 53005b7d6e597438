//! The machine itself goes down, or the program on it is killed.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::case::{COMMANDS, Case, user_data};
use crate::lab::{sh, wait_until};

const KILL_SUPERVISOR: &str = "kill -9 $(cut -d ' ' -f 3 /var/lib/anywhere/lock.*)";

#[test]
fn a_command_that_was_under_way_when_the_program_was_killed_is_not_run_again_unasked() {
    let mut case = Case::new();
    case.begin(&[8]);
    let engine = case.start_until(8, &[]);
    sh(&case.machine, KILL_SUPERVISOR);
    let lost = engine.end().expect(1);
    assert!(lost.out.contains("the run was lost on the host"), "{lost:?}");
    let status = case.status();
    assert!(
        status.contains("\"state\":\"interrupted\"") && status.contains("\"interruptedBy\":\"kill\""),
        "{status}"
    );
    case.release(8);

    let interrupted = "runcmd[1], was under way when the run there was killed";
    for _ in 0..2 {
        let refused = case.apply(&[]).expect(1);
        assert!(refused.out.contains(&format!("step 8, {interrupted}")), "{refused:?}");
    }
    // Steps that end well before it, or after it, are no reason to forget.
    let longer = user_data().replace("write_files:\n", "write_files:\n- {path: /srv/inserted, content: x}\n");
    case.data = case.lab.file("longer", longer);
    for _ in 0..2 {
        let refused = case.apply(&[]).expect(1);
        assert!(refused.out.contains(&format!("step 9, {interrupted}")), "{refused:?}");
        sh(&case.machine, "[ -e /srv/inserted ]");
    }
    assert_eq!(case.log(), [1, 2, 7, 8]);
    let kept_going = case.apply(&["--keep-going"]).expect(1);
    assert!(kept_going.out.contains(interrupted), "{kept_going:?}");
    let refused = case.apply(&[]).expect(1);
    assert!(refused.out.contains(interrupted), "{refused:?}");
    assert_eq!(case.log(), [1, 2, 7, 8, 9, 10, 11, 12]);
    case.apply(&["--rerun-interrupted"]).expect(0);
    assert_eq!(case.log(), [1, 2, 7, 8, 9, 10, 11, 12, 8]);
}

#[test]
fn a_machine_that_reboots_in_a_command_says_so_and_goes_on_when_asked() {
    let mut case = Case::new();
    for step in [1, 9] {
        case.begin(&[step]);
        let engine = case.start_until(step, &[]);
        case.machine.reboot().unwrap();
        let refused = engine.end().expect(1);
        assert!(refused.out.contains("was under way when the host went down"), "{refused:?}");
        assert!(refused.out.contains(&format!("step {step}, ")), "{refused:?}");
        case.release(step);
        case.apply(&["--rerun-interrupted"]).expect(0);
        let mut expected: Vec<_> = COMMANDS.to_vec();
        expected.insert(expected.iter().position(|number| *number == step).unwrap(), step);
        assert_eq!(case.log(), expected);
        sh(&case.machine, "[ -z \"$(ls -A /run/anywhere)\" ]");
    }
}

#[test]
fn a_file_that_was_being_written_is_written_again_unasked() {
    let case = Case::new();
    let mut case = case;
    case.data = case.lab.file(
        "file",
        "#cloud-config\nwrite_files:\n- {path: /srv/appended, content: \"one\\n\", append: true}\n\
         - {path: /srv/pipe, content: through the pipe}\n- {path: /srv/last, content: last}\n",
    );
    // As it is when the append was all but noted, and when it had not taken place yet.
    for (appended, what) in [("one\n", "in its place"), ("", "not in its place")] {
        case.begin(&[]);
        sh(&case.machine, "mkfifo /srv/pipe");
        let mut engine = case.start(&[]);
        engine.until_step(2);
        let writer = "/content";
        wait_until(&case.machine, "grep -q '^begin 2 ' /var/lib/anywhere/journal");
        sh(&case.machine, KILL_SUPERVISOR);
        engine.end().expect(1);
        for process in case.machine.processes().unwrap() {
            if process.argv.last().is_some_and(|word| word.ends_with(writer)) {
                kill(Pid::from_raw(i32::try_from(process.pid).unwrap()), Signal::SIGKILL).unwrap();
            }
        }
        sh(&case.machine, "sed -i '/^end 1 /d' /var/lib/anywhere/journal");
        sh(&case.machine, &format!("printf '{appended}' >/srv/appended"));

        let engine = case.start(&[]);
        let through = sh(&case.machine, "cat /srv/pipe");
        engine.end().expect(0);
        assert_eq!(through, "through the pipe");
        assert_eq!(sh(&case.machine, "cat /srv/appended /srv/last"), "one\nlast", "{what}");
    }
}

#[test]
fn a_clock_that_jumps_changes_nothing() {
    let mut case = Case::new();
    // The kernel's clock is that of the machine that runs this test; a shell asks date(1).
    sh(
        &case.machine,
        "mv /usr/bin/date /usr/bin/date.real; printf '#!/bin/sh\\necho $(($(date.real +%%s) + $(cat /srv/jump)))\\n' >/usr/bin/date; \
         chmod 755 /usr/bin/date",
    );
    const DAY: i64 = 86_400;
    // After the first and the second command: a day, a year, and to before 1970.
    for (before, jumps) in [
        (0, [DAY, -365 * DAY]),
        (0, [-365 * DAY, -100_000 * DAY]),
        (-100_000 * DAY, [0, DAY]),
    ] {
        case.begin(&[]);
        sh(&case.machine, &format!("echo {before} >/srv/jump"));
        let [first, second] = jumps;
        let data = format!(
            "#cloud-config\nruncmd:\n- echo {first} >/srv/jump; echo 1 >>/srv/log\n- echo {second} >/srv/jump; echo 2 >>/srv/log\n\
             - date +%s >/srv/now; echo 3 >>/srv/log\n- 'false'\n"
        );
        case.data = case.lab.file("jumps", data);
        for _ in 0..2 {
            let ran = case
                .start(&["--step-timeout", "600", "--run-timeout", "1200"])
                .end()
                .expect(1);
            let failed = ran.out.lines().find(|line| line.contains("\"end\"")).unwrap_or_default();
            assert!(failed.contains("step 4 of 4, runcmd[3]: exit status 1"), "{ran:?}");
            // To the hundredth of a second by the uptime, so never a day, and never less than nothing.
            for ended in ran.out.lines().filter(|line| line.contains("\"step-ended\"")) {
                let ended: serde_json::Value = serde_json::from_str(ended).unwrap();
                assert!((0.0..600.0).contains(&ended["seconds"].as_f64().unwrap()), "{ended}");
            }
            let status: serde_json::Value = serde_json::from_str(&case.status()).unwrap();
            assert_eq!(
                (&status["state"], &status["exitStatus"]),
                (&"failed".into(), &1.into()),
                "{status}"
            );
        }
        assert_eq!(case.log(), [1, 2, 3]);
    }
}
