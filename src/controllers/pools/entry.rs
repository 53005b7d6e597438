//! A PooledRemoteMachine as the allocator sees it, and back: what is stored is read again as exactly what it was.
//!
//! A status that says something else than this program would have written is never taken for a free entry: who cannot tell whose
//! a machine is leaves it alone and says so.

use std::time::SystemTime;

use crds::infrastructure::pooled_remote_machine::v1beta2::PooledRemoteMachine;
use crds::infrastructure::pooled_remote_machine::{MachineRef, PooledRemoteMachineStatus, Quarantine};
use crds::infrastructure::remote_machine::v1beta2::RemoteMachine;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use pool::{ClaimId, Endpoint, Entry, EntryId, NoEndpoint, Orders, Pool, Reason, State, Verification};

use super::claim;

/// Keeps an entry from vanishing while a machine is in use or not proven clean; a free entry has none.
pub(crate) const FINALIZER: &str = "pooledremotemachine.k0smotron.io/finalizer";

/// Annotation: try a quarantined machine again now.
pub(crate) const RETRY: &str = "anywhere.k0smotron.io/retry";
/// Annotation: take a quarantined machine to be clean as it is.
pub(crate) const ACCEPT: &str = "anywhere.k0smotron.io/accept";
/// Annotation: do not try a quarantined machine again.
pub(crate) const GIVE_UP: &str = "anywhere.k0smotron.io/give-up";

/// Why an entry cannot be read. It is left alone until somebody has mended it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Damage {
    /// It has no spec.
    #[error("spec is missing: say in which pool the machine is, and how it is reached")]
    Spec,
    /// A state of another release.
    #[error("status.state is {0:?}, which this release does not know: run the release that wrote it, or remove status.state")]
    State(String),
    /// A field that the state needs is not there.
    #[error("status.state is {state:?} and status.{field} is missing: remove the status if no RemoteMachine has the machine")]
    Lacks {
        /// The state.
        state: String,
        /// The field.
        field: &'static str,
    },
    /// A field has a value of another release.
    #[error("status.{field} is {value:?}, which this release does not know: run the release that wrote it, or mend it")]
    Word {
        /// The field.
        field: &'static str,
        /// Its value.
        value: String,
    },
    /// A host that is none.
    #[error("status.host is {0:?}: {NoEndpoint}")]
    Host(String),
    /// Reserved, for nobody.
    #[error("status.reserved is true and status.machineRef names nobody: set it to false if no RemoteMachine has the machine")]
    ReservedForNobody,
}

/// The entry as the allocator sees it.
///
/// # Errors
/// Where it cannot be told what the entry is in.
pub(crate) fn read(object: &PooledRemoteMachine) -> Result<Entry, Damage> {
    let spec = object.spec.as_ref().ok_or(Damage::Spec)?;
    let meta = &object.metadata;
    let endpoint = Endpoint::new(&spec.machine.address, spec.machine.port.unwrap_or(22));
    let status = object.status.as_ref();
    Ok(Entry {
        id: EntryId::new(meta.name.as_deref().unwrap_or_default()),
        pool: Pool {
            namespace: meta.namespace.as_deref().unwrap_or_default().into(),
            name: spec.pool.as_str().into(),
        },
        state: state(status, &endpoint)?,
        endpoint,
        labels: meta.labels.clone().unwrap_or_default(),
        failure_domain: spec.failure_domain.clone(),
        reached: status.and_then(|status| status.last_reached_time.as_ref()).map(system_time),
        deleting: meta.deletion_timestamp.is_some(),
    })
}

/// What a person asked for by annotations.
pub(crate) fn orders(object: &PooledRemoteMachine) -> Orders {
    let is_set = |key| {
        let value = object
            .metadata
            .annotations
            .as_ref()
            .and_then(|annotations| annotations.get(key));
        value.is_some_and(|value| value != "false")
    };
    Orders {
        retry: is_set(RETRY),
        accept: is_set(ACCEPT),
        give_up: is_set(GIVE_UP),
    }
}

