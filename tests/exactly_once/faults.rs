//! One case: holds the run, lets the fault strike, runs the same command again until it is done, and checks.

use std::fs::File;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::bench::Bench;
use crate::case::{Case, Fault, Moment, Partition};
use crate::gates::{AtGate, FullBell, until};
use crate::lab::{Ran, Running, on, sh};
use crate::plan::{has_no_state, kind};

/// What a fault did to the step it struck.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It ran once.
    Once,
    /// It is a file that was made anew, as part of it may have been missing.
    Repeated,
    /// It is a command that was named, and ran again only when asked to.
    Named,
}

impl Effect {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Once => "once",
            Self::Repeated => "file repeated",
            Self::Named => "named",
        }
    }

    /// Only what was under way when the machine, or the program on it, could not go on is not known to have ended.
    fn of(case: Case) -> Self {
        match (case.fault, case.moment, kind(case.step)) {
            (Fault::Reset | Fault::Partition | Fault::Engine | Fault::Sshd, _, _) | (_, Moment::Before, _) => Self::Once,
            (_, Moment::Middle, "file") => Self::Repeated,
            (_, Moment::Middle, _) => Self::Named,
        }
    }
}

/// Where the run is held.
enum Held {
    Before(FullBell),
    Middle(AtGate),
}

/// Why a step is named.
const NAMED: &str = "was under way when ";

pub(crate) fn run(bench: &mut Bench, case: Case) -> Effect {
    let effect = Effect::of(case);
    let patience = if case.fault == Fault::Partition && case.partition() == Partition::Longer {
        &["--silence-timeout", "6"][..]
    } else {
        &[]
    };
    let (engine, held) = hold(bench, case, patience);
    let mut told = strike(bench, case, engine, held);
    // Once more: it goes on with what is left, or there is nothing left to do.
    if effect == Effect::Named {
        told.push(bench.apply(&[]).expect(1));
        assert!(
            told.iter().any(|ran| ran.out.contains(&format!("step {}, ", case.step))),
            "{told:?}"
        );
    }
    let last = bench.apply(if effect == Effect::Named {
        &["--rerun-interrupted"]
    } else {
        &[]
    });
    told.push(last.expect(0));
    let unchanged = bench.apply(&[]).expect(0);
    assert!(unchanged.out.contains("\"result\":\"unchanged\""), "{unchanged:?}");
    for line in told
        .iter()
        .flat_map(|ran| ran.out.lines())
        .filter(|line| line.contains(NAMED))
    {
        assert!(
            effect == Effect::Named && line.contains(&format!("step {}, ", case.step)),
            "named without need: {line}"
        );
    }
    bench.check((effect == Effect::Named).then_some(case.step));
    // A line that was torn, and that the program has marked so, was never written.
    let begin = format!("begin {} ", case.step);
    let journal = bench.journal();
    let began = journal
        .lines()
        .filter(|line| line.starts_with(&begin) && !line.ends_with('\u{18}'));
    assert_eq!(began.count(), if effect == Effect::Once { 1 } else { 2 }, "{journal}");
    effect
}

/// Starts the run, and returns when it is exactly there.
fn hold(bench: &Bench, case: Case, more: &[&str]) -> (Running, Held) {
    match case.moment {
        Moment::Middle => {
            bench.begin(&[case.step]);
            let mut engine = bench.start(more);
            engine.until_step(case.step);
            (engine, Held::Middle(bench.arrive(case.step)))
        }
        Moment::Before if case.step == 1 => {
            bench.begin(&[]);
            let bell = FullBell::fill(&bench.machine);
            let mut engine = bench.start(more);
            engine.until("\"event\":\"following\"");
            bench.until_journal("run ");
            (engine, Held::Before(bell))
        }
        Moment::Before => {
            let before = case.step - 1;
            bench.begin(&[before]);
            let mut engine = bench.start(more);
            engine.until_step(before);
            let held = bench.arrive(before);
            let bell = FullBell::fill(&bench.machine);
            bench.release(held, before);
            bench.until_journal(&format!("end {before} "));
            (engine, Held::Before(bell))
        }
    }
}

fn let_go(bench: &Bench, case: Case, held: Held) {
    match held {
        Held::Before(bell) => bell.release(),
        Held::Middle(gate) => bench.release(gate, case.step),
    }
}

