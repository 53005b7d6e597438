//! What a RemoteMachine that waits for an entry is told.

use std::collections::BTreeSet;
use std::time::Duration;

use pool::{Endpoint, Pool, Why};

use super::claim::BadSelector;
use crate::controllers::events::Weight;

/// How long a new place in the queue waits to be said: this, and this for each place, but never longer than the last.
const NEWS: (Duration, Duration, Duration) = (Duration::from_secs(1), Duration::from_millis(10), Duration::from_secs(60));

/// Why a RemoteMachine has no entry yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// It waits in the queue.
    Waits {
        /// Of which pool.
        pool: Pool,
        /// Its place; the first is 1.
        position: usize,
        /// How many wait.
        of: usize,
        /// What the entries do that it could have.
        why: Why,
    },
    /// It is not known what it wants.
    Unclear(BadSelector),
    /// It has a machine of its own, which others describe as well.
    DescribedTwice {
        /// Where the machine is.
        at: Endpoint,
        /// Who.
        also: BTreeSet<String>,
    },
}

impl Told {
    /// How soon a RemoteMachine that was told `before` is to say this of itself. Whenever one of many comes or goes, the place of all
    /// behind it changes: that is said a little later, of those behind later still, so that it never comes to more than some two hundred
    /// writes a second, however many wait, and what has to be done does not wait for it.
    pub(crate) fn after(&self, before: Option<&Told>) -> Duration {
        match (before, self) {
            (Some(Told::Waits { pool: was, .. }), Told::Waits { pool, position, .. }) if was == pool => {
                let places = u32::try_from(*position).unwrap_or(u32::MAX);
                NEWS.0.saturating_add(NEWS.1.saturating_mul(places)).min(NEWS.2)
            }
            _ => Duration::ZERO,
        }
    }

    /// The reason of the condition that says it.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Told::Waits { .. } => "WaitingForPoolEntry",
            Told::Unclear(_) => "PoolSelectorInvalid",
            Told::DescribedTwice { .. } => "DescribedTwice",
        }
    }

    /// Whether somebody has to see to it.
    pub(crate) fn weight(&self) -> Weight {
        match self {
            Told::Waits { .. } => Weight::Normal,
            Told::Unclear(_) | Told::DescribedTwice { .. } => Weight::Warning,
        }
    }

    /// In a sentence.
    pub(crate) fn message(&self) -> String {
        match self {
            Told::Waits { pool, position, of, why } => {
                format!("position {position} of {of} in pool {}: {}", pool.name, reasons(why))
            }
            Told::Unclear(bad) => bad.to_string(),
            Told::DescribedTwice { at, also } => {
                let who: Vec<&str> = also.iter().map(String::as_str).collect();
                format!("{at} is also described by {}: keep one of them", who.join(", "))
            }
        }
    }
}

fn reasons(why: &Why) -> String {
    let Why {
        in_pool,
        suitable,
        in_use,
        being_cleaned,
        quarantined,
        in_conflict,
        deleted,
    } = *why;
    let entries = |count: usize| {
        if count == 1 {
            "1 entry".to_owned()
        } else {
            format!("{count} entries")
        }
    };
    if in_pool == 0 {
        return "it has no entries".to_owned();
    }
    if suitable == 0 {
        return format!(
            "it has {}, none of which is what poolSelector and failureDomain ask for",
            entries(in_pool)
        );
    }
    let doing = [
        (in_use, "in use"),
        (being_cleaned, "being cleaned"),
        (quarantined, "quarantined"),
        (in_conflict, "described twice"),
        (deleted, "being deleted"),
    ];
    let fit = format!("{} {}", entries(suitable), if suitable == 1 { "fits" } else { "fit" });
    match doing.iter().find(|(count, _)| *count == suitable) {
        Some((1, what)) => format!("{fit}, {what}"),
        Some((_, what)) => format!("{fit}, all {what}"),
        None => {
            let parts: Vec<_> = doing
                .iter()
                .filter(|(count, _)| *count > 0)
                .map(|(count, what)| format!("{count} {what}"))
                .collect();
            format!("{fit}: {}", parts.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_wait_says_its_place_and_why() {
        let some = Why {
            in_pool: 5,
            suitable: 5,
            ..Why::default()
        };
        for (why, expected) in [
            (Why::default(), "it has no entries"),
            (
                Why { suitable: 0, ..some },
                "it has 5 entries, none of which is what poolSelector and failureDomain ask for",
            ),
            (Why { in_use: 5, ..some }, "5 entries fit, all in use"),
            (
                Why {
                    suitable: 1,
                    quarantined: 1,
                    ..some
                },
                "1 entry fits, quarantined",
            ),
            (
                Why {
                    in_use: 2,
                    being_cleaned: 1,
                    in_conflict: 1,
                    deleted: 1,
                    ..some
                },
                "5 entries fit: 2 in use, 1 being cleaned, 1 described twice, 1 being deleted",
            ),
        ] {
            let told = Told::Waits {
                pool: Pool {
                    namespace: "default".into(),
                    name: "edge".into(),
                },
                position: 2,
                of: 3,
                why,
            };
            assert_eq!(told.message(), format!("position 2 of 3 in pool edge: {expected}"));
        }
    }
}
