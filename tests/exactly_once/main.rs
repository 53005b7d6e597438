//! Exactly once: a plan of twelve steps meets seven faults, each before every step and in the middle of every step. Whatever
//! happens, the same command converges: what ended ran once, and what nobody can know the end of is named.
//!
//! No case waits for a time to be there at the right moment. A step is held in its middle, or the run between two steps, by a pipe
//! that blocks until the test lets go (see [`gates`]).
#![allow(clippy::unwrap_used, clippy::panic)] // a test that cannot be set up fails

#[path = "../lab/mod.rs"]
mod lab;

mod bench;
mod case;
mod faults;
mod gates;
mod plan;
mod torn;

use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::time::Instant;

use bench::Bench;
use case::{Case, Fault, Moment};
use faults::Effect;
use testbed::Kind;

/// Machines with only an SSH server. One more has systemd until it has lost its power often enough.
const MACHINES: usize = 3;

type Cells = BTreeMap<Case, Result<Effect, String>>;

#[test]
fn every_fault_before_and_in_the_middle_of_every_step() {
    let began = Instant::now();
    let (on_systemd, on_sshd): (VecDeque<_>, VecDeque<_>) = Case::all().into_iter().partition(|case| case.fault == Fault::Reboot);
    let (on_systemd, on_sshd, cells) = (Mutex::new(on_systemd), Mutex::new(on_sshd), Mutex::new(Cells::new()));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            work(Kind::Systemd, &on_systemd, &cells);
            work(Kind::SshdOnly, &on_sshd, &cells);
        });
        for _ in 0..MACHINES {
            scope.spawn(|| work(Kind::SshdOnly, &on_sshd, &cells));
        }
    });
    let cells = cells.into_inner().unwrap();
    println!("{}\n{} cases in {} s", table(&cells), cells.len(), began.elapsed().as_secs());
    let failed: Vec<_> = cells
        .iter()
        .filter_map(|(case, cell)| Some(format!("{case}:\n{}", cell.as_ref().err()?)))
        .collect();
    assert!(failed.is_empty(), "{} failed\n\n{}", failed.len(), failed.join("\n\n"));
    assert_eq!(cells.len(), 12 * 2 * 7);
}

/// Takes cases until there are none. A machine on which one failed is not used again.
fn work(kind: Kind, cases: &Mutex<VecDeque<Case>>, cells: &Mutex<Cells>) {
    let mut bench = None;
    loop {
        let next = cases.lock().unwrap().pop_front();
        let Some(case) = next else { return };
        let mut machine = bench.take().unwrap_or_else(|| Bench::new(kind));
        let cell = catch_unwind(AssertUnwindSafe(|| faults::run(&mut machine, case)));
        let cell = cell.map_err(|why| match why.downcast::<String>() {
            Ok(text) => *text,
            Err(why) => why
                .downcast::<&str>()
                .map_or_else(|_| "it panicked".to_owned(), |text| (*text).to_owned()),
        });
        bench = cell.is_ok().then_some(machine);
        cells.lock().unwrap().insert(case, cell);
    }
}

/// What became of each case: a line for each step and moment, a column for each fault.
fn table(cells: &Cells) -> String {
    let mut text = format!("{:<23}", "");
    for fault in Fault::ALL {
        text += &format!("{:<19}", fault.name());
    }
    for step in 1..=12 {
        for moment in [Moment::Before, Moment::Middle] {
            text += &format!("\n{:<8} {step:>2}, {:<10}", plan::kind(step), moment.name());
            for fault in Fault::ALL {
                let cell = cells.get(&Case { step, moment, fault });
                text += &format!(
                    "{:<19}",
                    cell.map_or("-", |cell| cell.as_ref().map_or("FAILED", |effect| effect.name()))
                );
            }
        }
    }
    text
}
