//! Between a RemoteMachine that claims a machine of a pool, and the entry that it gets: what the claim is to do.

use std::sync::Arc;
use std::time::Duration;

use crds::infrastructure::pooled_remote_machine::v1beta2::PooledRemoteMachine;
use crds::infrastructure::remote_machine::v1beta2::RemoteMachine;
use k8s_openapi::jiff::Timestamp;
use pool::{ClaimAction, State, claim_next, may_provision};

use super::decide::Claim;
use crate::controllers::Context;
use crate::controllers::api::ApiError;
use crate::controllers::cache::key_of;
use crate::controllers::conditions::{Fact, Truth};
use crate::controllers::pools;
use crate::controllers::queue::Queue;
use crate::manifest::Key;

/// The reason of what waits for an entry.
const WAITING: &str = "WaitingForPoolEntry";

/// Has claims looked at when their entries change, and when they are told something else.
pub(super) fn wake(context: &Arc<Context>, queue: &Queue<Key>) {
    let to = queue.clone();
    context.board.on_change(move |key, after| {
        if after.is_zero() {
            to.add(key.clone());
        } else {
            to.add_after(key.clone(), after);
        }
    });
    let to = queue.clone();
    context.seen.pooled_remote_machines.on_change(move |change| {
        let holders = [change.before, change.after].into_iter().flatten().filter_map(holder);
        holders.for_each(|key| to.add(key));
    });
}

fn holder(entry: &Arc<PooledRemoteMachine>) -> Option<Key> {
    let machine = &entry.status.as_ref()?.machine_ref;
    (!machine.name.is_empty()).then(|| Key {
        namespace: machine.namespace.clone(),
        name: machine.name.clone(),
    })
}

/// How a RemoteMachine's claim stands; nothing if it names no pool.
pub(super) fn seen(context: &Context, object: &RemoteMachine) -> Option<Claim> {
    let claim = pools::claim_of(object)?;
    let key = key_of(&object.metadata);
    wake_the_pool(context, object, claim.deleting);
    let Some(named) = &claim.named else {
        // The original's, whose entry is gone, or has not yet told it whose it is.
        let has_own = pools::is_provisioned(object) && !is_held(context, object);
        return Some(match (claim.deleting, has_own) {
            (true, true) => Claim::CleanAlone,
            (true, false) => Claim::LetGo,
            (false, _) => told(context, &key),
        });
    };
    let entry = Key {
        namespace: key.namespace.clone(),
        name: named.entry.as_str().to_owned(),
    };
    let mut has_moved = false;
    let state = match context.seen.pooled_remote_machines.get(&entry) {
        Some(found) => match pools::read_entry(&found) {
            Ok(read) => {
                has_moved = read.endpoint != named.at;
                Some(pools::met(read.state, object))
            }
            Err(damage) => {
                return Some(Claim::Waits(
                    "PoolEntryDamaged",
                    format!("PooledRemoteMachine {}: {damage}", entry.name),
                ));
            }
        },
        None if context.board.is_gone(&entry) => None,
        None => {
            return Some(Claim::Waits(
                WAITING,
                format!("looking for PooledRemoteMachine {}", entry.name),
            ));
        }
    };
    Some(match claim_next(&claim, state.as_ref()) {
        ClaimAction::Wait => Claim::Waits(WAITING, waits_for(&entry, state.as_ref())),
        ClaimAction::Unname => Claim::Waits(
            WAITING,
            format!("PooledRemoteMachine {} is not its own: it gets another", entry.name),
        ),
        ClaimAction::Provision if has_moved => Claim::Moved,
        ClaimAction::Provision => Claim::Provision,
        ClaimAction::Lost => Claim::Lost,
        ClaimAction::CleanAlone => Claim::CleanAlone,
        ClaimAction::LetGo => Claim::LetGo,
    })
}

/// For so long a new claim is left to its pool: by then it has an entry, or is told what it waits for, and nothing else need be said.
const LEFT: Duration = Duration::from_secs(5);

/// Until when a claim is left to its pool, which has not yet said anything of it; nothing of others.
pub(super) fn left_to_its_pool(context: &Context, object: &RemoteMachine, now: Timestamp) -> Option<Timestamp> {
    let claim = pools::claim_of(object)?;
    let is_left = claim.named.is_none() && !claim.deleting && context.board.of(&key_of(&object.metadata)).is_none();
    let made = object.metadata.creation_timestamp.as_ref()?.0;
    made.checked_add(LEFT)
        .ok()
        .filter(|until| is_left && made <= now && now < *until)
}

