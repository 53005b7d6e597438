//! Which free entry each waiting claim gets.
//!
//! Claims are served in the order in which they were made. A later claim never takes the only entry of an earlier one, but an
//! earlier one moves to another entry that suits it as well where that lets a later one have one too: so as many claims are served as can
//! be, and no claim waits because of a later one. (Augmenting paths, in the order of the claims: the set that is served is the first
//! in that order, as for every transversal matroid.)
//!
//! Of the entries that suit a claim, it gets one in the failure domain where the claim's group has fewest; of those one proven clean
//! before one that is not; of those the one that answered last; and at the end the first by name.

mod matching;
mod shelf;

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::{Claim, ClaimId, Endpoint, Entry, EntryId, Pool, State};

use matching::Matcher;
use shelf::Shelf;

/// What one pass comes to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Matching {
    /// To be written to the entries, each by compare-and-swap.
    pub reservations: Vec<Reservation>,
    /// The claims that get nothing now, in the order in which they will.
    pub waiting: Vec<Waiting>,
}

/// An entry for a claim.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reservation {
    /// The entry, a free one.
    pub entry: EntryId,
    /// Who gets it.
    pub claim: ClaimId,
}

/// A claim that waits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Waiting {
    /// Which one.
    pub claim: ClaimId,
    /// Its place in the queue of its pool; the first is 1.
    pub position: usize,
    /// What for.
    pub why: Why,
}

/// What the entries are doing that a claim could have. All zero but `in_pool`: none in the pool is what it asks for. All zero: the
/// pool has no entries.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Why {
    /// Entries of the pool.
    pub in_pool: usize,
    /// Of these, the ones that have what the claim asks for.
    pub suitable: usize,
    /// Of these, the ones that other claims have or are getting.
    pub in_use: usize,
    /// Of these, the ones that are being given back.
    pub being_cleaned: usize,
    /// Of these, the ones that are not proven clean.
    pub quarantined: usize,
    /// Of these, the free ones whose machine is also described elsewhere.
    pub in_conflict: usize,
    /// Of these, the ones being deleted.
    pub deleted: usize,
}

/// The machines that are described more than once: by two entries, or by an entry and by something that is no entry (`others`, which
/// are the endpoints of claims with an address of their own). A free entry of these is given to no claim.
pub fn conflicts<'a>(
    entries: impl IntoIterator<Item = &'a Entry>,
    others: &HashSet<Endpoint>,
) -> BTreeMap<&'a Endpoint, Vec<&'a EntryId>> {
    // Most are described once: no list is made of those.
    let entries = entries.into_iter();
    let mut first: HashMap<&Endpoint, &EntryId> = HashMap::with_capacity(entries.size_hint().0);
    let mut at: BTreeMap<&Endpoint, Vec<&EntryId>> = BTreeMap::new();
    let mut describe = |endpoint: &'a Endpoint, id: &'a EntryId| match first.get(endpoint) {
        None => {
            first.insert(endpoint, id);
            if others.contains(endpoint) {
                at.insert(endpoint, vec![id]);
            }
        }
        Some(first) => at.entry(endpoint).or_insert_with(|| vec![first]).push(id),
    };
    for entry in entries {
        describe(&entry.endpoint, &entry.id);
        // The host that its claim has, where the entry has been edited since.
        if let Some(in_use) = entry.state.at().filter(|in_use| **in_use != entry.endpoint) {
            describe(in_use, &entry.id);
        }
    }
    at
}

/// Which free entry each waiting claim gets; see the module. `others` are machines that are in use without being entries.
pub fn assign<'a>(
    entries: impl IntoIterator<Item = &'a Entry>,
    claims: impl IntoIterator<Item = &'a Claim>,
    others: &HashSet<Endpoint>,
) -> Matching {
    let entries: Vec<&Entry> = entries.into_iter().collect();
    let claims: Vec<&Claim> = claims.into_iter().collect();
    let conflicts: HashSet<&EntryId> = conflicts(entries.iter().copied(), others).into_values().flatten().collect();
    let held: HashSet<&ClaimId> = entries.iter().filter_map(|entry| entry.state.holder()).collect();
    let named: HashSet<&EntryId> = claims.iter().filter_map(|claim| Some(&claim.named.as_ref()?.entry)).collect();
    let mut pools: BTreeMap<&Pool, (Vec<&Entry>, Vec<&Claim>)> = BTreeMap::new();
    for claim in claims.iter().copied() {
        if !claim.deleting && claim.named.is_none() && !held.contains(&claim.id) {
            pools.entry(&claim.pool).or_default().1.push(claim);
        }
    }
    for entry in entries {
        if let Some((entries, _)) = pools.get_mut(&entry.pool) {
            entries.push(entry);
        }
    }
    let groups: HashMap<&ClaimId, &str> = claims.iter().map(|claim| (&claim.id, claim.group.as_str())).collect();
    let mut all = Matching::default();
    for (entries, mut claims) in pools.into_values() {
        claims.sort_by_key(|claim| (claim.created, &claim.id));
        let shelf = Shelf::new(entries, |entry| {
            matches!(entry.state, State::Free(_))
                && !entry.deleting
                && !conflicts.contains(&entry.id)
                && !named.contains(&entry.id)
        });
        let mut matcher = Matcher::new(&shelf, &groups);
        for claim in &claims {
            matcher.serve(claim);
        }
        let served = matcher.served();
        let mut position = 0;
        for (claim, entry) in claims.iter().zip(served) {
            match entry {
                Some(entry) => all.reservations.push(Reservation {
                    entry: entry.id.clone(),
                    claim: claim.id.clone(),
                }),
                None => {
                    position += 1;
                    all.waiting.push(Waiting {
                        claim: claim.id.clone(),
                        position,
                        why: shelf.why(claim, &conflicts),
                    });
                }
            }
        }
    }
    all
}
