//! Every order in which things can happen in some small worlds, by exhaustion.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

mod world;

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use stateright::{Checker, Model, Property};
use world::steps::{Clock, Step};
use world::{Faults, Setting, World};

struct Allocator {
    setting: Setting,
    /// Worlds that end well.
    known: Mutex<HashSet<World>>,
}

impl Model for Allocator {
    type State = Arc<World>;
    type Action = (Step, Clock);

    fn init_states(&self) -> Vec<Arc<World>> {
        vec![Arc::new(World::new(&self.setting))]
    }

    fn actions(&self, world: &Arc<World>, actions: &mut Vec<(Step, Clock)>) {
        for step in world.possible() {
            actions.push((step, Clock::Early));
            if matches!(step, Step::Entry(..)) && world.waits() {
                actions.push((step, Clock::Late));
            }
        }
    }

    fn next_state(&self, world: &Arc<World>, (step, clock): (Step, Clock)) -> Option<Arc<World>> {
        let next = world.after(step, clock);
        (next != **world).then(|| Arc::new(next))
    }

    /// Hosts that stay unclean are tried again for ever; three times show what there is to see.
    fn within_boundary(&self, world: &Arc<World>) -> bool {
        world.attempts() <= 3
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("no rule is broken", |_, world: &Arc<World>| world.broken().is_none()),
            Property::always("it ends well", |model: &Self, world: &Arc<World>| {
                world.ends_badly(&model.known).is_none()
            }),
            Property::sometimes("a claim is served", |_, world: &Arc<World>| {
                world.hosts.iter().any(Option::is_some)
            }),
        ]
    }
}

/// Goes through all that can happen to so many entries, each with a host of its own, claims and controllers.
#[track_caller]
fn check(entries: usize, claims: usize, controllers: usize, faults: Faults) {
    let setting = Setting {
        entries: (0..entries).collect(),
        claims,
        controllers,
        hosts_refuse: false,
        faults,
    };
    let known = Mutex::default();
    let checker = Allocator { setting, known }.checker().threads(2).spawn_bfs().join();
    for (property, path) in checker.discoveries() {
        if property == "a claim is served" {
            continue;
        }
        let end = path.last_state().clone();
        let steps: Vec<String> = path.into_actions().iter().map(|action| format!("{action:?}")).collect();
        panic!(
            "{property}: {:?} {:?}\nafter {}\nin {end:?}",
            end.broken(),
            end.ends_badly(&Mutex::default()),
            steps.join("\n")
        );
    }
    checker.assert_any_discovery("a claim is served");
}

const NONE: Faults = Faults {
    crashes: 0,
    elections: 0,
    dirty: 0,
    entries_deleted: 0,
    claims_forced: 0,
    edits: 0,
    states_lost: 0,
};

/// One after the other gets it.
#[test]
fn claims_that_share_an_entry() {
    check(
        1,
        2,
        1,
        Faults {
            crashes: 1,
            dirty: 1,
            ..NONE
        },
    );
}

/// Each gets its own.
#[test]
fn claims_and_entries_alike() {
    check(2, 2, 1, Faults { dirty: 1, ..NONE });
}

/// Both write, and one leads after the other.
#[test]
fn two_controllers_and_one_entry() {
    check(1, 2, 2, Faults { elections: 1, ..NONE });
}

/// Both reserve an entry for it.
#[test]
fn two_controllers_and_one_claim() {
    check(
        2,
        1,
        2,
        Faults {
            elections: 1,
            crashes: 1,
            ..NONE
        },
    );
}

/// While free, bound, cleaned or quarantined.
#[test]
fn entries_taken_away() {
    check(
        2,
        1,
        1,
        Faults {
            entries_deleted: 1,
            dirty: 1,
            crashes: 1,
            ..NONE
        },
    );
}

/// To speak of another host, while the first is in use.
#[test]
fn entries_edited() {
    check(
        1,
        2,
        1,
        Faults {
            edits: 1,
            dirty: 1,
            crashes: 1,
            ..NONE
        },
    );
}

/// As by a backup restored without status.
#[test]
fn states_lost() {
    check(
        1,
        2,
        1,
        Faults {
            states_lost: 1,
            crashes: 1,
            ..NONE
        },
    );
}

/// Past the finalizer, at any time.
#[test]
fn claims_forced_away() {
    check(
        1,
        2,
        1,
        Faults {
            claims_forced: 1,
            crashes: 1,
            ..NONE
        },
    );
}
