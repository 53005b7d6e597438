//! How work on a host stands: what it told so far, and how it ended.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::jiff::Timestamp;
use remote::engine::{Event, Finish};
use remote::facts::Facts;
use remote::script::Mode;

use super::WorkError;

/// How a work stands.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    /// Which one: the assignment's id.
    pub(crate) id: String,
    /// Whether the host is provisioned or cleaned.
    pub(crate) mode: Mode,
    /// When it was begun.
    pub(crate) since: Timestamp,
    /// What it told so far.
    pub(crate) progress: Progress,
    /// How it ended, once it has.
    pub(crate) ended: Option<Ended>,
}

/// How a work ended.
#[derive(Clone, Debug)]
pub(crate) struct Ended {
    /// When.
    pub(crate) at: Timestamp,
    /// How.
    pub(crate) result: Result<Finish, Arc<WorkError>>,
}

/// What a work told so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Progress {
    /// What it is at.
    pub(crate) phase: Phase,
    /// The step under way, or the last one: its number from 1, and its name.
    pub(crate) step: Option<(usize, String)>,
    /// How many steps there are, once that is known.
    pub(crate) steps: usize,
    /// The keys that hosts on the way proved themselves with, by name, where those are to be remembered.
    pub(crate) host_keys: BTreeMap<String, String>,
    /// What the host said that it is.
    pub(crate) facts: Option<Box<Facts>>,
    /// Whether the host has answered at all, or may have.
    pub(crate) has_connected: bool,
    /// What the bootstrap data asks for and is not done, if that took the host's facts to know.
    pub(crate) notes: Vec<String>,
}

/// What a work is at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Phase {
    /// As many hosts are worked on as may be: its turn comes.
    #[default]
    Waiting,
    /// The host is being connected to.
    Connecting,
    /// Steps run there.
    Running,
    /// The connection was lost; the run goes on there, and it is connected to again.
    Reconnecting(String),
    /// A Job does it: what that is at.
    Job(String),
}

impl Progress {
    /// Takes in what the engine tells. Says whether that is to be shown.
    pub(super) fn take(&mut self, event: &Event, name: impl Fn(usize) -> String) -> bool {
        match event {
            Event::Connected { .. } => {
                self.has_connected = true;
                self.phase = Phase::Running;
                true
            }
            Event::StepBegan { number } => {
                self.step = Some((*number, name(*number)));
                true
            }
            Event::Reconnecting { reason, .. } => {
                self.phase = Phase::Reconnecting(reason.clone());
                true
            }
            Event::Following { .. } | Event::StepEnded { .. } => {
                self.phase = Phase::Running;
                false
            }
            Event::Facts(facts) => {
                self.facts = Some(facts.clone());
                false
            }
            Event::Machine { .. } | Event::Sending { .. } | Event::Sent { .. } => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_is_told_is_what_it_is_at() {
        let mut progress = Progress::default();
        let name = |number: usize| format!("runcmd[{number}]");
        for (event, is_shown, phase, step) in [
            (
                Event::Connected {
                    trusted_on_first_use: None,
                },
                true,
                Phase::Running,
                None,
            ),
            (Event::Following { run: "a".to_owned() }, false, Phase::Running, None),
            (Event::StepBegan { number: 2 }, true, Phase::Running, Some(2)),
            (
                Event::Reconnecting {
                    after: Duration::ZERO,
                    reason: "cut".to_owned(),
                },
                true,
                Phase::Reconnecting("cut".to_owned()),
                Some(2),
            ),
            (
                Event::Connected {
                    trusted_on_first_use: None,
                },
                true,
                Phase::Running,
                Some(2),
            ),
        ] {
            assert_eq!(progress.take(&event, name), is_shown, "{event:?}");
            assert_eq!(progress.phase, phase, "{event:?}");
            assert_eq!(progress.step.as_ref().map(|(number, _)| *number), step, "{event:?}");
        }
        assert_eq!(progress.step, Some((2, "runcmd[2]".to_owned())));
    }
}