fn state(status: Option<&PooledRemoteMachineStatus>, endpoint: &Endpoint) -> Result<State, Damage> {
    let Some(status) = status else {
        return Ok(State::Free(Verification::Untested));
    };
    let holder = holder(&status.machine_ref);
    let Some(name) = &status.state else {
        // As the original has it, and as it is after a restored backup.
        return match (status.reserved, holder) {
            (false, _) => Ok(State::Free(Verification::Untested)),
            (true, None) => Err(Damage::ReservedForNobody),
            (true, Some(claim)) => Ok(State::Bound {
                claim,
                at: endpoint.clone(),
            }),
        };
    };
    let lacks = |field| Damage::Lacks {
        state: name.clone(),
        field,
    };
    let claim = || holder.clone().ok_or_else(|| lacks("machineRef"));
    let at = || {
        let host = status.host.as_deref().ok_or_else(|| lacks("host"))?;
        host.parse().map_err(|NoEndpoint| Damage::Host(host.to_owned()))
    };
    let by = || verification(status.verification.as_deref().ok_or_else(|| lacks("verification"))?);
    let attempt = || status.attempt.ok_or_else(|| lacks("attempt"));
    Ok(match name.as_str() {
        "Free" => State::Free(by()?),
        "Reserved" => State::Reserved {
            claim: claim()?,
            before: by()?,
        },
        "Bound" => State::Bound {
            claim: claim()?,
            at: at()?,
        },
        "Releasing" => State::Releasing {
            claim: claim()?,
            at: at()?,
        },
        "Cleaning" => State::Cleaning {
            claim: holder,
            at: at()?,
            attempt: attempt()?,
        },
        "Verified" => State::Verified {
            at: at()?,
            by: by()?,
            claim: holder,
        },
        "Quarantined" => {
            let quarantine = status.quarantine.as_ref().ok_or_else(|| lacks("quarantine"))?;
            State::Quarantined {
                at: at()?,
                attempt: attempt()?,
                reason: reason(quarantine)?,
                retry_at: quarantine.retry_at.as_ref().map(system_time),
                claim: holder,
            }
        }
        _ => return Err(Damage::State(name.clone())),
    })
}

/// The state with the holder's UID, where only its name is known and it is this RemoteMachine's. What it has on its machine is there where
/// its own spec says, if it says so.
pub(crate) fn met(state: State, machine: &RemoteMachine) -> State {
    let meta = &machine.metadata;
    let named = known_by_name(
        meta.namespace.as_deref().unwrap_or_default(),
        meta.name.as_deref().unwrap_or_default(),
    );
    if state.holder() != Some(&named) {
        return state;
    }
    let id = claim::id(machine);
    let its_own = machine.spec.as_ref().and_then(|spec| {
        let address = spec.address.as_deref().filter(|address| !address.is_empty())?;
        Some(Endpoint::new(address, spec.port()))
    });
    match state {
        State::Free(by) => State::Free(by),
        State::Reserved { before, .. } => State::Reserved { claim: id, before },
        State::Bound { at, .. } => State::Bound {
            claim: id,
            at: its_own.unwrap_or(at),
        },
        State::Releasing { at, .. } => State::Releasing { claim: id, at },
        State::Cleaning { at, attempt, .. } => State::Cleaning {
            claim: Some(id),
            at,
            attempt,
        },
        State::Verified { at, by, .. } => State::Verified { claim: Some(id), at, by },
        State::Quarantined {
            at,
            attempt,
            reason,
            retry_at,
            ..
        } => State::Quarantined {
            claim: Some(id),
            at,
            attempt,
            reason,
            retry_at,
        },
    }
}

fn verification(word: &str) -> Result<Verification, Damage> {
    match word {
        "Proven" => Ok(Verification::Proven),
        "Accepted" => Ok(Verification::Accepted),
        "Untested" => Ok(Verification::Untested),
        _ => Err(Damage::Word {
            field: "verification",
            value: word.to_owned(),
        }),
    }
}

fn reason(quarantine: &Quarantine) -> Result<Reason, Damage> {
    let message = quarantine.message.clone().unwrap_or_default();
    match quarantine.reason.as_str() {
        "Leftovers" => Ok(Reason::Leftovers(quarantine.leftovers.clone().unwrap_or_default())),
        "Unreachable" => Ok(Reason::Unreachable(message)),
        "Foreign" => Ok(Reason::Foreign(message)),
        "Failed" => Ok(Reason::Failed(message)),
        word => Err(Damage::Word {
            field: "quarantine.reason",
            value: word.to_owned(),
        }),
    }
}

/// A claim of which only the name is known, as the original has it. No UID has a slash.
pub(crate) fn known_by_name(namespace: &str, name: &str) -> ClaimId {
    ClaimId::new(&format!("{namespace}/{name}"))
}

fn holder(machine: &MachineRef) -> Option<ClaimId> {
    match &machine.uid {
        Some(uid) => Some(ClaimId::new(uid)),
        None if machine.name.is_empty() => None,
        None => Some(known_by_name(&machine.namespace, &machine.name)),
    }
}

