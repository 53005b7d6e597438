//! Which scenarios there are and how often each tool runs in them. Pure.

use std::time::Duration;

use crate::scenario::Scenario;
use crate::tools::{Task, Tool};
use crate::workload::Workload;

/// A distance at which round trips are what counts.
const FAR: Duration = Duration::from_millis(50);

/// No distance.
const NEAR: Duration = Duration::ZERO;

/// Ten files and ten commands.
const USUAL: Workload = Workload { count: 10 };

/// Five hundred of each: a thousand steps.
const LONG: Workload = Workload { count: 500 };

/// The scenarios with their names, in the order in which they are run. The slow peers are what the time goes into, so they run less
/// often.
pub(crate) fn scenarios(quick: bool) -> Vec<(&'static str, Scenario)> {
    let runs = Runs::of(quick);
    let mut all = one_machine(&runs);
    all.extend(many_machines(&runs));
    all
}

/// How often the tools run.
struct Runs {
    quick: bool,
    fast: usize,
    pyinfra: usize,
    ansible: usize,
    fleet: usize,
}

impl Runs {
    fn of(quick: bool) -> Self {
        let (fast, pyinfra, ansible, fleet) = if quick { (3, 1, 1, 1) } else { (11, 3, 2, 3) };
        Self {
            quick,
            fast,
            pyinfra,
            ansible,
            fleet,
        }
    }

    fn unless_quick(&self, runs: usize) -> Result<usize, String> {
        if self.quick {
            Err("not run with --quick".to_owned())
        } else {
            Ok(runs)
        }
    }
}

fn one_machine(runs: &Runs) -> Vec<(&'static str, Scenario)> {
    let fast = runs.fast;
    let one = |round_trip, task, pyinfra, ansible| Scenario {
        round_trip,
        task,
        ..scenario(1, [Ok(fast), Ok(fast), Ok(fast), pyinfra, ansible])
    };
    let long = |round_trip, fast| Scenario {
        round_trip,
        work: LONG,
        ..scenario(1, [Ok(fast), not(), Ok(fast), not(), not()])
    };
    vec![
        ("one", one(NEAR, Task::First, Ok(runs.pyinfra), Ok(runs.ansible))),
        (
            "one-50ms",
            one(FAR, Task::First, Ok(runs.pyinfra), runs.unless_quick(runs.ansible)),
        ),
        ("again", one(NEAR, Task::Again, Ok(runs.pyinfra), runs.unless_quick(1))),
        (
            "again-50ms",
            one(FAR, Task::Again, runs.unless_quick(1), runs.unless_quick(1)),
        ),
        ("steps", long(NEAR, fast.min(5))),
        ("steps-50ms", long(FAR, fast.min(5))),
    ]
}

fn many_machines(runs: &Runs) -> Vec<(&'static str, Scenario)> {
    let fleet = runs.fleet;
    let too_long = || Err("not run on 100 machines, which would take minutes: see 20 machines".to_owned());
    let many =
        |machines, pyinfra, ansible| scenario(machines, [Ok(fleet), runs.unless_quick(fleet), Ok(fleet), pyinfra, ansible]);
    let ours = |machines, times: Result<usize, String>| scenario(machines, [times.clone(), not(), times, not(), not()]);
    vec![
        ("20", many(20, Ok(fleet), runs.unless_quick(1))),
        ("100", many(100, runs.unless_quick(1), too_long())),
        (
            "100-50ms",
            Scenario {
                round_trip: FAR,
                ..ours(100, Ok(fleet))
            },
        ),
        (
            "dead-tenth",
            Scenario {
                dead: 10,
                ..scenario(90, [not(), not(), Ok(fleet), not(), not()])
            },
        ),
        ("thousand", ours(1000, runs.unless_quick(1))),
        (
            "thousand-dead-tenth",
            Scenario {
                dead: 100,
                ..scenario(900, [not(), not(), runs.unless_quick(1), not(), not()])
            },
        ),
    ]
}

fn not() -> Result<usize, String> {
    Err("not run here".to_owned())
}

/// This many machines at no distance, with the usual work.
fn scenario(machines: usize, runs: [Result<usize, String>; 5]) -> Scenario {
    let [openssh, preferred, anywhere, pyinfra, ansible] = runs;
    Scenario {
        machines,
        dead: 0,
        round_trip: NEAR,
        task: Task::First,
        work: USUAL,
        runs: [
            (Tool::OpenSsh, openssh),
            (Tool::OpenSshPreferred, preferred),
            (Tool::Anywhere, anywhere),
            (Tool::Pyinfra, pyinfra),
            (Tool::Ansible, ansible),
        ],
    }
}
