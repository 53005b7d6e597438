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
pub(crate) const USUAL: Workload = Workload {
    count: 10,
    sentinel: false,
};

/// Five hundred of each: a thousand steps.
pub(crate) const LONG: Workload = Workload {
    count: 500,
    sentinel: false,
};

/// The scenarios with their names, in the order in which they are run. The slow peers are what the time goes into, so they run less
/// often.
pub(crate) fn scenarios(quick: bool) -> Vec<(&'static str, Scenario)> {
    let runs = Runs::of(quick);
    let mut all = one_machine(&runs);
    all.extend(many_machines(&runs));
    all
}

/// How often the tools run: so that all of them together take about twelve minutes.
struct Runs {
    quick: bool,
    fast: usize,
    fleet: usize,
}

impl Runs {
    fn of(quick: bool) -> Self {
        let (fast, fleet) = if quick { (3, 1) } else { (7, 3) };
        Self { quick, fast, fleet }
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
        ..scenario(1, [Ok(fast), Ok(fast), Ok(fast), not(), pyinfra, ansible])
    };
    let long = |round_trip, fast| Scenario {
        round_trip,
        work: LONG,
        ..scenario(1, [Ok(fast), not(), Ok(fast), not(), not(), not()])
    };
    vec![
        ("one", one(NEAR, Task::First, Ok(1), Ok(1))),
        ("one-50ms", one(FAR, Task::First, Ok(1), runs.unless_quick(1))),
        ("again", one(NEAR, Task::Again, Ok(1), runs.unless_quick(1))),
        ("again-50ms", one(FAR, Task::Again, not(), not())),
        ("steps", long(NEAR, 3)),
        ("steps-50ms", long(FAR, 3)),
    ]
}

fn many_machines(runs: &Runs) -> Vec<(&'static str, Scenario)> {
    let fleet = runs.fleet;
    let too_long = || Err("not run on 100 machines, which would take minutes: see 20 machines".to_owned());
    let with_dead = |machines, dead, fleet: Result<usize, String>| Scenario {
        dead,
        ..scenario(machines, [not(), not(), fleet.clone(), fleet, not(), not()])
    };
    vec![
        (
            "20",
            scenario(20, [Ok(fleet), Ok(1), Ok(fleet), not(), Ok(1), runs.unless_quick(1)]),
        ),
        (
            "100",
            scenario(
                100,
                [
                    Ok(fleet),
                    runs.unless_quick(1),
                    Ok(fleet),
                    not(),
                    runs.unless_quick(1),
                    too_long(),
                ],
            ),
        ),
        (
            "100-50ms",
            Scenario {
                round_trip: FAR,
                ..scenario(100, [Ok(fleet), not(), Ok(fleet), not(), not(), not()])
            },
        ),
        ("dead-tenth", with_dead(90, 10, Ok(fleet))),
        (
            "thousand",
            scenario(1000, [not(), not(), runs.unless_quick(1), not(), not(), not()]),
        ),
        ("thousand-dead-tenth", with_dead(900, 100, runs.unless_quick(1))),
    ]
}

/// Why a tool has no figures in a scenario that is not for it.
pub(crate) const NOT_HERE: &str = "not run here";

fn not() -> Result<usize, String> {
    Err(NOT_HERE.to_owned())
}

/// This many machines at no distance, with the usual work.
fn scenario(machines: usize, runs: [Result<usize, String>; 6]) -> Scenario {
    let [openssh, preferred, anywhere, alive, pyinfra, ansible] = runs;
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
            (Tool::AnywhereAlive, alive),
            (Tool::Pyinfra, pyinfra),
            (Tool::Ansible, ansible),
        ],
    }
}
