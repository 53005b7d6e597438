//! Where everything ends once nothing more goes wrong.

use std::collections::HashSet;
use std::sync::Mutex;

use pool::{Reason, State};

use super::steps::{Clock, Step};
use super::{Doing, Existence, Faults, World, claim_id};

impl World {
    /// What is wrong with where this ends, if all that waits is done in turn and nothing more goes wrong. `known` are worlds that end well.
    pub(crate) fn ends_badly(&self, known: &Mutex<HashSet<World>>) -> Option<String> {
        let mut world = self.clone();
        world.faults = Faults::default();
        for who in 0..world.controllers.len() {
            world.see_everything(who);
        }
        let mut passed = Vec::new();
        for _ in 0..40 {
            if known.lock().expect("known worlds").contains(&world) {
                return None;
            }
            passed.push(world.clone());
            let before = world.clone();
            world.round();
            if world == before {
                let unsettled = world.unsettled();
                if unsettled.is_none() {
                    known.lock().expect("known worlds").extend(passed);
                }
                return unsettled;
            }
            if let Some(broken) = world.broken() {
                return Some(format!("{broken}: {world:?}\nfrom {before:?}"));
            }
        }
        Some(format!("it never comes to rest: {world:?}"))
    }

    /// Every controller sees everything and does everything once.
    fn round(&mut self) {
        for who in 0..self.controllers.len() {
            self.see_everything(who);
            let (entries, claims) = (0..self.entries.len(), 0..self.claims.len());
            let steps = (claims.clone().map(|number| Step::Assign(who, number)))
                .chain(entries.map(|number| Step::Entry(who, number)))
                .chain(claims.map(|number| Step::Claim(who, number)));
            for step in steps {
                self.take(step, Clock::Late);
            }
        }
        for number in 0..self.entries.len() {
            self.take(Step::WorkEnds(number), Clock::Late);
        }
    }

    fn see_everything(&mut self, who: usize) {
        self.controllers[who].entries.clone_from(&self.entries);
        self.controllers[who].claims.clone_from(&self.claims);
    }

    fn unsettled(&self) -> Option<String> {
        let mut waiting = 0;
        for (number, claim) in self.claims.iter().enumerate() {
            let Existence::There(claim) = claim else {
                continue;
            };
            if claim.deleting {
                return Some(format!("claim {number} is never let go"));
            }
            let served = self.entries.iter().filter_map(Existence::there).any(
                |entry| matches!(&entry.state, State::Bound { claim, at } if *claim == claim_id(number) && self.hosts[super::host_at(at)] == Some(number)),
            );
            let lost = claim.begun && !served;
            if !served && !lost {
                waiting += 1;
            }
        }
        for (number, entry) in self.entries.iter().enumerate() {
            let Existence::There(entry) = entry else {
                continue;
            };
            match &entry.state {
                State::Free(_) if entry.deleting => return Some(format!("entry {number} is never let go")),
                State::Free(_) if waiting > 0 && !self.spoken_of_twice(entry.host) => {
                    return Some(format!("a claim waits although entry {number} is free"));
                }
                State::Free(_) | State::Bound { .. } => {}
                // A host that carries another owner's run is looked at again and again until that owner has gone.
                State::Quarantined {
                    reason: Reason::Foreign(_),
                    ..
                } => {}
                State::Reserved { .. }
                | State::Releasing { .. }
                | State::Cleaning { .. }
                | State::Verified { .. }
                | State::Quarantined { .. } => {
                    return Some(format!("entry {number} stays {}", entry.state.name()));
                }
            }
        }
        let idle = self
            .controllers
            .iter()
            .all(|controller| controller.work.iter().all(|work| *work == Doing::Nothing));
        (!idle).then(|| "work is left undone".to_owned())
    }

    fn spoken_of_twice(&self, host: usize) -> bool {
        self.entries
            .iter()
            .filter_map(Existence::there)
            .filter(|entry| entry.host == host)
            .count()
            > 1
    }
}
