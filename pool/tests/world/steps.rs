//! What can happen, and what it does.

use std::time::SystemTime;

use pool::{
    Action, ClaimAction, ClaimSeen, Endpoint, EntryId, Named, Names, Observed, Orders, Outcome, Reason, Retry, State,
    Verification, Work, assign, claim_next, entry_next, may_clean, may_provision,
};

use super::{
    Doing, Existence, StoredClaim, StoredEntry, World, claim_id, endpoint, entry_id, host_at, new_entry, number_of, seen_claim,
};

/// Something that can happen. Numbers are those of entries, claims and controllers.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Step {
    EntryComes(usize),
    ClaimComes(usize),
    DeleteEntry(usize),
    DeleteClaim(usize),
    ForceClaim(usize),
    EditEntry(usize),
    LoseState(usize),
    /// A controller sees an entry as it is.
    SeeEntry(usize, usize),
    /// A controller sees a claim as it is.
    SeeClaim(usize, usize),
    /// A controller gives free entries to claims, and writes the reservation of this number.
    Assign(usize, usize),
    /// A controller does what is to be done about an entry.
    Entry(usize, usize),
    /// A controller does what is to be done about a claim.
    Claim(usize, usize),
    /// What the leader has under way on an entry's host comes to its end, well.
    WorkEnds(usize),
    /// It comes to its end, the host not being clean, or never having been reached.
    WorkFails(usize),
    Crash(usize),
    Elect(usize),
}

/// Whether the waits are over: quarantined hosts are then due.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Clock {
    Early,
    Late,
}

impl World {
    /// All that can happen now.
    pub(crate) fn possible(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        for (number, entry) in self.entries.iter().enumerate() {
            match entry {
                Existence::Coming => steps.push(Step::EntryComes(number)),
                Existence::There(entry) => {
                    if !entry.deleting && self.faults.entries_deleted > 0 {
                        steps.push(Step::DeleteEntry(number));
                    }
                    if self.faults.edits > 0 {
                        steps.push(Step::EditEntry(number));
                    }
                    if self.faults.states_lost > 0 {
                        steps.push(Step::LoseState(number));
                    }
                }
                Existence::Gone => {}
            }
            match self.controllers[self.leader].work[number] {
                Doing::Provisioning { host, .. } => {
                    steps.push(Step::WorkEnds(number));
                    if self.faults.dirty > 0 && self.hosts[host].is_none() {
                        steps.push(Step::WorkFails(number));
                    }
                }
                Doing::Cleaning { .. } => {
                    steps.push(Step::WorkEnds(number));
                    if self.faults.dirty > 0 {
                        steps.push(Step::WorkFails(number));
                    }
                }
                Doing::Nothing | Doing::Refused { .. } | Doing::Cleaned { .. } => {}
            }
        }
        for (number, claim) in self.claims.iter().enumerate() {
            match claim {
                Existence::Coming => steps.push(Step::ClaimComes(number)),
                Existence::There(claim) => {
                    if !claim.deleting {
                        steps.push(Step::DeleteClaim(number));
                    }
                    if self.faults.claims_forced > 0 {
                        steps.push(Step::ForceClaim(number));
                    }
                }
                Existence::Gone => {}
            }
        }
        for (who, controller) in self.controllers.iter().enumerate() {
            steps.extend(
                (0..self.entries.len())
                    .filter(|number| controller.entries[*number] != self.entries[*number])
                    .map(|number| Step::SeeEntry(who, number)),
            );
            steps.extend(
                (0..self.claims.len())
                    .filter(|number| controller.claims[*number] != self.claims[*number])
                    .map(|number| Step::SeeClaim(who, number)),
            );
            steps.extend((0..self.claims.len()).map(|number| Step::Assign(who, number)));
            steps.extend((0..self.entries.len()).map(|number| Step::Entry(who, number)));
            steps.extend((0..self.claims.len()).map(|number| Step::Claim(who, number)));
            if self.faults.crashes > 0 {
                steps.push(Step::Crash(who));
            }
            if self.faults.elections > 0 && who != self.leader {
                steps.push(Step::Elect(who));
            }
        }
        steps
    }

    /// Whether something waits for a time.
    pub(crate) fn waits(&self) -> bool {
        let mut there = self.entries.iter().filter_map(Existence::there);
        there.any(|entry| matches!(entry.state, State::Quarantined { .. }))
    }