/// The status that says this, with what else the former one says. `name_of` knows namespace and name of claims.
pub(crate) fn status(
    state: &State,
    before: Option<&PooledRemoteMachineStatus>,
    name_of: impl Fn(&ClaimId) -> Option<(String, String)>,
    now: SystemTime,
) -> PooledRemoteMachineStatus {
    let before = before.cloned().unwrap_or_default();
    let machine_ref = state
        .holder()
        .map(|claim| machine_ref(claim, &before.machine_ref, name_of))
        .unwrap_or_default();
    let is_same = before.state.as_deref() == Some(state.name()) && before.machine_ref == machine_ref;
    PooledRemoteMachineStatus {
        reserved: !matches!(state, State::Free(_)),
        machine_ref,
        state: Some(state.name().to_owned()),
        since: before.since.filter(|_| is_same).or_else(|| time(now)),
        host: state.at().map(ToString::to_string),
        verification: match state {
            State::Free(by) | State::Reserved { before: by, .. } | State::Verified { by, .. } => Some(word(*by).to_owned()),
            State::Bound { .. } | State::Releasing { .. } | State::Cleaning { .. } | State::Quarantined { .. } => None,
        },
        attempt: match state {
            State::Cleaning { attempt, .. } | State::Quarantined { attempt, .. } => Some(*attempt),
            State::Free(_) | State::Reserved { .. } | State::Bound { .. } | State::Releasing { .. } | State::Verified { .. } => {
                None
            }
        },
        quarantine: match state {
            State::Quarantined { reason, retry_at, .. } => Some(quarantine(reason, *retry_at)),
            State::Free(_)
            | State::Reserved { .. }
            | State::Bound { .. }
            | State::Releasing { .. }
            | State::Cleaning { .. }
            | State::Verified { .. } => None,
        },
        last_reached_time: before.last_reached_time,
        remembered_hosts: before.remembered_hosts,
        capacity: before.capacity,
        node_info: before.node_info,
        provision_job: before.provision_job,
        conditions: before.conditions,
    }
}

/// Whether a status says of a free entry what [`status`] would: most of the entries of most passes are such, and nothing need be made
/// anew to see that.
pub(crate) fn says_free(before: &PooledRemoteMachineStatus, by: Verification) -> bool {
    let PooledRemoteMachineStatus {
        reserved,
        machine_ref,
        state,
        since,
        host,
        verification,
        attempt,
        quarantine,
        last_reached_time: _,
        remembered_hosts: _,
        conditions: _,
        capacity: _,
        node_info: _,
        provision_job,
    } = before;
    let is_empty = host.is_none() && attempt.is_none() && quarantine.is_none() && provision_job.is_none();
    !reserved
        && is_empty
        && *machine_ref == MachineRef::default()
        && state.as_deref() == Some("Free")
        && since.is_some()
        && verification.as_deref() == Some(word(by))
}

fn machine_ref(claim: &ClaimId, before: &MachineRef, name_of: impl Fn(&ClaimId) -> Option<(String, String)>) -> MachineRef {
    if let Some((namespace, name)) = claim.as_str().split_once('/')
        && !name.is_empty()
    {
        return MachineRef {
            name: name.to_owned(),
            namespace: namespace.to_owned(),
            uid: None,
        };
    }
    let (namespace, name) = match name_of(claim) {
        Some(known) => known,
        None if before.uid.as_deref() == Some(claim.as_str()) => (before.namespace.clone(), before.name.clone()),
        None => Default::default(),
    };
    MachineRef {
        name,
        namespace,
        uid: Some(claim.as_str().to_owned()),
    }
}

fn word(verification: Verification) -> &'static str {
    match verification {
        Verification::Proven => "Proven",
        Verification::Accepted => "Accepted",
        Verification::Untested => "Untested",
    }
}

/// The word for a reason.
pub(crate) fn reason_word(reason: &Reason) -> &'static str {
    match reason {
        Reason::Leftovers(_) => "Leftovers",
        Reason::Unreachable(_) => "Unreachable",
        Reason::Foreign(_) => "Foreign",
        Reason::Failed(_) => "Failed",
    }
}

fn quarantine(reason: &Reason, retry_at: Option<SystemTime>) -> Quarantine {
    let (message, leftovers) = match reason {
        Reason::Leftovers(left) => (None, Some(left.clone())),
        Reason::Unreachable(text) | Reason::Foreign(text) | Reason::Failed(text) => (Some(text.clone()), None),
    };
    Quarantine {
        reason: reason_word(reason).to_owned(),
        message,
        leftovers,
        retry_at: retry_at.and_then(time),
    }
}

/// Times are stored in whole seconds; of an earlier one nothing is due too late.
pub(crate) fn time(at: SystemTime) -> Option<Time> {
    let seconds = Timestamp::try_from(at).ok()?.as_second();
    Some(Time(Timestamp::from_second(seconds).ok()?))
}

fn system_time(time: &Time) -> SystemTime {
    time.0.into()
}

#[cfg(test)]
#[path = "entry_tests.rs"]
mod tests;
