//! What the lines of a host lead to, also when the host lies.

use std::cell::RefCell;

use super::*;
use crate::bootstrap;
use crate::plan::Policy;

/// A plan of two commands.
fn plan() -> Plan {
    let bootstrap = bootstrap::parse(b"#cloud-config\nruncmd: ['true', 'false']\n", &bootstrap::Options::default()).unwrap();
    Plan::new(&bootstrap, &Policy::default()).unwrap()
}

/// The events of these lines, and how they end; PLAN, A and B stand for the ids.
fn read(mode: Mode, lines: &str) -> (Vec<String>, String) {
    let plan = plan();
    let [a, b] = plan.steps() else { unreachable!() };
    let (mut progress, events) = (Progress::new(&plan, mode), RefCell::new(Vec::new()));
    let listener = |event| {
        events.borrow_mut().push(match event {
            Event::Following { run } => format!("following {run}"),
            Event::StepBegan { number } => format!("began {number}"),
            Event::StepEnded {
                number, status, said, ..
            } => format!("ended {number} {status} {said:?}"),
            other @ (Event::Connected { .. }
            | Event::Facts(_)
            | Event::Machine { .. }
            | Event::Sending { .. }
            | Event::Sent { .. }
            | Event::Reconnecting { .. }) => format!("{other:?}"),
        });
    };
    let mut end = "goes on".to_owned();
    for line in lines.split(", ") {
        let line = line.replace("PLAN", plan.id());
        let line = line.replace('A', a.id.as_str()).replace('B', b.id.as_str());
        let Some(over) = progress.observe(Line::parse(line.as_bytes()), line.len() as u64, &listener) else {
            continue;
        };
        end = match over {
            End::Unchanged => "unchanged".to_owned(),
            End::Ok => "ok".to_owned(),
            End::Again(reason) => format!("again: {reason}"),
            End::Bad(error) => error.to_string(),
        };
        break;
    }
    (events.into_inner(), end)
}

#[test]
fn runs_and_their_ends() {
    for (lines, events, end) in [
        (
            "follow r 0, run r PLAN steps=2 time=1 by=me, begin 1 A 1.00 x, end 1 A 0 1.50, begin 2 B 2 y, end 2 B 0 3, ran r PLAN ok 3",
            "following r; began 1; ended 1 0 []; began 2; ended 2 0 []",
            "ok",
        ),
        ("follow r 0, ran r PLAN ok 3", "following r", "ok"),
        (
            "follow r 0, begin 2 B 2 y, err 2 no, end 2 B 7 3, ran r PLAN failed 3",
            "following r; began 2; ended 2 7 [\"no\"]",
            "step 2 of 2, runcmd[1]: exit status 7\n  | no",
        ),
        ("done PLAN", "", "unchanged"),
        (
            "follow r 0, interrupted 2 B, ran r PLAN failed 3",
            "following r",
            "step 2, runcmd[1], was under way",
        ),
        // The host went down in the first step and came back: another run, of which the first says nothing.
        (
            "follow r 0, begin 1 A 1 x, follow s 9, run s PLAN steps=2 time=1 by=me, begin 1 A 1 x, end 1 A 0 1, ran s PLAN ok 3",
            "following r; began 1; following s; began 1; ended 1 0 []",
            "ok",
        ),
        (
            "follow r 0, begin 1 A 1 x, end 1 A 1 1, follow s 9, begin 1 A 1 x, end 1 A 0 1, ran s PLAN ok 3",
            "following r; began 1; ended 1 1 []; following s; began 1; ended 1 0 []",
            "ok",
        ),
    ] {
        let (told, ended) = read(Mode::Apply, lines);
        assert_eq!(told.join("; "), events, "{lines}");
        assert!(ended.starts_with(end), "{lines}: {ended}");
    }
}

#[test]
fn what_is_not_of_this_plan_means_nothing() {
    for lines in [
        "begin 1 B 1 x",
        "begin 3 A 1 x",
        "begin 0 A 1 x",
        "begin -1 A 1 x",
        "begin 18446744073709551616 A 1 x",
        "end 1 0123456789abcdef 0 1",
        "end 18446744073709551615 A 0 1",
        "interrupted 9 A",
        "err 1 x",
        "err 77 x",
        "ran r 0123456789abcdef ok 3",
        "run r 0123456789abcdef steps=2 time=1 by=me",
        "made 18446744073709551615 /etc/shadow",
    ] {
        assert_eq!(read(Mode::Apply, lines), (vec![], "goes on".to_owned()), "{lines}");
    }
}

#[test]
fn a_host_that_contradicts_itself_has_failed() {
    for (lines, why) in [
        ("done 0123456789abcdef", "says that another plan had ended well"),
        ("done", "says that another plan had ended well"),
        ("clean", "answers as to a reset"),
        ("end 1 A 0 1", "says that step 1 ended before it began"),
        ("begin 1 A 1 x, begin 1 A 1 x", "says that step 1 began twice"),
        ("begin 1 A 1 x, end 1 A 0 1, begin 1 A 1 x", "says that step 1 began twice"),
        (
            "begin 1 A 1 x, end 1 A 0 1, end 1 A 0 1",
            "says that step 1 ended before it began",
        ),
        (
            "begin 2 B 1 x, end 2 B 1 1, ran r PLAN ok 3",
            "says that all ended well, but step 2 did not",
        ),
        (
            "begin 1 A 1 x, ran r PLAN ok 3",
            "says that all ended well, but step 1 did not",
        ),
    ] {
        let (_, end) = read(Mode::Apply, lines);
        assert_eq!(end, format!("the host {why}; it does not run what it was sent"), "{lines}");
    }
    for (line, most, why) in [
        (
            "follow NUMBER 0, run NUMBER PLAN steps=2 time=1 by=me",
            MAX_RUNS,
            "begins again and again",
        ),
        ("anywhere 1 b 1 NUMBER", MAX_MACHINES, "is another machine again and again"),
    ] {
        let again: Vec<_> = (0..2 * MAX_RUNS)
            .map(|number| line.replace("NUMBER", &number.to_string()))
            .collect();
        let (events, end) = read(Mode::Apply, &again.join(", "));
        assert_eq!(events.len(), most + 1);
        assert!(end.contains(why), "{end}");
    }
}

#[test]
fn only_a_reset_can_have_nothing_to_reset() {
    assert_eq!(read(Mode::Reset, "clean").1, "unchanged");
}

#[test]
fn times_that_cannot_be() {
    let (events, _) = read(
        Mode::Apply,
        "begin 1 A 184467440737095516.15 x, end 1 A -2147483648 0.00, begin 2 B 0 y, end 2 B 2147483647 184467440737095515.99",
    );
    assert_eq!(events.len(), 4);
}
