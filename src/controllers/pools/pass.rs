//! One look at the pools of a namespace: from all that was seen to all that is to be written and done. Pure.
//!
//! A pass does the next step of each entry and no more; whoever carries it out looks again once that is done, until nothing is left.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::SystemTime;

use crds::infrastructure::pooled_remote_machine::PooledRemoteMachineStatus;
use crds::infrastructure::pooled_remote_machine::v1beta2::PooledRemoteMachine;
use crds::infrastructure::remote_machine::v1beta2::RemoteMachine;
use pool::assign::conflicts;
use pool::{
    Action, Claim, ClaimAction, ClaimId, Decision, Endpoint, Entry, EntryId, Observed, Orders, Pool, Retry, State, Work, assign,
    claim_next, entry_next,
};

use super::claim;
use super::entry;
use super::look::{Look, Wanting, machine_name, name};
use super::reading::Reading;
use super::shown::{self, Shown};
use super::told::Told;

/// What was seen of one namespace.
#[derive(Clone, Debug)]
pub(crate) struct Seen<'a> {
    /// All its entries.
    pub(crate) entries: Vec<SeenEntry<'a>>,
    /// All its RemoteMachines.
    pub(crate) machines: Vec<SeenMachine<'a>>,
    /// What the store itself said just now of the claims that it was asked for. One that it has is among `machines` as it said.
    pub(crate) asked: HashMap<ClaimId, Answer>,
    /// Entries that the store itself does not have.
    pub(crate) gone: &'a BTreeSet<String>,
    /// Whether a Cluster there is paused: its objects may be on their way to another management cluster, and a RemoteMachine that has
    /// gone proves nothing.
    pub(crate) is_paused: bool,
}

/// What the store itself said of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It is there.
    There,
    /// It is not, and never will be again.
    Gone,
}

/// An entry as it was seen.
#[derive(Clone, Debug)]
pub(crate) struct SeenEntry<'a> {
    /// The object.
    pub(crate) object: &'a PooledRemoteMachine,
    /// What it says.
    pub(crate) reading: &'a Reading,
    /// What is done on its host by this process.
    pub(crate) work: Work,
    /// Whether what its machine is reached with was changed after it was quarantined.
    pub(crate) is_mended: bool,
}

/// A RemoteMachine as it was seen.
#[derive(Clone, Debug)]
pub(crate) struct SeenMachine<'a> {
    /// The object.
    pub(crate) object: &'a RemoteMachine,
    /// The failure domain of its Machine.
    pub(crate) failure_domain: Option<&'a str>,
    /// Whether it or its Cluster is paused.
    pub(crate) is_paused: bool,
}

/// What one pass comes to.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Pass {
    /// What is to be done about entries, by name, each in this order; nothing is said of the others.
    pub(crate) entries: BTreeMap<String, Vec<Step>>,
    /// What RemoteMachines are told, by name; those of which nothing is said wait for no entry.
    pub(crate) told: BTreeMap<String, Told>,
    /// RemoteMachines that are to name no entry any more, by name; see [`pool::ClaimAction::Unname`].
    pub(crate) unname: BTreeSet<String>,
    /// Entries that say something else since their claims were told of them, which are to be told again.
    pub(crate) retell: BTreeMap<String, ClaimId>,
    /// Entries that RemoteMachines name and that were not seen: the store itself is to be asked for them.
    pub(crate) missing: BTreeSet<String>,
    /// When to look again, if nothing is seen before.
    pub(crate) wake_at: Option<SystemTime>,
    /// Each pool in figures.
    pub(crate) figures: BTreeMap<String, Figures>,
}

/// Something to be done about an entry. What follows is only done if this was.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    /// Write its metadata.
    Metadata {
        /// Whether it is to have our finalizer.
        finalizer: bool,
        /// Orders that were obeyed: annotations that are taken away.
        obeyed: Vec<&'static str>,
    },
    /// Write its status, and say that its state has changed, if it has.
    Status {
        /// The status.
        status: Box<PooledRemoteMachineStatus>,
        /// From which state to which.
        change: Option<Box<(State, State)>>,
    },
    /// What the allocator says is to be done.
    Do(Action),
}

/// A pool in figures.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Figures {
    /// How many entries are in each state, by its name; `Damaged` are those that cannot be read.
    pub(crate) entries: BTreeMap<&'static str, usize>,
    /// How many RemoteMachines wait for an entry.
    pub(crate) waiting: usize,
    /// Since when the first of these waits.
    pub(crate) oldest: Option<SystemTime>,
}

