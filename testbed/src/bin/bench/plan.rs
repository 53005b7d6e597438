//! Which scenarios there are and how often each tool runs in them. Pure.

use std::time::Duration;

use crate::scenario::Scenario;
use crate::tools::{Task, Tool};

/// A distance at which round trips are what counts.
const FAR: Duration = Duration::from_millis(50);

/// The scenarios with their names. The slow peers are what the time goes into, so they run less often.
pub(crate) fn scenarios(quick: bool) -> Vec<(&'static str, Scenario)> {
    let near = Duration::ZERO;
    let unless_quick = |runs| {
        if quick {
            Err("not run with --quick".to_owned())
        } else {
            Ok(runs)
        }
    };
    let too_long = || Err("not run on 100 machines, which would take minutes: see 20 machines".to_owned());
    let (fast, pyinfra, ansible, fleet) = if quick { (3, 1, 1, 1) } else { (11, 3, 2, 3) };
    let one =
        |round_trip, task, pyinfra, ansible| scenario(1, round_trip, task, [Ok(fast), Ok(fast), Ok(fast), pyinfra, ansible]);
    let many = |machines, pyinfra, ansible| {
        scenario(
            machines,
            near,
            Task::First,
            [Ok(fleet), unless_quick(fleet), Ok(fleet), pyinfra, ansible],
        )
    };
    vec![
        ("one", one(near, Task::First, Ok(pyinfra), Ok(ansible))),
        ("one-50ms", one(FAR, Task::First, Ok(pyinfra), unless_quick(ansible))),
        ("again", one(near, Task::Again, Ok(pyinfra), unless_quick(1))),
        ("again-50ms", one(FAR, Task::Again, unless_quick(1), unless_quick(1))),
        ("20", many(20, Ok(fleet), unless_quick(1))),
        ("100", many(100, unless_quick(1), too_long())),
    ]
}

fn scenario(machines: usize, round_trip: Duration, task: Task, runs: [Result<usize, String>; 5]) -> Scenario {
    let [openssh, preferred, anywhere, pyinfra, ansible] = runs;
    Scenario {
        machines,
        round_trip,
        task,
        runs: [
            (Tool::OpenSsh, openssh),
            (Tool::OpenSshPreferred, preferred),
            (Tool::Anywhere, anywhere),
            (Tool::Pyinfra, pyinfra),
            (Tool::Ansible, ansible),
        ],
    }
}
