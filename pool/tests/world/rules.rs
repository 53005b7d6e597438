//! What must never be.

use pool::State;

use super::{Existence, World, host_at};

impl World {
    /// The first rule that is broken, if any.
    pub(crate) fn broken(&self) -> Option<&'static str> {
        self.wrong.or_else(|| {
            [
                ("a claim has two entries", self.has_two_entries()),
                ("a free host is dirty", self.free_and_dirty()),
                ("a dirty host is forgotten", self.forgotten()),
            ]
            .into_iter()
            .find_map(|(rule, broken)| broken.then_some(rule))
        })
    }

    fn there(&self) -> impl Iterator<Item = &super::StoredEntry> {
        self.entries.iter().filter_map(Existence::there)
    }

    /// Where two entries speak of one host, the allocator alone cannot know; the host's owner record keeps the claims apart.
    fn one_host_each(&self) -> bool {
        self.hosts.len() >= self.entries.len()
    }

    fn has_two_entries(&self) -> bool {
        (0..self.claims.len()).any(|claim| {
            let claim = super::claim_id(claim);
            self.there()
                .filter(|entry| {
                    entry.state
                        == State::Bound {
                            claim: claim.clone(),
                            at: super::endpoint(entry.host),
                        }
                })
                .count()
                > 1
        })
    }

    /// An entry that is free, or given to a claim that has not run, has nobody's traces on its host; one that is bound, its claim's only.
    /// Where its state was lost that holds again once its claim was seen.
    fn free_and_dirty(&self) -> bool {
        if !self.trusted() {
            return false;
        }
        self.there().any(|entry| match &entry.state {
            State::Free(_) | State::Reserved { .. } => self.hosts[entry.host].is_some(),
            State::Bound { claim, at } => self.hosts[host_at(at)].is_some_and(|owner| super::claim_id(owner) != *claim),
            State::Releasing { .. } | State::Cleaning { .. } | State::Verified { .. } | State::Quarantined { .. } => false,
        })
    }

    /// Traces on a host are those of a claim that is there and knows the host, or some entry's state tells of them.
    fn forgotten(&self) -> bool {
        if !self.trusted() {
            return false;
        }
        self.hosts.iter().enumerate().any(|(host, owner)| {
            owner.is_some_and(|owner| {
                let told = self.there().any(|entry| {
                    entry.state.holder() == Some(&super::claim_id(owner))
                        && entry.state.at().is_some_and(|at| host_at(at) == host)
                });
                let known = self.claims[owner]
                    .there()
                    .is_some_and(|claim| claim.begun && claim.named.as_ref().is_some_and(|named| host_at(&named.at) == host));
                let taken_away = self.entries.contains(&Existence::Gone);
                !told && !known && !taken_away
            })
        })
    }

    /// Whether the allocator can know all: no state was lost, and no host is spoken of twice.
    fn trusted(&self) -> bool {
        self.one_host_each() && !self.lost
    }

    /// A claim is refused by a host only if the allocator could not know.
    pub(super) fn notice_refusal(&mut self) {
        if self.trusted() {
            self.wrong = Some("a host was given to a second owner");
        }
    }

    /// A host is never cleaned under a claim that is to stay.
    pub(super) fn notice_cleaning(&mut self, host: usize) {
        let staying = self.hosts[host].and_then(|owner| self.claims[owner].there());
        if staying.is_some_and(|claim| !claim.deleting) {
            self.wrong = Some("a host was cleaned under its claim");
        }
    }
}