    /// How often it was tried to clean the host that was tried most.
    pub(crate) fn attempts(&self) -> u32 {
        let attempts = self
            .entries
            .iter()
            .filter_map(Existence::there)
            .map(|entry| match entry.state {
                State::Cleaning { attempt, .. } | State::Quarantined { attempt, .. } => attempt,
                State::Free(_)
                | State::Reserved { .. }
                | State::Bound { .. }
                | State::Releasing { .. }
                | State::Verified { .. } => 0,
            });
        attempts.max().unwrap_or(0)
    }

    /// The world after this, the waits being over or not.
    pub(crate) fn after(&self, step: Step, clock: Clock) -> World {
        let mut world = self.clone();
        world.take(step, clock);
        world
    }

    pub(crate) fn take(&mut self, step: Step, clock: Clock) {
        match step {
            Step::EntryComes(number) => self.entries[number] = Existence::There(new_entry(self.homes[number])),
            Step::ClaimComes(number) => {
                self.claims[number] = Existence::There(StoredClaim {
                    named: None,
                    begun: false,
                    deleting: false,
                });
            }
            Step::DeleteEntry(number) => {
                self.faults.entries_deleted -= 1;
                self.edit_entry(number, |entry| entry.deleting = true);
            }
            Step::DeleteClaim(number) => {
                if let Existence::There(claim) = &mut self.claims[number] {
                    claim.deleting = true;
                }
            }
            Step::ForceClaim(number) => {
                self.faults.claims_forced -= 1;
                self.claims[number] = Existence::Gone;
            }
            Step::EditEntry(number) => {
                self.faults.edits -= 1;
                let last = self.hosts.len() - 1;
                self.edit_entry(number, |entry| entry.host = last);
            }
            Step::LoseState(number) => {
                self.faults.states_lost -= 1;
                self.lost = true;
                self.edit_entry(number, |entry| entry.state = State::Free(Verification::Untested));
            }
            Step::SeeEntry(who, number) => self.controllers[who].entries[number] = self.entries[number].clone(),
            Step::SeeClaim(who, number) => self.controllers[who].claims[number] = self.claims[number].clone(),
            Step::Assign(who, number) => self.reserve(who, number),
            Step::Entry(who, number) => self.tend_entry(who, number, clock),
            Step::Claim(who, number) => self.tend_claim(who, number),
            Step::WorkEnds(number) => self.end_work(number, Outcome::Clean),
            Step::WorkFails(number) => {
                self.faults.dirty -= 1;
                self.end_work(number, Outcome::Unclean(Reason::Unreachable("it does not answer".to_owned())));
            }
            Step::Crash(who) => {
                self.faults.crashes -= 1;
                self.start_again(who);
            }
            Step::Elect(who) => {
                self.faults.elections -= 1;
                let former = self.leader;
                self.controllers[former].work.fill(Doing::Nothing);
                self.leader = who;
            }
        }
    }

    fn edit_entry(&mut self, number: usize, edit: impl FnOnce(&mut StoredEntry)) {
        if let Existence::There(entry) = &mut self.entries[number] {
            edit(entry);
        }
    }

    fn start_again(&mut self, who: usize) {
        let (entries, claims) = (self.entries.clone(), self.claims.clone());
        let controller = &mut self.controllers[who];
        controller.work.fill(Doing::Nothing);
        controller.confirmed_gone.fill(false);
        controller.entries = entries;
        controller.claims = claims;
    }

    /// Compare-and-swap of an entry against what the writer last saw. The writer sees what it has written; on a conflict, nothing.
    fn write_entry(&mut self, who: usize, number: usize, new: Existence<StoredEntry>) {
        if self.controllers[who].entries[number] == self.entries[number] {
            self.entries[number] = new.clone();
            self.controllers[who].entries[number] = new;
        }
    }

    fn write_claim(&mut self, who: usize, number: usize, new: Existence<StoredClaim>) {
        if self.controllers[who].claims[number] == self.claims[number] {
            self.claims[number] = new.clone();
            self.controllers[who].claims[number] = new;
        }
    }

    fn reserve(&mut self, who: usize, claim: usize) {
        let controller = &self.controllers[who];
        let matching = assign(&controller.known_entries(), &controller.known_claims(), &Default::default());
        let Some(reservation) = matching
            .reservations
            .iter()
            .find(|reservation| reservation.claim == claim_id(claim))
        else {
            return;
        };
        let number = number_of(reservation.entry.as_str());
        let entry = controller.entries[number]
            .there()
            .expect("an entry that was assigned")
            .clone();
        let State::Free(before) = entry.state else {
            panic!("assigned although not free");
        };
        let state = State::Reserved {
            claim: claim_id(claim),
            before,
        };
        self.write_entry(who, number, Existence::There(StoredEntry { state, ..entry }));
    }

