//! What people are told of an entry's change, as an Event about it: pure.

use pool::{State, Verification};

use super::shown;
use crate::controllers::events::Weight;

/// An Event about an entry that went from one state to the other; `who` is the RemoteMachine that has or had it. Nothing where it is not
/// worth one.
pub(super) fn of(before: &State, after: &State, who: &str) -> Option<(Weight, &'static str, String)> {
    let normal = |reason, text: String| Some((Weight::Normal, reason, text));
    match after {
        State::Reserved { .. } | State::Releasing { .. } | State::Verified { .. } => None,
        State::Bound { .. } => normal("Bound", format!("RemoteMachine {who} has it")),
        State::Cleaning { attempt, .. } => normal("Cleaning", format!("it is being cleaned, attempt {attempt}")),
        State::Free(by) => match (before, by) {
            (State::Reserved { .. }, _) => normal("Freed", format!("RemoteMachine {who} did not take it")),
            (_, Verification::Proven) => normal("Freed", "it is proven clean, and free".to_owned()),
            (_, Verification::Accepted) => normal("Freed", "a person took it to be clean, and it is free".to_owned()),
            (_, Verification::Untested) => normal(
                "Freed",
                "it was edited while it was in use, and is free as a new one".to_owned(),
            ),
        },
        // Only its retry was called off.
        State::Quarantined { .. } if matches!(before, State::Quarantined { .. }) => None,
        State::Quarantined {
            reason, retry_at, at, ..
        } => {
            let text = format!("{at} is kept aside: {}", shown::kept_aside(reason, *retry_at));
            Some((Weight::Warning, "Quarantined", text))
        }
    }
}

/// The last words about an entry that is let go in this state; nothing where its machine is clean as far as is known.
pub(super) fn last_words(state: &State) -> Option<(Weight, &'static str, String)> {
    match state {
        State::Quarantined { reason, at, .. } => {
            let text = format!(
                "{at} is in no pool any more, and not proven clean: {}",
                shown::what_is_wrong(reason)
            );
            Some((Weight::Warning, "NotCleaned", text))
        }
        State::Free(_)
        | State::Reserved { .. }
        | State::Bound { .. }
        | State::Releasing { .. }
        | State::Cleaning { .. }
        | State::Verified { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use pool::{ClaimId, Endpoint, Reason};

    use super::*;

    #[test]
    fn each_change_that_a_person_wants_to_see() {
        let (claim, at) = (ClaimId::new("u"), Endpoint::new("192.0.2.1", 22));
        let free = State::Free(Verification::Proven);
        let reserved = State::Reserved {
            claim: claim.clone(),
            before: Verification::Proven,
        };
        let bound = State::Bound {
            claim: claim.clone(),
            at: at.clone(),
        };
        let cleaning = State::Cleaning {
            claim: Some(claim.clone()),
            at: at.clone(),
            attempt: 2,
        };
        let quarantined = |retry_at| State::Quarantined {
            claim: Some(claim.clone()),
            at: at.clone(),
            attempt: 2,
            reason: Reason::Unreachable("timed out".to_owned()),
            retry_at,
        };
        let epoch = Some(std::time::SystemTime::UNIX_EPOCH);
        for (before, after, expected) in [
            (&free, &reserved, None),
            (&reserved, &bound, Some("Bound: RemoteMachine m has it")),
            (&reserved, &free, Some("Freed: RemoteMachine m did not take it")),
            (&bound, &cleaning, Some("Cleaning: it is being cleaned, attempt 2")),
            (&cleaning, &free, Some("Freed: it is proven clean, and free")),
            (
                &cleaning,
                &quarantined(epoch),
                Some(
                    "Quarantined: 192.0.2.1:22 is kept aside: it does not answer: timed out; it is tried again at 1970-01-01T00:00:00Z",
                ),
            ),
            (&quarantined(epoch), &quarantined(None), None),
        ] {
            let said = of(before, after, "m").map(|(_, reason, text)| format!("{reason}: {text}"));
            assert_eq!(said.as_deref(), expected);
        }
    }
    #[test]
    fn who_takes_a_machine_away_is_told_that_it_is_not_clean() {
        let quarantined = State::Quarantined {
            claim: None,
            at: Endpoint::new("192.0.2.1", 22),
            attempt: 2,
            reason: Reason::Unreachable("timed out".to_owned()),
            retry_at: None,
        };
        let said = last_words(&quarantined).map(|(_, reason, text)| format!("{reason}: {text}"));
        let expected = "NotCleaned: 192.0.2.1:22 is in no pool any more, and not proven clean: it does not answer: timed out";
        assert_eq!(said.as_deref(), Some(expected));
        assert_eq!(last_words(&State::Free(Verification::Proven)), None);
    }
}