/// What is to be done, from what was seen.
pub(crate) fn pass(seen: &Seen<'_>, now: SystemTime, retry: &Retry) -> Pass {
    Look::new(seen, now).pass(retry)
}
impl Look<'_> {
    fn pass(&self, retry: &Retry) -> Pass {
        let named_by = self.named_by();
        let others: HashSet<Endpoint> = self.alone.keys().cloned().collect();
        let conflicts = conflicts(self.entries.iter().map(|(_, entry)| &**entry), &others);
        let mut decided: Vec<Option<Decision>> = Vec::with_capacity(self.entries.len());
        for (index, entry) in &self.entries {
            let decision = self.seen.entries.get(*index).and_then(|seen| {
                if self.is_held_back(entry, seen.object) {
                    return None;
                }
                let orders = entry::orders(seen.object);
                let orders = Orders {
                    // Whoever gave up on it has the last word.
                    retry: orders.retry || (seen.is_mended && !orders.give_up),
                    ..orders
                };
                let observed = Observed {
                    endpoint: entry.endpoint.clone(),
                    deleting: entry.deleting,
                    claim: self.claim_seen(entry),
                    named_by: named_by.get(&entry.id).cloned(),
                    work: seen.work.clone(),
                    orders,
                };
                Some(entry_next(&entry.state, &observed, self.now, retry))
            });
            decided.push(decision);
        }
        let mut pass = Pass::default();
        let numbers = self.numbers();
        self.assign(&mut decided, (&others, &numbers), &mut pass);
        for ((index, entry), decision) in self.entries.iter().zip(&decided) {
            let Some(seen) = self.seen.entries.get(*index) else { continue };
            let described_by = |at: &Endpoint| -> BTreeSet<String> {
                let entries = conflicts.get(at).into_iter().flatten();
                let entries = entries
                    .filter(|id| **id != &entry.id)
                    .map(|id| format!("PooledRemoteMachine {id}"));
                entries.chain(self.alone.get(at).into_iter().flatten().cloned()).collect()
            };
            let also = described_by(&entry.endpoint);
            let steps = self.steps((seen.object, seen.reading.says_free), entry, decision.as_ref(), &also);
            let wake_at = decision.as_ref().and_then(|decision| decision.wake_at);
            pass.wake_at = pass.wake_at.into_iter().chain(wake_at).min();
            pass.count(entry, entry.state.name());
            if !steps.is_empty() {
                pass.entries.insert(name(seen.object).to_owned(), steps);
            }
        }
        self.find_unnamed(&numbers, &mut pass);
        self.find_untold(&decided, &mut pass);
        self.say_what_is_damaged(&mut pass);
        self.tell_of_conflicts(&conflicts, &mut pass);
        pass
    }

    /// Where each entry is; of no use where nobody claims one.
    fn numbers(&self) -> HashMap<&EntryId, usize> {
        if self.claims.is_empty() {
            return HashMap::new();
        }
        let entries = self.entries.iter().enumerate();
        entries.map(|(number, (_, entry))| (&entry.id, number)).collect()
    }

    /// Gives free entries to waiting claims, and tells the others what they wait for.
    fn assign(
        &self,
        decided: &mut [Option<Decision>],
        (others, numbers): (&HashSet<Endpoint>, &HashMap<&EntryId, usize>),
        pass: &mut Pass,
    ) {
        // A free entry that is held back is as if it were not there; one that somebody has says that they have it.
        let entries: Vec<&Entry> = self
            .entries
            .iter()
            .zip(&*decided)
            .filter(|((_, entry), decision)| decision.is_some() || !matches!(entry.state, State::Free(_)))
            .map(|((_, entry), _)| &**entry)
            .collect();
        let held: HashSet<&ClaimId> = entries.iter().filter_map(|entry| entry.state.holder()).collect();
        let has_one = |claim: &Claim| claim.named.is_some() || held.contains(&claim.id);
        let may_wait = |wanting: &&Wanting<'_>| {
            !wanting.seen.is_paused && wanting.bad.is_none() && !claim::is_provisioned(wanting.seen.object)
                || has_one(&wanting.claim)
        };
        let claims = self.claims.iter().filter(may_wait).map(|wanting| &wanting.claim);
        let matching = assign(entries.iter().copied(), claims, others);
        for reservation in matching.reservations {
            let decision = numbers
                .get(&reservation.entry)
                .and_then(|number| decided.get_mut(*number)?.as_mut());
            if let Some(decision) = decision
                && let State::Free(before) = decision.state
                && decision.action.is_none()
            {
                decision.state = State::Reserved {
                    claim: reservation.claim,
                    before,
                };
            }
        }
        let mut in_pool: HashMap<&Pool, usize> = HashMap::new();
        let waiting: Vec<_> = matching
            .waiting
            .iter()
            .filter_map(|waiting| Some((waiting, &self.claims.get(*self.by_id.get(&waiting.claim)?)?.claim)))
            .collect();
        for (_, claim) in &waiting {
            *in_pool.entry(&claim.pool).or_default() += 1;
        }
        for (waiting, claim) in &waiting {
            let told = Told::Waits {
                pool: claim.pool.clone(),
                position: waiting.position,
                of: in_pool.get(&claim.pool).copied().unwrap_or_default(),
                why: waiting.why,
            };
            if let Some((_, name)) = self.name_of(&waiting.claim) {
                pass.told.insert(name, told);
            }
            let figures = pass.figures.entry(claim.pool.name.to_string()).or_default();
            figures.waiting += 1;
            figures.oldest = figures.oldest.into_iter().chain([claim.created]).min();
        }
        for wanting in &self.claims {
            if let Some(bad) = wanting.bad.as_ref().filter(|_| !has_one(&wanting.claim)) {
                pass.told
                    .insert(machine_name(wanting.seen.object).to_owned(), Told::Unclear(bad.clone()));
            }
        }
    }

    /// Claims whose entry is not theirs, or is not there.
    fn find_unnamed(&self, numbers: &HashMap<&EntryId, usize>, pass: &mut Pass) {
        let is_seen = |name: &EntryId| self.seen.entries.iter().any(|seen| self::name(seen.object) == name.as_str());
        for wanting in self.claims.iter().filter(|wanting| !wanting.seen.is_paused) {
            let Some(named) = &wanting.named else { continue };
            let entry = numbers.get(&named.entry).and_then(|number| self.entries.get(*number));
            let state = entry.map(|(_, entry)| &entry.state);
            if state.is_none() {
                // One that cannot be read is there.
                if is_seen(&named.entry) {
                    continue;
                }
                if !self.seen.gone.contains(named.entry.as_str()) {
                    pass.missing.insert(named.entry.as_str().to_owned());
                    continue;
                }
            }
            if claim_next(&wanting.claim, state) == ClaimAction::Unname {
                pass.unname.insert(machine_name(wanting.seen.object).to_owned());
            }
        }
    }

    /// Entries in use that were edited. Where the address has changed, it is the allocator's whether the claim follows: one that stays is
    /// not told the way to another host.
    fn find_untold(&self, decided: &[Option<Decision>], pass: &mut Pass) {
        for ((index, entry), decision) in self.entries.iter().zip(decided) {
            let stays = decision
                .as_ref()
                .is_some_and(|decision| decision.state == entry.state && decision.action.is_none());
            let (State::Bound { claim, .. }, true) = (&entry.state, stays) else {
                continue;
            };
            let object = self.seen.entries.get(*index).map(|seen| seen.object);
            let wanting = self.by_id.get(claim).and_then(|number| self.claims.get(*number));
            if let (Some(object), Some(wanting)) = (object, wanting)
                && wanting.claim.named.as_ref().is_some_and(|named| named.at == entry.endpoint)
                && claim::is_told_of_another(wanting.seen.object, object.metadata.generation)
            {
                pass.retell.insert(name(object).to_owned(), claim.clone());
            }
        }
    }

    fn say_what_is_damaged(&self, pass: &mut Pass) {
        for (index, damage) in &self.damaged {
            let Some(object) = self.seen.entries.get(*index).map(|seen| seen.object) else {
                continue;
            };
            if let Some(spec) = &object.spec {
                *pass
                    .figures
                    .entry(spec.pool.clone())
                    .or_default()
                    .entries
                    .entry("Damaged")
                    .or_default() += 1;
            }
            let mut status = object.status.clone().unwrap_or_default();
            status.conditions = Some(shown::conditions(
                &Shown::Damaged(damage),
                status.conditions.as_ref(),
                object.metadata.generation,
                self.now,
            ));
            if object.status.as_ref() != Some(&status) {
                let status = Box::new(status);
                pass.entries
                    .insert(name(object).to_owned(), vec![Step::Status { status, change: None }]);
            }
        }
    }

    /// A RemoteMachine with a machine of its own is told who else describes it.
    fn tell_of_conflicts(&self, conflicts: &BTreeMap<&Endpoint, Vec<&EntryId>>, pass: &mut Pass) {
        for (object, at) in &self.own {
            let own = format!("RemoteMachine {}", machine_name(object));
            let entries = conflicts.get(at).into_iter().flatten();
            let also: BTreeSet<String> = entries
                .map(|id| format!("PooledRemoteMachine {id}"))
                .chain(self.alone.get(at).into_iter().flatten().filter(|name| **name != own).cloned())
                .collect();
            if !also.is_empty() {
                pass.told
                    .insert(machine_name(object).to_owned(), Told::DescribedTwice { at: at.clone(), also });
            }
        }
    }
}

impl Pass {
    /// Whether nothing is left to do.
    pub(crate) fn is_done(&self) -> bool {
        self.entries.is_empty() && self.unname.is_empty() && self.missing.is_empty() && self.retell.is_empty()
    }

    /// Whether something can be decided as soon as it is carried out: not, where all there is to do takes a host its time.
    pub(crate) fn leads_on(&self) -> bool {
        let takes_time = |step: &Step| matches!(step, Step::Do(Action::Stop | Action::Clean { .. }));
        !self.unname.is_empty()
            || !self.missing.is_empty()
            || !self.retell.is_empty()
            || !self.entries.values().flatten().all(takes_time)
    }

    fn count(&mut self, entry: &Entry, state: &'static str) {
        let figures = match self.figures.get_mut(&*entry.pool.name) {
            Some(figures) => figures,
            None => self.figures.entry(entry.pool.name.to_string()).or_default(),
        };
        *figures.entries.entry(state).or_default() += 1;
    }
}

#[cfg(test)]
#[path = "pass_tests.rs"]
mod tests;
