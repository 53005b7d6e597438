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
    Action, Claim, ClaimAction, ClaimId, ClaimSeen, Decision, Endpoint, Entry, EntryId, Named, Names, Observed, Pool, Reason,
    Retry, State, Work, assign, claim_next, entry_next,
};

use super::claim::{self, BadSelector, Role};
use super::entry::{self, Damage};
use super::shown::{self, Shown};
use super::told::Told;
use crate::controllers::cluster_api::PAUSED;

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
    /// What is done on its host by this process.
    pub(crate) work: Work,
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

/// A claim, with what the allocator does not look at.
struct Wanting<'a> {
    claim: Claim,
    seen: &'a SeenMachine<'a>,
    bad: Option<BadSelector>,
    /// What it says of its entry itself. The claim may say more: see [`Look::find_homes`].
    named: Option<Named>,
}

struct Look<'a> {
    seen: &'a Seen<'a>,
    now: SystemTime,
    claims: Vec<Wanting<'a>>,
    by_id: HashMap<ClaimId, usize>,
    entries: Vec<(usize, Entry)>,
    damaged: Vec<(usize, Damage)>,
    /// Machines that are no entries', and who has them.
    alone: HashMap<Endpoint, BTreeSet<String>>,
}

impl<'a> Look<'a> {
    fn new(seen: &'a Seen<'a>, now: SystemTime) -> Self {
        let mut look = Self {
            seen,
            now,
            claims: Vec::new(),
            by_id: HashMap::new(),
            entries: Vec::new(),
            damaged: Vec::new(),
            alone: HashMap::new(),
        };
        look.read_entries();
        look.read_machines();
        look.find_holders();
        look.find_homes();
        look
    }

    fn read_entries(&mut self) {
        for (index, seen) in self.seen.entries.iter().enumerate() {
            match entry::read(seen.object) {
                Ok(entry) => self.entries.push((index, entry)),
                Err(damage) => {
                    // Somebody may have its machine.
                    if let Some(spec) = &seen.object.spec {
                        let at = Endpoint::new(&spec.machine.address, spec.machine.port.unwrap_or(22));
                        let name = format!("PooledRemoteMachine {}", name(seen.object));
                        self.alone.entry(at).or_default().insert(name);
                    }
                    self.damaged.push((index, damage));
                }
            }
        }
    }

    fn read_machines(&mut self) {
        let with_domains: HashSet<Pool> = self
            .entries
            .iter()
            .filter(|(_, entry)| entry.failure_domain.is_some())
            .map(|(_, entry)| entry.pool.clone())
            .collect();
        for seen in &self.seen.machines {
            match claim::read(seen.object, seen.failure_domain) {
                Role::Nobody => {}
                Role::Alone(at) => {
                    let name = machine_name(seen.object);
                    self.alone.entry(at).or_default().insert(format!("RemoteMachine {name}"));
                }
                Role::Claim { mut claim, bad } => {
                    // A Machine may name a domain that is meant for others; where no entry has one, it cannot be meant for the pool.
                    let own = seen.object.spec.as_ref().and_then(|spec| spec.failure_domain.as_ref());
                    if own.is_none() && !with_domains.contains(&claim.pool) {
                        claim.failure_domain = None;
                    }
                    self.by_id.insert(claim.id.clone(), self.claims.len());
                    self.claims.push(Wanting {
                        named: claim.named.clone(),
                        claim: *claim,
                        seen,
                        bad,
                    });
                }
            }
        }
    }

    /// The original knows who has an entry by name only.
    fn find_holders(&mut self) {
        let mut by_name: HashMap<ClaimId, usize> = HashMap::new();
        for (number, wanting) in self.claims.iter().enumerate() {
            let meta = &wanting.seen.object.metadata;
            let id = entry::known_by_name(
                meta.namespace.as_deref().unwrap_or_default(),
                meta.name.as_deref().unwrap_or_default(),
            );
            by_name.insert(id, number);
        }
        for (_, entry) in &mut self.entries {
            if let Some(wanting) = entry.state.holder().and_then(|id| self.claims.get(*by_name.get(id)?)) {
                entry.state = entry::met(entry.state.clone(), wanting.seen.object);
            }
        }
    }

