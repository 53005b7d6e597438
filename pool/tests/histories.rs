//! Long histories in a larger world, at random, with every fault: the rules hold at each step, and all ends well once nothing more goes wrong.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

mod world;

use std::sync::Mutex;

use proptest::prelude::*;
use world::steps::Clock;
use world::{Faults, Setting, World};

fn setting() -> Setting {
    Setting {
        entries: vec![0, 1, 2],
        claims: 5,
        controllers: 2,
        hosts_refuse: false,
        faults: Faults {
            crashes: 3,
            elections: 3,
            dirty: 3,
            entries_deleted: 1,
            claims_forced: 1,
            edits: 1,
            states_lost: 0,
        },
    }
}

/// Goes on from the beginning, by these choices among what is possible.
fn live(setting: &Setting, choices: &[(u16, bool)]) -> Result<(), TestCaseError> {
    let mut world = World::new(setting);
    let mut steps = Vec::new();
    for (choice, late) in choices {
        let possible = world.possible();
        let step = possible[usize::from(*choice) % possible.len()];
        steps.push(step);
        world.take(step, if *late { Clock::Late } else { Clock::Early });
        prop_assert_eq!(world.broken(), None, "after {:?}\nin {:?}", steps, world);
    }
    prop_assert_eq!(world.ends_badly(&Mutex::default()), None, "after {:?}\nin {:?}", steps, world);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn whatever_happens(choices in proptest::collection::vec(any::<(u16, bool)>(), 0..300)) {
        live(&setting(), &choices)?;
    }

    #[test]
    fn even_when_states_are_lost(choices in proptest::collection::vec(any::<(u16, bool)>(), 0..300)) {
        let mut setting = setting();
        setting.faults.states_lost = 2;
        setting.hosts_refuse = true;
        live(&setting, &choices)?;
    }

    #[test]
    fn even_when_one_host_is_described_twice(choices in proptest::collection::vec(any::<(u16, bool)>(), 0..300)) {
        let mut setting = setting();
        setting.entries = vec![0, 1, 1];
        setting.hosts_refuse = true;
        setting.faults.edits = 0;
        live(&setting, &choices)?;
    }
}
