//! The entries of one pool, in the order of preference, and which of them have which label: so that thousands of selectors are
//! answered by a few words of bits each.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};

use fixedbitset::FixedBitSet;

use crate::{Claim, Entry, EntryId, Requirement, Selector, State, Verification};

use super::Why;

/// The entries of one pool. A position in it is a number below [`Shelf::len`]; a lower one is preferred.
pub(super) struct Shelf<'a> {
    entries: Vec<&'a Entry>,
    free: FixedBitSet,
    with_label: HashMap<&'a str, Label<'a>>,
    domains: BTreeMap<Option<&'a str>, FixedBitSet>,
}

struct Label<'a> {
    any: FixedBitSet,
    values: HashMap<&'a str, FixedBitSet>,
}

/// Proven clean first, then who answered last, then by name.
fn preference(entry: &Entry) -> impl Ord + use<'_> {
    let untested = match entry.state {
        State::Free(Verification::Proven) => 0,
        State::Free(Verification::Accepted | Verification::Untested) => 1,
        State::Reserved { .. }
        | State::Bound { .. }
        | State::Releasing { .. }
        | State::Cleaning { .. }
        | State::Verified { .. }
        | State::Quarantined { .. } => 2,
    };
    (untested, Reverse(entry.reached), &entry.id)
}

impl<'a> Shelf<'a> {
    /// Of these entries, the ones that `may_have` says may be given to a claim.
    pub(super) fn new(mut entries: Vec<&'a Entry>, may_have: impl Fn(&Entry) -> bool) -> Self {
        // What is compared is kept together: ten thousand entries are not.
        entries.sort_by_cached_key(|entry| preference(entry));
        let none = FixedBitSet::with_capacity(entries.len());
        let mut shelf = Self {
            free: none.clone(),
            with_label: HashMap::new(),
            domains: BTreeMap::new(),
            entries: Vec::new(),
        };
        for (position, entry) in entries.iter().enumerate() {
            shelf.free.set(position, may_have(entry));
            shelf
                .domains
                .entry(entry.failure_domain.as_deref())
                .or_insert_with(|| none.clone())
                .insert(position);
            for (key, value) in &entry.labels {
                let label = shelf.with_label.entry(key).or_insert_with(|| Label {
                    any: none.clone(),
                    values: HashMap::new(),
                });
                label.any.insert(position);
                label.values.entry(value).or_insert_with(|| none.clone()).insert(position);
            }
        }
        shelf.entries = entries;
        shelf
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn entry(&self, position: usize) -> Option<&'a Entry> {
        self.entries.get(position).copied()
    }

    /// The free entries.
    pub(super) fn free(&self) -> &FixedBitSet {
        &self.free
    }

    /// Each failure domain with the entries in it.
    pub(super) fn domains(&self) -> impl Iterator<Item = (Option<&'a str>, &FixedBitSet)> {
        self.domains.iter().map(|(domain, entries)| (*domain, entries))
    }

    /// All entries, whoever has them, that have these labels and are in this failure domain.
    pub(super) fn suitable(&self, selector: &Selector, domain: Option<&str>) -> FixedBitSet {
        let mut suitable = FixedBitSet::with_capacity(self.len());
        suitable.insert_range(..);
        if domain.is_some() {
            match self.domains.get(&domain) {
                Some(entries) => suitable.intersect_with(entries),
                None => suitable.clear(),
            }
        }
        for requirement in &selector.0 {
            match requirement {
                Requirement::In(key, values) => suitable.intersect_with(&self.with_value(key, values)),
                Requirement::NotIn(key, values) => suitable.difference_with(&self.with_value(key, values)),
                Requirement::Exists(key) => match self.with_label.get(key.as_str()) {
                    Some(label) => suitable.intersect_with(&label.any),
                    None => suitable.clear(),
                },
                Requirement::DoesNotExist(key) => {
                    if let Some(label) = self.with_label.get(key.as_str()) {
                        suitable.difference_with(&label.any);
                    }
                }
            }
        }
        suitable
    }

    fn with_value(&self, key: &str, values: &[String]) -> FixedBitSet {
        let mut with = FixedBitSet::with_capacity(self.len());
        if let Some(label) = self.with_label.get(key) {
            for entries in values.iter().filter_map(|value| label.values.get(value.as_str())) {
                with.union_with(entries);
            }
        }
        with
    }

    /// What the entries do that this claim could have.
    pub(super) fn why(&self, claim: &Claim, conflicts: &HashSet<&EntryId>) -> Why {
        let suitable = self.suitable(&claim.selector, claim.failure_domain.as_deref());
        let mut why = Why {
            in_pool: self.len(),
            suitable: suitable.count_ones(..),
            ..Why::default()
        };
        for entry in suitable.ones().filter_map(|position| self.entry(position)) {
            let count = match entry.state {
                _ if entry.deleting => &mut why.deleted,
                State::Free(_) if conflicts.contains(&entry.id) => &mut why.in_conflict,
                // A free one that this claim did not get goes to a claim before it.
                State::Free(_) | State::Reserved { .. } | State::Bound { .. } => &mut why.in_use,
                State::Releasing { .. } | State::Cleaning { .. } | State::Verified { .. } => &mut why.being_cleaned,
                State::Quarantined { .. } => &mut why.quarantined,
            };
            *count += 1;
        }
        why
    }
}