/// The fault, and what the engine says until it ends.
fn strike(bench: &mut Bench, case: Case, mut engine: Running, held: Held) -> Vec<Ran> {
    match case.fault {
        Fault::Reset => {
            let is_away = case.step.is_multiple_of(2);
            bench.proxy.refuse(is_away).unwrap();
            bench.proxy.cut_now().unwrap();
            engine.until("\"event\":\"reconnecting\"");
            let_go(bench, case, held);
            if is_away {
                bench.until_done();
                bench.proxy.refuse(false).unwrap();
            }
            vec![engine.end().expect(0)]
        }
        Fault::Partition => vec![partition(bench, case, engine, held)],
        Fault::Engine => {
            engine.kill();
            if case.step.is_multiple_of(2) {
                let_go(bench, case, held);
                bench.until_done();
                return Vec::new();
            }
            let mut again = bench.start(&[]);
            again.until("\"event\":\"following\"");
            let_go(bench, case, held);
            vec![again.end().expect(0)]
        }
        Fault::Sshd => {
            bench.machine.kill_sshd_sessions().unwrap();
            bench.machine.kill_sshd_listener().unwrap();
            engine.until("\"event\":\"reconnecting\"");
            let_go(bench, case, held);
            sh(&bench.machine, "/usr/sbin/sshd");
            vec![engine.end().expect(0)]
        }
        Fault::Supervisor => {
            sh(&bench.machine, "kill -9 $(cut -d ' ' -f 3 /var/lib/anywhere/lock.*)");
            let lost = engine.end().expect(1);
            assert!(lost.out.contains("the run was lost on the host"), "{lost:?}");
            if kind(case.step) == "file" && case.step.is_multiple_of(2) {
                // What was to put the file in its place never does.
                for pid in orphans(bench) {
                    kill(Pid::from_raw(i32::try_from(pid).unwrap()), Signal::SIGKILL).unwrap();
                }
            }
            let_go(bench, case, held);
            until("the end of what had been begun", || orphans(bench).is_empty().then_some(()));
            vec![lost]
        }
        Fault::Reboot => {
            bench.machine.reboot().unwrap();
            let_go(bench, case, held);
            let ran = engine.end();
            // A machine that takes long to boot is given up.
            let gave_up = ran.out.contains("gave up after");
            assert!(gave_up || (ran.status == 0) == (Effect::of(case) != Effect::Named), "{ran:?}");
            vec![ran]
        }
        Fault::DiskFull => {
            let replaced = fill_the_disk(bench, case);
            let_go(bench, case, held);
            let ran = engine.end().expect(1);
            assert!(ran.out.contains("no space is left on "), "{ran:?}");
            sh(&bench.machine, "rm /var/filler");
            drop(replaced);
            vec![ran]
        }
    }
}

fn partition(bench: &Bench, case: Case, mut engine: Running, held: Held) -> Ran {
    bench.proxy.stall_now();
    match case.partition() {
        Partition::Shorter | Partition::TwentySeconds => {
            if case.partition() == Partition::TwentySeconds {
                // It is the fault.
                std::thread::sleep(Duration::from_secs(20));
            }
            let_go(bench, case, held);
            bench.until_done();
            bench.proxy.resume();
            let ran = engine.end().expect(0);
            assert!(!ran.out.contains("\"event\":\"reconnecting\""), "{ran:?}");
            ran
        }
        Partition::Longer => {
            engine.until("nothing was heard for 6 s");
            bench.proxy.resume();
            let_go(bench, case, held);
            engine.end().expect(0)
        }
    }
}

/// What a step has started and that is still there.
fn orphans(bench: &Bench) -> Vec<u32> {
    let is_ours = |word: &String| word.starts_with("/srv/") || word.starts_with("/gates/");
    let processes = bench.machine.processes().unwrap().into_iter();
    processes
        .filter(|process| process.argv.iter().any(is_ours))
        .map(|process| process.pid)
        .collect()
}

/// Fills the disk to the last byte, but for so many in the journal's last page: a line that does not fit is torn there.
///
/// What step 5 replaces is kept open, so that it does not give its space back in the middle of the fault. In the middle of a
/// command that has a shell state to hand on, there is space for more lines: then it is the state that is lost.
fn fill_the_disk(bench: &Bench, case: Case) -> File {
    const PAGE: usize = 4096;
    let replaced = File::open(on(&bench.machine, "srv/appended")).unwrap();
    let is_state_lost = case.moment == Moment::Middle && kind(case.step) == "command" && !has_no_state(case.step);
    let left = if is_state_lost { 1000 } else { case.step * 2 };
    let size = bench.journal().len();
    let missing = (PAGE + PAGE - left - size % PAGE) % PAGE;
    // A line that means nothing.
    let padding = if missing == 0 {
        String::new()
    } else {
        format!("{}\n", "#".repeat(missing - 1))
    };
    sh(
        &bench.machine,
        &format!("printf '{padding}' >>/var/lib/anywhere/journal; ! cat /dev/zero >/var/filler 2>/dev/null"),
    );
    replaced
}