    /// A provisioned RemoteMachine that no entry knows of (a backup was restored without status, or all was moved from another cluster):
    /// its entry is the one that describes its machine. It never takes another.
    fn find_homes(&mut self) {
        let held: HashSet<&ClaimId> = self.entries.iter().filter_map(|(_, entry)| entry.state.holder()).collect();
        let mut at: HashMap<(&Pool, &Endpoint), Vec<&EntryId>> = HashMap::new();
        for (_, entry) in &self.entries {
            at.entry((&entry.pool, &entry.endpoint)).or_default().push(&entry.id);
        }
        for wanting in &mut self.claims {
            let Wanting { claim, seen, .. } = wanting;
            if claim.named.is_some() || held.contains(&claim.id) || !claim::is_provisioned(seen.object) {
                continue;
            }
            let Some(spec) = &seen.object.spec else { continue };
            let its_own = Endpoint::new(spec.address.as_deref().unwrap_or_default(), spec.port());
            match at.get(&(&claim.pool, &its_own)).map(Vec::as_slice) {
                Some([one]) => {
                    claim.named = Some(Named {
                        entry: (*one).clone(),
                        at: its_own,
                    });
                }
                Some(_) | None => {
                    let name = machine_name(seen.object);
                    self.alone.entry(its_own).or_default().insert(format!("RemoteMachine {name}"));
                }
            }
        }
    }

    fn name_of(&self, id: &ClaimId) -> Option<(String, String)> {
        let meta = &self.claims.get(*self.by_id.get(id)?)?.seen.object.metadata;
        Some((meta.namespace.clone()?, meta.name.clone()?))
    }

    /// Of each entry that claims name, one of them that has not let go.
    fn named_by(&self) -> HashMap<&EntryId, (ClaimId, Endpoint)> {
        let mut by = HashMap::new();
        for wanting in &self.claims {
            let Claim { id, named, deleting, .. } = &wanting.claim;
            if let Some(named) = named.as_ref().filter(|_| !deleting || holds(wanting.seen.object)) {
                by.entry(&named.entry).or_insert_with(|| (id.clone(), named.at.clone()));
            }
        }
        by
    }

    fn claim_seen(&self, entry: &Entry) -> ClaimSeen {
        let Some(holder) = entry.state.holder() else {
            return ClaimSeen::Missing;
        };
        let answer = self.seen.asked.get(holder);
        match self.by_id.get(holder).and_then(|number| self.claims.get(*number)) {
            _ if answer == Some(&Answer::Gone) => ClaimSeen::Gone,
            None => ClaimSeen::Missing,
            Some(wanting) => ClaimSeen::There {
                names: Names::of(wanting.named.as_ref(), &entry.id),
                deleting: wanting.claim.deleting,
                holds: holds(wanting.seen.object),
                begun: wanting.claim.begun,
                confirmed: answer == Some(&Answer::There),
            },
        }
    }

    /// Whether nothing may be decided about the entry now.
    fn is_held_back(&self, entry: &Entry, object: &PooledRemoteMachine) -> bool {
        let holder = entry.state.holder();
        let by_claim = holder.is_some_and(
            |holder| match self.by_id.get(holder).and_then(|number| self.claims.get(*number)) {
                Some(wanting) => wanting.seen.is_paused,
                None => self.seen.is_paused && self.seen.asked.get(holder) == Some(&Answer::Gone),
            },
        );
        by_claim || is_paused(object)
    }

