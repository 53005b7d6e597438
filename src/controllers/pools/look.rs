//! All that was seen of a namespace, read: who claims, who has what, and what cannot be read. Pure.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::SystemTime;

use crds::infrastructure::pooled_remote_machine::v1beta2::PooledRemoteMachine;
use crds::infrastructure::remote_machine::v1beta2::RemoteMachine;
use pool::{Claim, ClaimId, ClaimSeen, Endpoint, Entry, EntryId, Named, Names, Pool};

use super::claim::{self, BadSelector, Role};
use super::entry::{self, Damage};
use super::pass::{Answer, Seen, SeenMachine};
use crate::controllers::cluster_api::PAUSED;

/// A claim, with what the allocator does not look at.
pub(super) struct Wanting<'a> {
    pub(super) claim: Claim,
    pub(super) seen: &'a SeenMachine<'a>,
    pub(super) bad: Option<BadSelector>,
    /// What it says of its entry itself. The claim may say more: see [`Look::find_homes`].
    pub(super) named: Option<Named>,
}

pub(super) struct Look<'a> {
    pub(super) seen: &'a Seen<'a>,
    pub(super) now: SystemTime,
    pub(super) claims: Vec<Wanting<'a>>,
    pub(super) by_id: HashMap<ClaimId, usize>,
    pub(super) entries: Vec<(usize, Cow<'a, Entry>)>,
    pub(super) damaged: Vec<(usize, &'a Damage)>,
    /// Machines that are no entries', and who has them.
    pub(super) alone: HashMap<Endpoint, BTreeSet<String>>,
    /// RemoteMachines with a machine of their own, and where that is.
    pub(super) own: Vec<(&'a RemoteMachine, Endpoint)>,
}

impl<'a> Look<'a> {
    pub(super) fn new(seen: &'a Seen<'a>, now: SystemTime) -> Self {
        let mut look = Self {
            seen,
            now,
            claims: Vec::new(),
            by_id: HashMap::new(),
            entries: Vec::new(),
            damaged: Vec::new(),
            alone: HashMap::new(),
            own: Vec::new(),
        };
        look.read_entries();
        look.read_machines();
        look.find_holders();
        look.find_homes();
        look
    }

    fn read_entries(&mut self) {
        for (index, seen) in self.seen.entries.iter().enumerate() {
            match &seen.reading.entry {
                Ok(entry) => self.entries.push((index, Cow::Borrowed(entry))),
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
                    self.own.push((seen.object, at.clone()));
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
                let met = entry::met(entry.state.clone(), wanting.seen.object);
                entry.to_mut().state = met;
            }
        }
    }

    /// A provisioned RemoteMachine that no entry knows of (a backup was restored without status, or all was moved from another cluster):
    /// its entry is the one that describes its machine. It never takes another.
    fn find_homes(&mut self) {
        let held: HashSet<&ClaimId> = self.entries.iter().filter_map(|(_, entry)| entry.state.holder()).collect();
        let is_homeless = |wanting: &&mut Wanting<'_>| {
            let Wanting { claim, seen, .. } = &**wanting;
            claim.named.is_none() && !held.contains(&claim.id) && claim::is_provisioned(seen.object)
        };
        let mut homeless = self.claims.iter_mut().filter(is_homeless).peekable();
        if homeless.peek().is_none() {
            return;
        }
        let mut at: HashMap<(&Pool, &Endpoint), Vec<&EntryId>> = HashMap::new();
        for (_, entry) in &self.entries {
            at.entry((&entry.pool, &entry.endpoint)).or_default().push(&entry.id);
        }
        for Wanting { claim, seen, .. } in homeless {
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

    pub(super) fn name_of(&self, id: &ClaimId) -> Option<(String, String)> {
        let meta = &self.claims.get(*self.by_id.get(id)?)?.seen.object.metadata;
        Some((meta.namespace.clone()?, meta.name.clone()?))
    }

    /// Of each entry that claims name, one of them that has not let go.
    pub(super) fn named_by(&self) -> HashMap<&EntryId, (ClaimId, Endpoint)> {
        let mut by = HashMap::new();
        for wanting in &self.claims {
            let Claim { id, named, deleting, .. } = &wanting.claim;
            if let Some(named) = named.as_ref().filter(|_| !deleting || holds(wanting.seen.object)) {
                by.entry(&named.entry).or_insert_with(|| (id.clone(), named.at.clone()));
            }
        }
        by
    }

    pub(super) fn claim_seen(&self, entry: &Entry) -> ClaimSeen {
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
    pub(super) fn is_held_back(&self, entry: &Entry, object: &PooledRemoteMachine) -> bool {
        let holder = entry.state.holder();
        let by_claim = holder.is_some_and(
            |holder| match self.by_id.get(holder).and_then(|number| self.claims.get(*number)) {
                Some(wanting) => wanting.seen.is_paused,
                None => self.seen.is_paused && self.seen.asked.get(holder) == Some(&Answer::Gone),
            },
        );
        by_claim || is_paused(object)
    }
}

pub(super) fn name(object: &PooledRemoteMachine) -> &str {
    object.metadata.name.as_deref().unwrap_or_default()
}

pub(super) fn machine_name(machine: &RemoteMachine) -> &str {
    machine.metadata.name.as_deref().unwrap_or_default()
}

pub(super) fn holds(machine: &RemoteMachine) -> bool {
    machine
        .metadata
        .finalizers
        .iter()
        .flatten()
        .any(|name| name == claim::FINALIZER)
}

pub(super) fn is_paused(object: &PooledRemoteMachine) -> bool {
    let annotations = object.metadata.annotations.as_ref();
    annotations.is_some_and(|annotations| annotations.contains_key(PAUSED))
}
