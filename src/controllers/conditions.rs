//! Conditions from what was observed: pure.
//!
//! Source: <https://github.com/kubernetes/community/blob/master/contributors/devel/sig-architecture/api-conventions.md#typical-status-properties>
//! and, for which of them there are, <https://cluster-api.sigs.k8s.io/reference/api/crd-relationships>'s v1beta2 conditions.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::Timestamp;

/// The summary.
pub(crate) const READY: &str = "Ready";
/// Whether nothing is done about the object because somebody said so.
pub(crate) const PAUSED: &str = "Paused";
/// Whether the object is going, and what it waits for.
pub(crate) const DELETING: &str = "Deleting";

/// A message is never longer, in bytes; the schema's bound is 32768.
const LONGEST: usize = 8192;

/// Whether something is so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Truth {
    /// It is.
    True,
    /// It is not.
    False,
    /// Nobody knows.
    Unknown,
}

impl Truth {
    /// As the API has it.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

/// One observation: what a condition of one type is to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fact {
    /// The condition's type.
    pub(crate) kind: &'static str,
    /// Its status.
    pub(crate) truth: Truth,
    /// Its reason, one word in CamelCase.
    pub(crate) reason: &'static str,
    /// Its message, for people.
    pub(crate) message: String,
}

impl Fact {
    /// An observation.
    pub(crate) fn new(kind: &'static str, truth: Truth, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            kind,
            truth,
            reason,
            message: message.into(),
        }
    }
}

/// The conditions of an object that had `before` and of which `facts` are known now. A condition that no fact is about stays as it
/// is. The time of a transition moves with the status only.
pub(crate) fn conditions(before: &[Condition], facts: &[Fact], generation: Option<i64>, now: Timestamp) -> Vec<Condition> {
    let mut conditions = before.to_vec();
    for fact in facts {
        let known = before.iter().find(|condition| condition.type_ == fact.kind);
        let since = known
            .filter(|condition| condition.status == fact.truth.text())
            .map_or_else(|| Time(now), |condition| condition.last_transition_time.clone());
        let condition = Condition {
            type_: fact.kind.to_owned(),
            status: fact.truth.text().to_owned(),
            reason: fact.reason.to_owned(),
            message: bounded(&fact.message),
            observed_generation: generation,
            last_transition_time: since,
        };
        match conditions.iter_mut().find(|known| known.type_ == fact.kind) {
            Some(known) => *known = condition,
            None => conditions.push(condition),
        }
    }
    conditions
}

/// Whether these conditions say all of these facts already: then [`conditions`] would change nothing.
pub(crate) fn say(before: &[Condition], facts: &[Fact], generation: Option<i64>) -> bool {
    facts.iter().all(|fact| {
        let known = before.iter().find(|condition| condition.type_ == fact.kind);
        known.is_some_and(|known| {
            known.status == fact.truth.text()
                && known.reason == fact.reason
                && known.message == fact.message
                && known.observed_generation == generation
        })
    })
}

fn bounded(message: &str) -> String {
    if message.len() <= LONGEST {
        return message.to_owned();
    }
    let end = (0..=LONGEST)
        .rev()
        .find(|end| message.is_char_boundary(*end))
        .unwrap_or_default();
    format!("{}...", message.get(..end).unwrap_or_default())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)] // a test that cannot be set up fails
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn the_time_moves_with_the_status_only() {
        let wait = Fact::new(READY, Truth::False, "Waiting", "for a");
        let first = conditions(&[], std::slice::from_ref(&wait), Some(1), at(10));
        assert_eq!(first[0].last_transition_time.0, at(10));
        let longer = Fact {
            message: "for b".to_owned(),
            ..wait.clone()
        };
        let second = conditions(&first, &[longer], Some(2), at(20));
        assert_eq!(
            (second[0].last_transition_time.0, second[0].message.as_str()),
            (at(10), "for b")
        );
        assert_eq!(second[0].observed_generation, Some(2));
        let done = Fact::new(READY, Truth::True, "Ready", "");
        assert_eq!(
            conditions(&second, &[done], Some(2), at(30))[0].last_transition_time.0,
            at(30)
        );
    }

    #[test]
    fn the_same_facts_change_nothing() {
        let facts = [
            Fact::new(READY, Truth::True, "Ready", ""),
            Fact::new(PAUSED, Truth::False, "NotPaused", ""),
        ];
        let first = conditions(&[], &facts, Some(1), at(10));
        assert_eq!(conditions(&first, &facts, Some(1), at(99)), first);
        assert!(say(&first, &facts, Some(1)));
        assert!(!say(&first, &facts, Some(2)) && !say(&first[1..], &facts, Some(1)));
        let others =
            [("Ready", ""), ("Waiting", "for a")].map(|(reason, message)| Fact::new(READY, Truth::False, reason, message));
        assert!(others.iter().all(|other| !say(&first, std::slice::from_ref(other), Some(1))));
        let other = Fact::new(READY, Truth::True, "Ready", "since today");
        assert!(!say(&first, &[other], Some(1)));
    }

    #[test]
    fn others_conditions_stay() {
        let theirs = conditions(&[], &[Fact::new("Theirs", Truth::Unknown, "Why", "")], None, at(1));
        let both = conditions(&theirs, &[Fact::new(READY, Truth::True, "Ready", "")], None, at(2));
        assert_eq!(both[0], theirs[0]);
        assert_eq!(both.len(), 2);
    }

    #[test]
    fn no_message_is_too_long() {
        let fact = Fact::new(READY, Truth::False, "Failed", "ä".repeat(LONGEST));
        let made = conditions(&[], &[fact], None, at(1));
        assert!(made[0].message.len() <= LONGEST + 3 && made[0].message.ends_with("ä..."));
    }
}