    fn pass(&self, retry: &Retry) -> Pass {
        let named_by = self.named_by();
        let others: HashSet<Endpoint> = self.alone.keys().cloned().collect();
        let all: Vec<Entry> = self.entries.iter().map(|(_, entry)| entry.clone()).collect();
        let conflicts = conflicts(&all, &others);
        let mut decided: Vec<Option<Decision>> = Vec::new();
        for (index, entry) in &self.entries {
            let decision = self.seen.entries.get(*index).and_then(|seen| {
                if self.is_held_back(entry, seen.object) {
                    return None;
                }
                let observed = Observed {
                    endpoint: entry.endpoint.clone(),
                    deleting: entry.deleting,
                    claim: self.claim_seen(entry),
                    named_by: named_by.get(&entry.id).cloned(),
                    work: seen.work.clone(),
                    orders: entry::orders(seen.object),
                };
                Some(entry_next(&entry.state, &observed, self.now, retry))
            });
            decided.push(decision);
        }
        let mut pass = Pass::default();
        self.assign(&mut decided, &others, &mut pass);
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
            let steps = self.steps(seen.object, entry, decision.as_ref(), &also);
            let wake_at = decision.as_ref().and_then(|decision| decision.wake_at);
            pass.wake_at = pass.wake_at.into_iter().chain(wake_at).min();
            pass.count(entry, entry.state.name());
            if !steps.is_empty() {
                pass.entries.insert(name(seen.object).to_owned(), steps);
            }
        }
        self.find_unnamed(&mut pass);
        self.say_what_is_damaged(&mut pass);
        self.tell_of_conflicts(&conflicts, &mut pass);
        pass
    }

    /// Gives free entries to waiting claims, and tells the others what they wait for.
    fn assign(&self, decided: &mut [Option<Decision>], others: &HashSet<Endpoint>, pass: &mut Pass) {
        // A free entry that is held back is as if it were not there; one that somebody has says that they have it.
        let entries: Vec<Entry> = self
            .entries
            .iter()
            .zip(&*decided)
            .filter(|((_, entry), decision)| decision.is_some() || !matches!(entry.state, State::Free(_)))
            .map(|((_, entry), _)| entry.clone())
            .collect();
        let held: HashSet<&ClaimId> = entries.iter().filter_map(|entry| entry.state.holder()).collect();
        let has_one = |claim: &Claim| claim.named.is_some() || held.contains(&claim.id);
        let may_wait = |wanting: &&Wanting<'_>| {
            !wanting.seen.is_paused && wanting.bad.is_none() && !claim::is_provisioned(wanting.seen.object)
                || has_one(&wanting.claim)
        };
        let claims: Vec<Claim> = self
            .claims
            .iter()
            .filter(may_wait)
            .map(|wanting| wanting.claim.clone())
            .collect();
        let matching = assign(&entries, &claims, others);
        let numbers: HashMap<&EntryId, usize> = self
            .entries
            .iter()
            .enumerate()
            .map(|(number, (_, entry))| (&entry.id, number))
            .collect();
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

    fn steps(
        &self,
        object: &PooledRemoteMachine,
        entry: &Entry,
        decision: Option<&Decision>,
        also: &BTreeSet<String>,
    ) -> Vec<Step> {
        let before = object.status.as_ref();
        let state = decision.map_or(&entry.state, |decision| &decision.state);
        let mut status = entry::status(state, before, |id| self.name_of(id), self.now);
        self.remember(entry, &mut status);
        status.conditions = Some(shown::conditions(
            &Shown::Read {
                state,
                also,
                deleting: entry.deleting,
                paused: decision.is_none(),
            },
            before.and_then(|status| status.conditions.as_ref()),
            object.metadata.generation,
            self.now,
        ));
        let mut steps = Vec::new();
        let is_new = *state != entry.state;
        if is_new && has_answered(&entry.state, state) {
            status.last_reached_time = entry::time(self.now);
        }
        if decision.is_some_and(|decision| decision.action == Some(Action::LetGo)) {
            return metadata(object, entry, decision, is_new).into_iter().collect();
        }
        if decision.is_some() {
            steps.extend(metadata(object, entry, decision, is_new));
        }
        if before != Some(&status) {
            let change = is_new.then(|| Box::new((entry.state.clone(), state.clone())));
            steps.push(Step::Status {
                status: Box::new(status),
                change,
            });
        }
        if let Some(action) = decision.and_then(|decision| decision.action.clone()).filter(|_| !is_new) {
            steps.push(Step::Do(action));
        }
        steps
    }

    /// Claims whose entry is not theirs, or is not there.
    fn find_unnamed(&self, pass: &mut Pass) {
        let entries: HashMap<&EntryId, &Entry> = self.entries.iter().map(|(_, entry)| (&entry.id, entry)).collect();
        let is_seen = |name: &EntryId| self.seen.entries.iter().any(|seen| self::name(seen.object) == name.as_str());
        for wanting in self.claims.iter().filter(|wanting| !wanting.seen.is_paused) {
            let Some(named) = &wanting.named else { continue };
            let state = entries.get(&named.entry).map(|entry| &entry.state);
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

    /// What its machine proved itself with to the claim that has it, the entry remembers for its cleaning and for the next one.
    fn remember(&self, entry: &Entry, status: &mut PooledRemoteMachineStatus) {
        let holder = entry.state.holder().and_then(|id| self.claims.get(*self.by_id.get(id)?));
        let Some(wanting) = holder.filter(|wanting| wanting.named.as_ref().is_some_and(|named| named.entry == entry.id)) else {
            return;
        };
        let learnt = wanting
            .seen
            .object
            .status
            .as_ref()
            .and_then(|status| status.remembered_hosts.as_ref());
        for host in learnt.into_iter().flatten() {
            let known = status.remembered_hosts.get_or_insert_default();
            match known.iter_mut().find(|known| known.host == host.host) {
                Some(known) => known.clone_from(host),
                None => known.push(host.clone()),
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
        for seen in &self.seen.machines {
            let Role::Alone(at) = claim::read(seen.object, None) else {
                continue;
            };
            let own = format!("RemoteMachine {}", machine_name(seen.object));
            let entries = conflicts.get(&at).into_iter().flatten();
            let also: BTreeSet<String> = entries
                .map(|id| format!("PooledRemoteMachine {id}"))
                .chain(
                    self.alone
                        .get(&at)
                        .into_iter()
                        .flatten()
                        .filter(|name| **name != own)
                        .cloned(),
                )
                .collect();
            if !also.is_empty() {
                pass.told
                    .insert(machine_name(seen.object).to_owned(), Told::DescribedTwice { at, also });
            }
        }
    }
}

impl Pass {
    /// Whether nothing is left to do.
    pub(crate) fn is_done(&self) -> bool {
        self.entries.is_empty() && self.unname.is_empty() && self.missing.is_empty()
    }

    fn count(&mut self, entry: &Entry, state: &'static str) {
        let figures = self.figures.entry(entry.pool.name.to_string()).or_default();
        *figures.entries.entry(state).or_default() += 1;
    }
}

/// Whether a host must have answered for its entry to come from one state to the other.
fn has_answered(before: &State, after: &State) -> bool {
    match (before, after) {
        (State::Cleaning { .. }, State::Verified { .. }) => true,
        (State::Cleaning { .. } | State::Bound { .. }, State::Quarantined { reason, .. }) => match reason {
            Reason::Leftovers(_) | Reason::Foreign(_) => true,
            Reason::Unreachable(_) | Reason::Failed(_) => false,
        },
        _ => false,
    }
}

/// Our finalizer is there before anything is done on the host, and goes once the entry is free; orders go once they were obeyed.
fn metadata(object: &PooledRemoteMachine, entry: &Entry, decision: Option<&Decision>, is_new: bool) -> Option<Step> {
    let state = decision.map_or(&entry.state, |decision| &decision.state);
    let has = object
        .metadata
        .finalizers
        .iter()
        .flatten()
        .any(|name| name == entry::FINALIZER);
    let let_go = decision.is_some_and(|decision| decision.action == Some(Action::LetGo));
    let wanted = match (&entry.state, state) {
        _ if let_go => false,
        // Written first: until then somebody may still have it.
        (_, State::Free(_)) => has && is_new,
        (State::Free(_), State::Reserved { .. }) => has,
        _ => has || !entry.deleting,
    };
    let orders = entry::orders(object);
    let is_quarantined = matches!(entry.state, State::Quarantined { .. });
    let is_free = matches!(entry.state, State::Free(_)) && !is_new;
    let obeyed: Vec<&'static str> = [
        (orders.retry && !is_quarantined, entry::RETRY),
        (orders.accept && !is_quarantined, entry::ACCEPT),
        (orders.give_up && is_free, entry::GIVE_UP),
    ]
    .into_iter()
    .filter_map(|(is_done, name)| is_done.then_some(name))
    .collect();
    (wanted != has || !obeyed.is_empty()).then_some(Step::Metadata {
        finalizer: wanted,
        obeyed,
    })
}

fn name(object: &PooledRemoteMachine) -> &str {
    object.metadata.name.as_deref().unwrap_or_default()
}

fn machine_name(machine: &RemoteMachine) -> &str {
    machine.metadata.name.as_deref().unwrap_or_default()
}

fn holds(machine: &RemoteMachine) -> bool {
    machine
        .metadata
        .finalizers
        .iter()
        .flatten()
        .any(|name| name == claim::FINALIZER)
}

fn is_paused(object: &PooledRemoteMachine) -> bool {
    let annotations = object.metadata.annotations.as_ref();
    annotations.is_some_and(|annotations| annotations.contains_key(PAUSED))
}

#[cfg(test)]
#[path = "pass_tests.rs"]
mod tests;
