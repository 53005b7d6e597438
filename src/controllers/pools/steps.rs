//! From what is decided about an entry to what is written and done. Pure.

use std::collections::BTreeSet;

use crds::infrastructure::pooled_remote_machine::PooledRemoteMachineStatus;
use crds::infrastructure::pooled_remote_machine::v1beta2::PooledRemoteMachine;
use crds::schema::Unstructured;
use pool::{Action, Decision, Entry, Reason, State, Verification};

use super::entry;
use super::look::Look;
use super::pass::Step;
use super::shown::{self, Shown};

impl Look<'_> {
    pub(super) fn steps(
        &self,
        (object, says_free): (&PooledRemoteMachine, bool),
        entry: &Entry,
        decision: Option<&Decision>,
        also: &BTreeSet<String>,
    ) -> Vec<Step> {
        if says_free
            && also.is_empty()
            && decision.is_some_and(|decision| decision.action.is_none() && decision.state == entry.state)
        {
            return metadata(object, entry, decision, false).into_iter().collect();
        }
        let before = object.status.as_ref();
        let state = decision.map_or(&entry.state, |decision| &decision.state);
        let shown = Shown::Read {
            state,
            also,
            deleting: entry.deleting,
            paused: decision.is_none(),
        };
        let mut status = entry::status(state, before, |id| self.name_of(id), self.now);
        self.remember(entry, &mut status);
        self.remember_job(state, &mut status);
        status.conditions = Some(shown::conditions(
            &shown,
            before.and_then(|status| status.conditions.as_ref()),
            object.metadata.generation,
            self.now,
        ));
        let mut steps = Vec::new();
        let is_new = *state != entry.state;
        if is_new && matches!(state, State::Free(Verification::Untested)) {
            // It speaks of another machine now.
            (status.capacity, status.node_info) = (None, None);
        }
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

    /// By which Job its claim is provisioned, by that it is cleaned, also where the claim is gone by then.
    fn remember_job(&self, state: &State, status: &mut PooledRemoteMachineStatus) {
        if matches!(state, State::Free(_)) {
            status.provision_job = None;
        }
        let holder = state.holder().and_then(|id| self.claims.get(*self.by_id.get(id)?));
        if let Some(wanting) = holder {
            let spec = wanting.seen.object.spec.as_ref();
            let job = spec.and_then(|spec| spec.provision_job.as_ref());
            status.provision_job = job
                .and_then(|job| serde_json::json!(job).as_object().cloned())
                .map(Unstructured);
        }
    }

    /// What its machine proved itself with to the claim that has it, the entry remembers for its cleaning and for the next one; and what
    /// the machine said that it has.
    fn remember(&self, entry: &Entry, status: &mut PooledRemoteMachineStatus) {
        let holder = entry.state.holder().and_then(|id| self.claims.get(*self.by_id.get(id)?));
        let Some(wanting) = holder.filter(|wanting| wanting.named.as_ref().is_some_and(|named| named.entry == entry.id)) else {
            return;
        };
        let Some(learnt) = &wanting.seen.object.status else { return };
        if learnt.capacity.is_some() {
            status.capacity.clone_from(&learnt.capacity);
        }
        if learnt.node_info.is_some() {
            status.node_info.clone_from(&learnt.node_info);
        }
        for host in learnt.remembered_hosts.iter().flatten() {
            let known = status.remembered_hosts.get_or_insert_default();
            match known.iter_mut().find(|known| known.host == host.host) {
                Some(known) => known.clone_from(host),
                None => known.push(host.clone()),
            }
        }
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
