//! Plans onto hosts: sends a program, follows its journal, comes back when the connection is lost.
//!
//! [`run`] is the only place with the sequence; [`inspect`] asks a host what it remembers. Nothing here prints: what happens is
//! told to a listener as [`Event`]s.

mod attempt;
mod carried;
mod error;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod inspect;
mod lines;
mod look;
mod opening;
mod privilege;
mod privilege_error;
mod progress;
mod pulse;
mod run;
mod supply;

use std::sync::Arc;
use std::time::Duration;

use crate::facts::Facts;
use crate::plan::Plan;
use crate::script::Mode;
use crate::secret::Secret;
use crate::ssh;

pub use crate::event::Interruption;
pub use carried::carried;
pub use error::{Error, Failure};
pub use inspect::{State, Status, examine, facts, inspect, logs};
pub use privilege_error::PrivilegeError;
pub use run::run;

/// A machine, and how to get at it.
#[derive(Clone, Debug)]
pub struct Host {
    /// Where, as whom, with which keys, believing which host key.
    pub target: ssh::Target,
    /// Who runs the steps.
    pub privilege: Privilege,
}

/// Who runs the steps on a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Privilege {
    /// The user who logs in; for root there is nothing more to do.
    Login,
    /// root, by sudo(8), or by doas(1) where there is no sudo or it does not let us.
    Sudo {
        /// Given to sudo on its standard input, or to doas on a terminal, when it asks.
        password: Option<Secret>,
    },
}

/// How long things may take. The deadlines of a connection's phases are [`ssh::Deadlines`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// One step; the host itself ends a step that takes longer, with all its processes.
    pub step: Duration,
    /// The whole run, however often the connection is lost meanwhile.
    pub run: Duration,
    /// Without a word from the host. A host says that it lives every five seconds, however silent a step is.
    pub silence: Duration,
    /// How often a connection is tried again after a fault that may pass, counted anew after each progress.
    pub reconnects: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            step: Duration::from_secs(30 * 60),
            run: Duration::from_secs(2 * 60 * 60),
            silence: Duration::from_secs(30),
            reconnects: 8,
        }
    }
}

/// What is to be done on a host.
#[derive(Clone, Copy)]
pub enum Planning<'a> {
    /// This.
    Now(&'a Plan),
    /// What comes of the machine's facts, which are asked for first, over the same connection. An error is told as it is.
    AfterFacts(&'a (dyn Fn(&Facts) -> Result<Arc<Plan>, String> + Sync)),
}

impl std::fmt::Debug for Planning<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Now(plan) => f.debug_tuple("Now").field(&plan.id()).finish(),
            Self::AfterFacts(_) => f.write_str("AfterFacts"),
        }
    }
}

/// One thing to be done on a host.
#[derive(Clone, Debug)]
pub struct Job<'a> {
    /// What.
    pub plan: Planning<'a>,
    /// Whether bootstrap data is applied or the host given back.
    pub mode: Mode,
    /// Whose host it is.
    pub owner: &'a str,
    /// Who is doing it, for others to see.
    pub holder: &'a str,
    /// How long it may take.
    pub limits: Limits,
    /// How long the phases of a connection may take.
    pub deadlines: ssh::Deadlines,
    /// Go on after a step that failed.
    pub keep_going: bool,
    /// Run all steps again, once for each such word (letters and digits): coming back to a run must not begin it again.
    pub rerun: Option<&'a str>,
    /// Run a command again that was interrupted: the host went down, or the run there was killed.
    pub rerun_interrupted: bool,
    /// Have the machine tell what it is, in the same round trip: [`Event::Facts`].
    pub facts: bool,
}

/// What happens, as it happens.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// There is a connection.
    Connected {
        /// The host key's fingerprint, if it was remembered just now: nobody has vouched for it.
        trusted_on_first_use: Option<String>,
    },
    /// Which machine answers there, by its machine-id(5); not told of one that has none.
    Machine {
        /// Its id, in the host's words.
        id: String,
    },
    /// What the machine is: once, if it was asked for.
    Facts(Box<Facts>),
    /// A run is followed; it was just begun, or by someone before.
    Following {
        /// The run's name on the host.
        run: String,
    },
    /// A content that the host lacks is on its way: told when it begins and twice a second.
    Sending {
        /// The first step that needs it, from 1.
        number: usize,
        /// Bytes of it that are on the host or on their way.
        sent: u64,
        /// Bytes of it in all.
        size: u64,
    },
    /// The last byte of a content is on its way.
    Sent {
        /// The first step that needs it, from 1.
        number: usize,
        /// Bytes of it that the host had before.
        from: u64,
        /// Bytes of it in all.
        size: u64,
    },
    /// A step has begun.
    StepBegan {
        /// Its number in the plan, from 1.
        number: usize,
    },
    /// A step has ended.
    StepEnded {
        /// Its number in the plan, from 1.
        number: usize,
        /// Exit status.
        status: i32,
        /// How long it took, to the hundredth of a second.
        took: Duration,
        /// If it failed: its last words, as in [`Failure`].
        said: Vec<String>,
    },
    /// The connection was lost; the run goes on on the host, and another connection will be tried.
    Reconnecting {
        /// After this long.
        after: Duration,
        /// Why.
        reason: String,
    },
}

/// How a job ended well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finish {
    /// Whether there was nothing to do: the same plan had ended well before, or there was nothing to reset.
    pub unchanged: bool,
    /// Steps that ran in this run.
    pub steps_run: usize,
    /// Connections that it took.
    pub connections: usize,
    /// Bytes on the wire, all connections together.
    pub traffic: ssh::Traffic,
}