    fn observed(&self, who: usize, number: usize, entry: &StoredEntry, confirmed: bool) -> Observed {
        let controller = &self.controllers[who];
        let claim = match entry.state.holder().map(|holder| number_of(holder.as_str())) {
            None => ClaimSeen::Missing,
            Some(holder) if controller.confirmed_gone[holder] => ClaimSeen::Gone,
            Some(holder) => controller.claims[holder]
                .there()
                .map_or(ClaimSeen::Missing, |claim| ClaimSeen::There {
                    names: Names::of(claim.named.as_ref(), &entry_id(number)),
                    deleting: claim.deleting,
                    holds: true,
                    begun: claim.begun,
                    confirmed,
                }),
        };
        Observed {
            endpoint: endpoint(entry.host),
            deleting: entry.deleting,
            claim,
            named_by: controller.known_claims().into_iter().find_map(|claim| {
                let named = claim.named.filter(|named| named.entry == entry_id(number))?;
                Some((claim.id, named.at))
            }),
            work: match &controller.work[number] {
                Doing::Nothing => Work::None,
                Doing::Provisioning { .. } => Work::Provisioning,
                // A refusal concerns the claim that was refused.
                Doing::Refused { claim, by } if entry.state.holder() == Some(&claim_id(*claim)) => Work::Refused(by.clone()),
                Doing::Refused { .. } => Work::None,
                Doing::Cleaning { .. } => Work::Cleaning,
                Doing::Cleaned { attempt, outcome } => Work::Cleaned {
                    attempt: *attempt,
                    outcome: outcome.clone(),
                },
            },
            orders: Orders::default(),
        }
    }

    /// To look again at a host that another owner still has is to see the same.
    fn worth_a_look(&self, reason: &Reason, at: &Endpoint) -> bool {
        !matches!((reason, self.hosts[host_at(at)]), (Reason::Foreign(owner), Some(on_it)) if *owner == claim_id(on_it).to_string())
    }

    fn tend_entry(&mut self, who: usize, number: usize, clock: Clock) {
        let Some(entry) = self.controllers[who].entries[number].there().cloned() else {
            return;
        };
        // A wait that begins now is never over now.
        let now = match (clock, &entry.state) {
            (Clock::Late, State::Quarantined { reason, at, .. }) if self.worth_a_look(reason, at) => {
                SystemTime::UNIX_EPOCH + Retry::default().longest
            }
            _ => SystemTime::UNIX_EPOCH,
        };
        let mut decision = entry_next(
            &entry.state,
            &self.observed(who, number, &entry, false),
            now,
            &Retry::default(),
        );
        if let Some(Action::Confirm(claim)) = &decision.action {
            let claim = number_of(claim.as_str());
            match self.claims[claim] {
                Existence::There(_) => self.controllers[who].claims[claim] = self.claims[claim].clone(),
                Existence::Coming | Existence::Gone => self.controllers[who].confirmed_gone[claim] = true,
            }
            decision = entry_next(
                &entry.state,
                &self.observed(who, number, &entry, true),
                now,
                &Retry::default(),
            );
        }
        if decision.state != entry.state {
            if matches!(
                self.controllers[who].work[number],
                Doing::Cleaned { .. } | Doing::Refused { .. }
            ) {
                self.controllers[who].work[number] = Doing::Nothing;
            }
            return self.write_entry(
                who,
                number,
                Existence::There(StoredEntry {
                    state: decision.state,
                    ..entry
                }),
            );
        }
        match decision.action {
            None => {}
            Some(Action::Confirm(_)) => panic!("the store was asked"),
            Some(Action::Name { claim, at }) => {
                let claim = number_of(claim.as_str());
                let named = Some(Named {
                    entry: entry_id(number),
                    at,
                });
                if let Some(seen) = self.controllers[who].claims[claim].there().cloned() {
                    self.write_claim(who, claim, Existence::There(StoredClaim { named, ..seen }));
                }
            }
            Some(Action::Stop) => self.controllers[who].work[number] = Doing::Nothing,
            Some(Action::Clean { owner, at, attempt }) => {
                // The store itself is read before a host is touched.
                let current = self.entries[number].there();
                if who == self.leader && current.is_some_and(|entry| may_clean(&entry.state, owner.as_ref(), attempt)) {
                    self.controllers[who].work[number] = Doing::Cleaning {
                        owner: owner.map(|owner| number_of(owner.as_str())),
                        host: host_at(&at),
                        attempt,
                    };
                }
            }
            Some(Action::LetGo) => self.write_entry(who, number, Existence::Gone),
        }
    }

