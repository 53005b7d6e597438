//! Augmenting paths over the entries of one pool.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};

use fixedbitset::FixedBitSet;

use crate::{self as pool, Claim, ClaimId, Selector};

use super::shelf::Shelf;

/// What a claim asks for. Many claims ask for the same: a MachineDeployment's all do.
type Wish<'a> = (&'a Selector, Option<&'a str>);

/// Serves one claim after the other.
pub(super) struct Matcher<'a, 'shelf> {
    shelf: &'shelf Shelf<'a>,
    /// The entries that no claim has got in this pass.
    free: FixedBitSet,
    wishes: Vec<FixedBitSet>,
    wish_numbers: HashMap<Wish<'a>, usize>,
    claims: Vec<Served<'a>>,
    /// Of each position, the claim that got it.
    taken_by: HashMap<usize, usize>,
    /// Wishes that nothing can be found for in this pass, however the earlier claims move.
    hopeless: FixedBitSet,
    spread: Spread<'a>,
}

/// A claim that has had its turn.
struct Served<'a> {
    wish: usize,
    group: &'a str,
    position: Option<usize>,
}

/// How many machines each group has in each failure domain.
type Spread<'a> = HashMap<&'a str, HashMap<Option<&'a str>, usize>>;

impl<'a, 'shelf> Matcher<'a, 'shelf> {
    /// Over these entries, the groups of whose holders are known by their ids.
    pub(super) fn new(shelf: &'shelf Shelf<'a>, groups: &HashMap<&ClaimId, &'a str>) -> Self {
        let mut spread = Spread::new();
        for entry in (0..shelf.len()).filter_map(|position| shelf.entry(position)) {
            if let Some(group) = entry.state.holder().and_then(|holder| groups.get(holder)) {
                *spread
                    .entry(group)
                    .or_default()
                    .entry(entry.failure_domain.as_deref())
                    .or_default() += 1;
            }
        }
        Self {
            free: shelf.free().clone(),
            shelf,
            wishes: Vec::new(),
            wish_numbers: HashMap::new(),
            claims: Vec::new(),
            taken_by: HashMap::new(),
            hopeless: FixedBitSet::new(),
            spread,
        }
    }

    /// The entries of the claims, in the order in which they were served.
    pub(super) fn served(&self) -> impl Iterator<Item = Option<&'a pool::Entry>> {
        self.claims
            .iter()
            .map(|claim| claim.position.and_then(|position| self.shelf.entry(position)))
    }

    /// Serves a claim, moving earlier ones where that is needed.
    pub(super) fn serve(&mut self, claim: &'a Claim) {
        let wish = self.wish_number(claim);
        let number = self.claims.len();
        self.claims.push(Served {
            wish,
            group: &claim.group,
            position: None,
        });
        if self.hopeless.contains(wish) {
            return;
        }
        if let Some(position) = self.preferred(wish, &claim.group) {
            self.give(position, number);
        } else {
            self.move_others(number, wish);
        }
    }

    fn wish_number(&mut self, claim: &'a Claim) -> usize {
        let domain = claim.failure_domain.as_deref();
        *self.wish_numbers.entry((&claim.selector, domain)).or_insert_with(|| {
            let mut suitable = self.shelf.suitable(&claim.selector, domain);
            suitable.intersect_with(self.shelf.free());
            self.wishes.push(suitable);
            self.hopeless.grow(self.wishes.len());
            self.wishes.len() - 1
        })
    }

    /// The best of the free entries for a wish.
    fn preferred(&self, wish: usize, group: &str) -> Option<usize> {
        let suitable = self.wishes.get(wish)?;
        let spread = self.spread.get(group);
        self.shelf
            .domains()
            .filter_map(|(domain, entries)| {
                let first = first_of_all([suitable, &self.free, entries])?;
                let count = spread.and_then(|spread| spread.get(&domain)).copied().unwrap_or(0);
                Some((count, first))
            })
            .min()
            .map(|(_, position)| position)
    }

    /// Gives an entry to a claim; what the claim had before is returned, for the next one.
    fn give(&mut self, position: usize, to: usize) -> Option<usize> {
        self.free.remove(position);
        self.taken_by.insert(position, to);
        let domain_of = |position: usize| self.shelf.entry(position).and_then(|entry| entry.failure_domain.as_deref());
        let claim = self.claims.get_mut(to)?;
        let before = claim.position.replace(position);
        let spread = self.spread.entry(claim.group).or_default();
        *spread.entry(domain_of(position)).or_default() += 1;
        if let Some(count) = before.and_then(|before| spread.get_mut(&domain_of(before))) {
            *count = count.saturating_sub(1);
        }
        before
    }

    /// Makes room for the claim by moving earlier ones to other entries, if that can be done.
    fn move_others(&mut self, claim: usize, wish: usize) {
        match self.path(claim, wish) {
            // Each entry goes to who reached it, and that one's former entry to who reached that, up to the claim.
            Ok((free, reached_by)) => {
                let mut next = Some(free);
                while let Some(position) = next {
                    next = reached_by.get(&position).and_then(|reaching| self.give(position, *reaching));
                }
            }
            // Nothing that was reached can become free any more in this pass: what was looked at once is never looked at again.
            Err(seen) => self.hopeless = seen,
        }
    }

    /// Breadth first from the claim's wish, over the claims whose entries it could have, to one that can have a free entry instead: that
    /// entry, and of each entry on the way who reached it. Otherwise, all wishes that were looked at.
    fn path(&self, claim: usize, wish: usize) -> Result<(usize, HashMap<usize, usize>), FixedBitSet> {
        let mut seen = self.hopeless.clone();
        let mut reached_by: HashMap<usize, usize> = HashMap::new();
        let mut queue = VecDeque::from([(claim, wish)]);
        seen.insert(wish);
        // Of claims with the same wish one stands for all: whichever of them moves, the same entries are in reach.
        while let Some((reaching, wish)) = queue.pop_front() {
            for position in self.wishes.get(wish).into_iter().flat_map(FixedBitSet::ones) {
                let Entry::Vacant(unreached) = reached_by.entry(position) else {
                    continue;
                };
                unreached.insert(reaching);
                match self.taken_by.get(&position) {
                    None => return Ok((position, reached_by)),
                    Some(holder) => {
                        if let Some(holders) = self.claims.get(*holder).map(|claim| claim.wish)
                            && !seen.put(holders)
                        {
                            queue.push_back((*holder, holders));
                        }
                    }
                }
            }
        }
        Err(seen)
    }
}

/// The first position that is in all of these.
fn first_of_all(sets: [&FixedBitSet; 3]) -> Option<usize> {
    let [one, two, three] = sets.map(FixedBitSet::as_slice);
    one.iter()
        .zip(two)
        .zip(three)
        .map(|((one, two), three)| one & two & three)
        .enumerate()
        .find(|(_, word)| *word != 0)
        .map(|(number, word)| number * usize::BITS as usize + word.trailing_zeros() as usize)
}