/// Whether it has a machine of its pool.
const CLAIMED: &str = "MachineClaimed";

/// What the condition `MachineClaimed` says; nothing of one that names no pool.
pub(super) fn fact(context: &Context, object: &RemoteMachine) -> Option<Fact> {
    let claim = pools::claim_of(object)?;
    let key = key_of(&object.metadata);
    Some(match (&claim.named, context.board.of(&key)) {
        (Some(named), _) => {
            let at = format!("PooledRemoteMachine {} at {}", named.entry, named.at);
            Fact::new(CLAIMED, Truth::True, "PoolEntryAssigned", at)
        }
        (None, Some(told)) => Fact::new(CLAIMED, Truth::False, told.reason(), told.message()),
        (None, None) if pools::is_provisioned(object) => {
            Fact::new(CLAIMED, Truth::Unknown, "NoPoolEntry", "no entry describes its machine")
        }
        (None, None) => Fact::new(CLAIMED, Truth::False, WAITING, "it is being given an entry"),
    })
}

/// Whether the claim may run on its host: as the store itself has entry and claim just now.
///
/// # Errors
/// Where that is not known.
pub(super) async fn may_begin(context: &Context, key: &Key) -> Result<bool, ApiError> {
    let Some(object) = context.api.confirm::<RemoteMachine>(key).await? else {
        return Ok(false);
    };
    let Some(claim) = pools::claim_of(&object) else {
        return Ok(true);
    };
    let Some(named) = &claim.named else {
        return Ok(false);
    };
    let entry = Key {
        namespace: key.namespace.clone(),
        name: named.entry.as_str().to_owned(),
    };
    let found: Option<PooledRemoteMachine> = context.api.confirm(&entry).await?;
    let read = found.and_then(|found| pools::read_entry(&found).ok());
    Ok(read.is_some_and(|read| may_provision(&claim, &pools::met(read.state, &object))))
}

/// Its pool is looked at when what was done on the host has ended, where that is for the pool to know.
fn wake_the_pool(context: &Context, object: &RemoteMachine, is_deleted: bool) {
    let work = context.work.look(object.metadata.uid.as_deref().unwrap_or_default());
    let ended = work.and_then(|report| report.ended);
    let is_news = ended.is_some_and(|ended| match ended.result {
        Ok(_) => is_deleted,
        Err(error) => is_deleted || error.owner().is_some(),
    });
    if is_news {
        context.board.look(object.metadata.namespace.as_deref().unwrap_or_default());
    }
}

/// Whether an entry says that it is this one's.
fn is_held(context: &Context, object: &RemoteMachine) -> bool {
    let key = key_of(&object.metadata);
    let is_its = |entry: &PooledRemoteMachine| {
        let machine = entry.status.as_ref().map(|status| &status.machine_ref);
        machine.is_some_and(|machine| machine.name == key.name && machine.namespace == key.namespace)
    };
    !context.seen.pooled_remote_machines.list(is_its).is_empty()
}

fn told(context: &Context, key: &Key) -> Claim {
    match context.board.of(key) {
        Some(told) => Claim::Waits(told.reason(), told.message()),
        None => Claim::Waits(WAITING, "it is being given an entry".to_owned()),
    }
}

fn waits_for(entry: &Key, state: Option<&State>) -> String {
    let name = &entry.name;
    match state {
        None => format!("PooledRemoteMachine {name} is not there"),
        Some(State::Free(_) | State::Reserved { .. } | State::Bound { .. }) => {
            format!("PooledRemoteMachine {name} is being told of it")
        }
        Some(State::Releasing { .. }) => format!("what runs on PooledRemoteMachine {name} is being stopped"),
        Some(State::Cleaning { attempt, .. }) => format!("PooledRemoteMachine {name} is being cleaned, attempt {attempt}"),
        Some(State::Verified { .. }) => format!("PooledRemoteMachine {name} is clean"),
        Some(State::Quarantined { .. }) => format!("PooledRemoteMachine {name} is quarantined"),
    }
}