    fn tend_claim(&mut self, who: usize, number: usize) {
        let Some(stored) = self.controllers[who].claims[number].there().cloned() else {
            return;
        };
        let claim = seen_claim(number, &stored);
        let entry = claim.named.as_ref().map(|named| number_of(named.entry.as_str()));
        // What a cache does not have, the store is asked for.
        let state = entry.and_then(|entry| {
            let entry = self.controllers[who].entries[entry].there().or(self.entries[entry].there())?;
            Some(entry.state.clone())
        });
        let mut action = claim_next(&claim, state.as_ref());
        if action == ClaimAction::Unname {
            let current = entry.and_then(|entry| Some(self.entries[entry].there()?.state.clone()));
            action = claim_next(&claim, current.as_ref());
        }
        match action {
            ClaimAction::Wait | ClaimAction::Lost => {}
            ClaimAction::Unname => self.write_claim(who, number, Existence::There(StoredClaim { named: None, ..stored })),
            ClaimAction::LetGo => self.write_claim(who, number, Existence::Gone),
            ClaimAction::CleanAlone => {
                let named = stored.named.as_ref().expect("a claim that named an entry");
                let host = host_at(&named.at);
                if who == self.leader && self.hosts[host] == Some(number) {
                    self.hosts[host] = None;
                }
                self.write_claim(who, number, Existence::Gone);
            }
            ClaimAction::Provision => self.provision(who, number, entry.expect("a claim that named an entry")),
        }
    }

    /// The claim is marked as begun, then the host is touched.
    fn provision(&mut self, who: usize, number: usize, entry: usize) {
        let controller = &self.controllers[who];
        if who != self.leader || !matches!(controller.work[entry], Doing::Nothing) {
            return;
        }
        // The store itself is read before a host is touched.
        let (Some(claim), Some(current)) = (self.claims[number].there().cloned(), self.entries[entry].there()) else {
            return;
        };
        let seen = seen_claim(number, &claim);
        let Some(named) = &claim.named else {
            return;
        };
        if named.entry != EntryId::new(&format!("e{entry}")) || claim_next(&seen, Some(&current.state)) != ClaimAction::Provision
        {
            return;
        }
        let host = host_at(&named.at);
        if claim.begun && self.hosts[host] == Some(number) {
            return;
        }
        if !claim.begun {
            return self.write_claim(who, number, Existence::There(StoredClaim { begun: true, ..claim }));
        }
        if may_provision(&seen, &current.state) {
            self.controllers[who].work[entry] = Doing::Provisioning { claim: number, host };
        }
    }

    /// What the leader does on an entry's host comes to its end. The host itself refuses all but its owner.
    fn end_work(&mut self, number: usize, cleaned: Outcome) {
        let doing = self.controllers[self.leader].work[number].clone();
        let done = match doing {
            Doing::Provisioning { claim, host } => match self.hosts[host] {
                None if cleaned != Outcome::Clean => {
                    // Nothing has got through to the host: that it was begun can be taken back.
                    if let Existence::There(untouched) = &mut self.claims[claim] {
                        untouched.begun = false;
                    }
                    Doing::Nothing
                }
                None => {
                    self.hosts[host] = Some(claim);
                    Doing::Nothing
                }
                Some(owner) if owner == claim => Doing::Nothing,
                Some(owner) => {
                    if let Existence::There(refused) = &mut self.claims[claim] {
                        refused.begun = false;
                    }
                    self.notice_refusal();
                    Doing::Refused {
                        claim,
                        by: claim_id(owner).to_string(),
                    }
                }
            },
            Doing::Cleaning { owner, host, attempt } => {
                let outcome = match (self.hosts[host], cleaned) {
                    (Some(on_it), _) if Some(on_it) != owner && (self.hosts_refuse || owner.is_none()) => {
                        Outcome::Unclean(Reason::Foreign(claim_id(on_it).to_string()))
                    }
                    (_, Outcome::Clean) => {
                        self.notice_cleaning(host);
                        self.hosts[host] = None;
                        Outcome::Clean
                    }
                    (_, unclean) => unclean,
                };
                Doing::Cleaned { attempt, outcome }
            }
            Doing::Nothing | Doing::Refused { .. } | Doing::Cleaned { .. } => return,
        };
        self.controllers[self.leader].work[number] = done;
    }
}
