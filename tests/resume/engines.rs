//! Several engines at one machine, and an engine that is asked to stop.

use std::sync::Barrier;

use crate::case::{COMMANDS, Case, user_data};
use crate::lab::{left_over, sh};

#[test]
fn two_engines_with_the_same_plan_follow_one_run() {
    let case = Case::new();
    case.begin(&[8]);
    let first = case.start_until(8, &[]);
    let mut second = case.start(&[]);
    second.until("\"event\":\"following\"");
    second.until_step(8);
    case.release(8);
    first.end().expect(0);
    second.end().expect(0);
    case.check("two engines", 1);
}

#[test]
fn engines_that_start_at_once_run_every_command_once() {
    let case = Case::new();
    for _ in 0..8 {
        case.begin(&[]);
        let together = Barrier::new(3);
        let results: Vec<_> = std::thread::scope(|scope| {
            let start = || {
                together.wait();
                case.apply(&[])
            };
            let threads: Vec<_> = (0..3).map(|_| scope.spawn(start)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        for ran in results {
            ran.expect(0);
        }
        case.check("at once", 1);
    }
}

#[test]
fn another_plan_has_to_wait_and_is_told_for_whom() {
    let case = Case::new();
    case.begin(&[8]);
    let first = case.start_until(8, &[]);
    let other = case.lab.file("other", "#cloud-config\nruncmd: ['echo other >>/srv/other']\n");
    let machine = format!("root@{}", case.machine.socket_address());
    let held = case.lab.apply(&machine, &other, &[]).expect(1);
    let hostname = nix::unistd::gethostname().unwrap().into_string().unwrap();
    let holder = format!("the host is held by tester@{hostname} pid {}, who", first.pid());
    assert!(held.out.contains(&holder), "{holder}: {held:?}");
    assert!(case.status().contains("\"state\":\"running\""), "{}", case.status());
    let reset = case.reset(&[]).expect(1);
    assert!(reset.out.contains(&holder), "{reset:?}");
    case.release(8);
    first.end().expect(0);
    case.check("held", 1);
    case.lab.apply(&machine, &other, &[]).expect(0);
    assert_eq!(sh(&case.machine, "cat /srv/other"), "other\n");
}

#[test]
fn another_owner_is_refused_until_the_machine_is_reset() {
    let case = Case::new();
    case.begin(&[8]);
    let first = case.start_until(8, &["--owner", "lab/one"]);
    let refused = "the host carries a run of lab/one; reset it first (anywhere reset --owner 'lab/one')";
    let during = case.apply(&["--owner", "lab/two"]).expect(1);
    assert!(during.out.contains(refused), "{during:?}");
    case.release(8);
    first.end().expect(0);
    for ran in [
        case.apply(&["--owner", "lab/two"]),
        case.reset(&["--owner", "lab/two"]),
        case.reset(&[]),
    ] {
        assert!(ran.expect(1).out.contains(refused));
    }
    case.check("refused", 1);
    case.reset(&["--owner", "lab/one"]).expect(0);
    sh(
        &case.machine,
        "[ ! -e /var/lib/anywhere ] && [ ! -e /srv/new ] && rm /srv/log",
    );
    case.apply(&["--owner", "lab/two"]).expect(0);
    case.check("after the reset", 1);
}

#[test]
fn control_c_stops_before_the_next_step_and_the_next_run_goes_on() {
    let case = Case::new();
    for step in [1, 8, 12] {
        case.begin(&[step]);
        let engine = case.start_until(step, &[]);
        engine.interrupt();
        let stopped = engine.end().expect(1);
        assert!(stopped.all().contains("Run the same command again to go on"), "{stopped:?}");
        assert!(stopped.out.contains("\"result\":\"stopped\""), "{stopped:?}");
        case.release(step);
        if step == 12 {
            // It was the last one, and ended well.
            case.wait_for("\\(ok\\|stopped\\)");
        } else {
            case.wait_for("stopped");
            assert!(case.status().contains("\"state\":\"stopped\""), "{}", case.status());
            let ran: Vec<_> = COMMANDS.into_iter().filter(|number| *number <= step).collect();
            assert_eq!(case.log(), ran, "the step under way has ended, the next has not begun");
            let left = left_over(&case.machine);
            assert!(left.lines().all(|path| path.contains("/state.")), "{left}");
        }
        case.start(&[]).end().expect(0);
        case.check(&format!("stopped in step {step}"), 1);
    }
}

#[test]
fn the_same_plan_again_costs_one_connection() {
    let case = Case::new();
    case.begin(&[]);
    case.apply(&[]).expect(0);
    let before = case.proxy.counters().connections;
    let again = case.start(&[]).end().expect(0);
    assert!(again.out.contains("\"result\":\"unchanged\""), "{again:?}");
    assert!(!again.out.contains("step-began"), "{again:?}");
    assert_eq!(case.proxy.counters().connections - before, 1);
    case.check("again", 1);
    assert_eq!(user_data().matches("echo ").count(), COMMANDS.len());
}
