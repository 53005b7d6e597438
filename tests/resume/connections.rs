//! The connection or the engine is lost; the machine stays up.

use testbed::Direction;

use crate::case::{COMMANDS, Case};
use crate::lab::wait_until;

#[test]
fn the_engine_is_killed_in_each_step() {
    let case = Case::new();
    for step in COMMANDS {
        case.begin(&[step]);
        case.start_until(step, &[]).kill();
        if step % 2 == 0 {
            // The run ends with nobody there.
            case.release(step);
            case.wait_for("ok");
            let again = case.apply(&[]).expect(0);
            assert!(again.out.contains("unchanged"), "{again:?}");
        } else {
            let mut again = case.start(&[]);
            again.until("\"event\":\"following\"");
            case.release(step);
            again.end().expect(0);
        }
        case.check(&format!("killed in step {step}"), 1);
    }
}

#[test]
fn the_connection_is_reset_in_each_step() {
    let case = Case::new();
    for step in COMMANDS {
        case.begin(&[step]);
        let mut engine = case.start_until(step, &[]);
        let is_away = step % 2 == 0;
        case.proxy.refuse(is_away).unwrap();
        case.proxy.cut_now().unwrap();
        engine.until("\"event\":\"reconnecting\"");
        case.release(step);
        if is_away {
            case.wait_for("ok");
            case.proxy.refuse(false).unwrap();
        }
        engine.end().expect(0);
        case.check(&format!("reset in step {step}"), 1);
    }
}

#[test]
fn the_ssh_server_drops_its_sessions_in_each_step() {
    let case = Case::new();
    for step in COMMANDS {
        case.begin(&[step]);
        let mut engine = case.start_until(step, &[]);
        case.machine.kill_sshd_sessions().unwrap();
        engine.until("\"event\":\"reconnecting\"");
        case.release(step);
        engine.end().expect(0);
        case.check(&format!("sessions killed in step {step}"), 1);
    }
}

#[test]
fn the_connection_stalls_and_is_cut_in_each_step() {
    let case = Case::new();
    for step in COMMANDS {
        case.begin(&[step]);
        let engine = case.start_until(step, &[]);
        case.proxy.stall_now();
        case.release(step);
        case.wait_for("ok");
        case.proxy.cut_now().unwrap();
        case.proxy.resume();
        let ran = engine.end().expect(0);
        assert!(ran.out.contains("\"event\":\"reconnecting\""), "{ran:?}");
        case.check(&format!("stalled in step {step}"), 1);
    }
}

#[test]
fn a_connection_that_only_stalls_counts_as_lost_after_a_while() {
    let case = Case::new();
    case.begin(&[8]);
    let mut engine = case.start_until(8, &["--silence-timeout", "6"]);
    case.proxy.stall_now();
    engine.until("nothing was heard for 6 s");
    case.proxy.cut_now().unwrap();
    case.proxy.resume();
    case.release(8);
    engine.end().expect(0);
    case.check("stalled", 1);
}

/// Resets the connection after so many bytes, at places spread over a whole run; then the same command until it is done.
fn cut_by_bytes(direction: Direction, cuts: u64) {
    let case = Case::new();
    case.begin(&[]);
    let before = case.proxy.counters();
    case.start(&[]).end().expect(0);
    let after = case.proxy.counters();
    let total = match direction {
        Direction::ToServer => after.bytes_to_server - before.bytes_to_server,
        Direction::ToClient => after.bytes_to_client - before.bytes_to_client,
    };
    for cut in 1..cuts {
        case.begin(&[]);
        case.proxy.cut_after_bytes(direction, total * cut / cuts);
        let ran = case.start(&[]).end();
        // A machine that was never reached is told so at once; all later losses are mended by the engine itself.
        let was_reached = ran.out.contains("\"event\":\"connected\"");
        assert!(ran.status == 0 || !was_reached, "cut {cut} of {cuts}: {ran:?}");
        if ran.status != 0 {
            case.start(&[]).end().expect(0);
        }
        case.check(&format!("{direction:?}, cut {cut} of {cuts}"), 1);
    }
}

#[test]
fn the_connection_is_reset_within_what_is_sent() {
    cut_by_bytes(Direction::ToServer, 16);
}

#[test]
fn the_connection_is_reset_within_what_is_received() {
    cut_by_bytes(Direction::ToClient, 32);
}

#[test]
fn a_rerun_that_is_cut_runs_all_once_more_and_not_twice() {
    let case = Case::new();
    for step in [1, 9] {
        case.begin(&[]);
        case.apply(&[]).expect(0);
        case.hold(step);
        let mut engine = case.start(&["--rerun"]);
        engine.until_step(step);
        wait_until(&case.machine, &format!("[ $(grep -cx {step} /srv/log) = 2 ]"));
        case.proxy.cut_now().unwrap();
        engine.until("\"event\":\"reconnecting\"");
        case.release(step);
        engine.end().expect(0);
        case.check(&format!("rerun cut in step {step}"), 2);
    }
}
