//! What an entry shows of itself: its conditions.

use std::collections::BTreeSet;
use std::time::SystemTime;

use crds::shared::Conditions;
use k8s_openapi::jiff::Timestamp;
use pool::{Reason, State, Verification};

use super::entry::{self, Damage};
use crate::controllers::conditions::{self, Fact, READY, Truth};

/// What is to be shown.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shown<'a> {
    /// An entry that could be read.
    Read {
        /// What it is in.
        state: &'a State,
        /// Who else describes its machine.
        also: &'a BTreeSet<String>,
        /// Whether it is being deleted.
        deleting: bool,
        /// Whether it is paused.
        paused: bool,
    },
    /// One that could not.
    Damaged(&'a Damage),
}

/// What one condition says.
struct Said {
    truth: Truth,
    reason: &'static str,
    message: String,
}

impl Said {
    fn new(is_so: bool, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            truth: if is_so { Truth::True } else { Truth::False },
            reason,
            message: message.into(),
        }
    }

    fn of(self, kind: &'static str) -> Fact {
        Fact::new(kind, self.truth, self.reason, self.message)
    }
}

/// Whether a RemoteMachine can take the entry.
const AVAILABLE: &str = "Available";
/// Whether nobody else describes its machine.
pub(crate) const ADDRESS_UNIQUE: &str = "AddressUnique";

/// `Ready`: nobody needs to do anything about it; `Available`: a RemoteMachine can take it; `AddressUnique`: nobody else describes its
/// machine. A time moves only where a status does.
pub(crate) fn conditions(shown: &Shown<'_>, before: Option<&Conditions>, generation: Option<i64>, now: SystemTime) -> Conditions {
    let facts = facts(shown);
    let now = entry::time(now).map_or(Timestamp::UNIX_EPOCH, |time| time.0);
    conditions::conditions(before.map_or(&[], Vec::as_slice), &facts, generation, now)
}

/// Whether an entry shows all of that already.
pub(crate) fn is_shown(shown: &Shown<'_>, before: Option<&Conditions>, generation: Option<i64>) -> bool {
    before.is_some_and(|before| conditions::say(before, &facts(shown), generation))
}

fn facts(shown: &Shown<'_>) -> Vec<Fact> {
    let mut facts = vec![ready(shown).of(READY), available(shown).of(AVAILABLE)];
    match shown {
        Shown::Read { also, .. } => facts.push(unique(also).of(ADDRESS_UNIQUE)),
        Shown::Damaged(_) => {}
    }
    facts
}

fn ready(shown: &Shown<'_>) -> Said {
    let (state, also) = match shown {
        Shown::Damaged(damage) => return Said::new(false, "StatusDamaged", damage.to_string()),
        Shown::Read { state, also, .. } => (*state, *also),
    };
    match state {
        State::Free(_) if !also.is_empty() => unique(also),
        State::Free(by) => match by {
            Verification::Proven => Said::new(true, "ProvenClean", "free: it was cleaned and proven clean"),
            Verification::Accepted => Said::new(true, "AcceptedAsClean", "free: a person took it to be clean"),
            Verification::Untested => Said::new(true, "New", "free: nothing has run on it yet"),
        },
        State::Reserved { .. } => Said::new(true, "Reserved", "a RemoteMachine is being told of it"),
        State::Bound { .. } => Said::new(true, "InUse", "a RemoteMachine has it"),
        State::Releasing { .. } => Said::new(false, "Releasing", "what its RemoteMachine runs there is being stopped"),
        State::Cleaning { attempt, .. } => Said::new(false, "Cleaning", format!("it is being cleaned, attempt {attempt}")),
        State::Verified { .. } => Said::new(false, "Verified", "it is clean; its RemoteMachine has not let go of it yet"),
        State::Quarantined {
            attempt,
            reason,
            retry_at,
            ..
        } => {
            let kept = kept_aside(reason, *retry_at);
            let message = format!("attempt {attempt}: {kept} (annotations {}, accept, give-up)", entry::RETRY);
            Said::new(false, entry::reason_word(reason), message)
        }
    }
}

/// What keeps an entry from being used.
pub(super) fn what_is_wrong(reason: &Reason) -> String {
    match reason {
        Reason::Leftovers(left) => format!("after it was cleaned, this was left: {}", left.join(", ")),
        Reason::Unreachable(text) => format!("it does not answer: {text}"),
        Reason::Foreign(owner) => format!("it carries a run of {owner}"),
        Reason::Failed(text) => format!("it could not be cleaned: {text}"),
    }
}

/// The same, and when it is tried again.
pub(super) fn kept_aside(reason: &Reason, retry_at: Option<SystemTime>) -> String {
    let what = what_is_wrong(reason);
    match retry_at.and_then(entry::time) {
        Some(at) => format!("{what}; it is tried again at {}", at.0),
        None => format!("{what}; it is not tried again"),
    }
}

fn available(shown: &Shown<'_>) -> Said {
    match shown {
        Shown::Damaged(_) => Said::new(false, "StatusDamaged", "it is left alone until its status is mended"),
        Shown::Read { deleting: true, .. } => Said::new(false, "Deleting", "it is being deleted"),
        Shown::Read { paused: true, .. } => Said::new(false, "Paused", "it, or the RemoteMachine that has it, is paused"),
        Shown::Read { also, .. } if !also.is_empty() => unique(also),
        Shown::Read {
            state: State::Free(_), ..
        } => Said::new(true, "Free", ""),
        Shown::Read { state, .. } => Said::new(false, state.name(), ""),
    }
}

fn unique(also: &BTreeSet<String>) -> Said {
    if also.is_empty() {
        return Said::new(true, "Unique", "");
    }
    let who: Vec<&str> = also.iter().map(String::as_str).collect();
    let message = format!("its address and port are also those of {}: keep one of them", who.join(", "));
    Said::new(false, "DescribedTwice", message)
}
