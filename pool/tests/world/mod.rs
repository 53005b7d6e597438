//! A small world that the allocator is tried in: a store of entries and claims, hosts, and controllers with caches of their own.
//!
//! Every write is a compare-and-swap of one object against the writer's cache, each step of a controller is one write or one thing done,
//! and a controller may be struck down between any two. Caches are brought up to date object by object, at any time or never.
//! What touches hosts is done by the leader only, and a leader that loses its lease stops that first: so long as clocks run alike,
//! a lease promises as much, and nothing more.
#![allow(dead_code, reason = "each test uses some of this")]

mod converge;
mod rules;
pub(crate) mod steps;

use std::collections::BTreeMap;
use std::time::SystemTime;

use pool::{Claim, ClaimId, Endpoint, Entry, EntryId, Named, Pool, Selector, State, Verification};

/// What the world begins with, and how much may go wrong in it.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    /// Of each entry, the host that it speaks of. Entries come into being one by one.
    pub entries: Vec<usize>,
    /// How many claims come into being, one by one.
    pub claims: usize,
    /// How many controllers there are; the first leads.
    pub controllers: usize,
    /// Whether hosts refuse all but their owner, as real ones do. Where the allocator can know all, it must do without.
    pub hosts_refuse: bool,
    /// What may happen how often.
    pub faults: Faults,
}

/// How often what may yet happen.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Faults {
    /// A controller dies and starts again.
    pub crashes: u8,
    /// Another controller becomes the leader.
    pub elections: u8,
    /// A cleaning fails.
    pub dirty: u8,
    /// A person deletes an entry.
    pub entries_deleted: u8,
    /// A person deletes a claim past its finalizer.
    pub claims_forced: u8,
    /// A person edits an entry to speak of another host.
    pub edits: u8,
    /// An entry's state is lost, as by a restored backup.
    pub states_lost: u8,
}

/// All there is.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct World {
    /// Of each entry, the host that it speaks of when it comes.
    pub homes: Vec<usize>,
    pub entries: Vec<Existence<StoredEntry>>,
    pub claims: Vec<Existence<StoredClaim>>,
    /// Of each host, the claim whose traces are on it.
    pub hosts: Vec<Option<usize>>,
    pub controllers: Vec<Controller>,
    pub leader: usize,
    pub hosts_refuse: bool,
    pub faults: Faults,
    /// Whether an entry's state was ever lost.
    /// Whether the unforgivable has happened, which is noticed as it happens.
    pub lost: bool,
    pub wrong: Option<&'static str>,
}

/// Whether there is an object.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Existence<T> {
    Coming,
    There(T),
    Gone,
}

impl<T> Existence<T> {
    pub(crate) fn there(&self) -> Option<&T> {
        match self {
            Existence::There(object) => Some(object),
            Existence::Coming | Existence::Gone => None,
        }
    }
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct StoredEntry {
    pub state: State,
    pub host: usize,
    pub deleting: bool,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct StoredClaim {
    pub named: Option<Named>,
    pub begun: bool,
    pub deleting: bool,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Controller {
    /// What it last saw of the store.
    pub entries: Vec<Existence<StoredEntry>>,
    pub claims: Vec<Existence<StoredClaim>>,
    /// Claims that the store itself said are gone.
    pub confirmed_gone: Vec<bool>,
    /// Of each entry, what is under way on its host.
    pub work: Vec<Doing>,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Doing {
    Nothing,
    Provisioning {
        claim: usize,
        host: usize,
    },
    Refused {
        claim: usize,
        by: String,
    },
    Cleaning {
        owner: Option<usize>,
        host: usize,
        attempt: u32,
    },
    Cleaned {
        attempt: u32,
        outcome: pool::Outcome,
    },
}

impl World {
    pub(crate) fn new(setting: &Setting) -> Self {
        let hosts = setting.entries.iter().max().map_or(0, |last| last + 1) + usize::from(setting.faults.edits > 0);
        let entries = vec![Existence::Coming; setting.entries.len()];
        let claims = vec![Existence::Coming; setting.claims];
        let controller = Controller {
            entries: entries.clone(),
            claims: claims.clone(),
            confirmed_gone: vec![false; setting.claims],
            work: vec![Doing::Nothing; setting.entries.len()],
        };
        Self {
            homes: setting.entries.clone(),
            entries,
            claims,
            hosts: vec![None; hosts],
            controllers: vec![controller; setting.controllers],
            leader: 0,
            hosts_refuse: setting.hosts_refuse,
            faults: setting.faults,
            lost: false,
            wrong: None,
        }
    }
}

impl Controller {
    /// The entries that it knows of, as the allocator takes them.
    pub(crate) fn known_entries(&self) -> Vec<Entry> {
        let known = self.entries.iter().enumerate();
        known
            .filter_map(|(number, entry)| Some(seen_entry(number, entry.there()?)))
            .collect()
    }

    /// The claims that it knows of, as the allocator takes them.
    pub(crate) fn known_claims(&self) -> Vec<Claim> {
        let known = self.claims.iter().enumerate();
        known
            .filter_map(|(number, claim)| Some(seen_claim(number, claim.there()?)))
            .collect()
    }
}

pub(crate) fn entry_id(number: usize) -> EntryId {
    EntryId::new(&format!("e{number}"))
}

pub(crate) fn claim_id(number: usize) -> ClaimId {
    ClaimId::new(&format!("c{number}"))
}

pub(crate) fn number_of(id: &str) -> usize {
    id[1..].parse().expect("an id of this world")
}

pub(crate) fn endpoint(host: usize) -> Endpoint {
    Endpoint::new(&format!("h{host}"), 22)
}

pub(crate) fn host_at(at: &Endpoint) -> usize {
    let shown = at.to_string();
    number_of(shown.split(':').next().expect("a host"))
}

pub(crate) fn seen_entry(number: usize, entry: &StoredEntry) -> Entry {
    Entry {
        id: entry_id(number),
        pool: the_pool(),
        endpoint: endpoint(entry.host),
        labels: BTreeMap::new(),
        failure_domain: None,
        state: entry.state.clone(),
        reached: None,
        deleting: entry.deleting,
    }
}

pub(crate) fn seen_claim(number: usize, claim: &StoredClaim) -> Claim {
    Claim {
        id: claim_id(number),
        pool: the_pool(),
        selector: Selector::default(),
        failure_domain: None,
        group: String::new(),
        created: SystemTime::UNIX_EPOCH,
        named: claim.named.clone(),
        begun: claim.begun,
        deleting: claim.deleting,
    }
}

fn the_pool() -> Pool {
    Pool {
        namespace: "default".into(),
        name: "p".into(),
    }
}

pub(crate) fn new_entry(host: usize) -> StoredEntry {
    StoredEntry {
        state: State::Free(Verification::Untested),
        host,
        deleting: false,
    }
}
