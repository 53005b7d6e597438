//! Why a job did not end well, named by what its owner should do.

use super::privilege_error::PrivilegeError;
use crate::event::Interruption;
use crate::ssh::{ConnectError, ExecError};

/// Why a job did not end well. Whatever it is, steps that ended well are not run again by the same command.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no connection: see there.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The connection does not run commands: see there.
    #[error(transparent)]
    Exec(#[from] ExecError),
    /// The connection broke too often in a row.
    #[error(
        "gave up after {attempts} connections without progress: {last}; what was begun goes on on the host: run the same command again to follow it"
    )]
    GaveUp {
        /// How often it was tried.
        attempts: usize,
        /// What happened last.
        last: String,
    },
    /// Neither sudo nor doas lets us: mend the privileges.
    #[error("{0}")]
    Privilege(PrivilegeError),
    /// No plan came of the machine's facts: mend the bootstrap data.
    #[error("{0}")]
    Plan(String),
    /// A step failed: mend its cause, then run the same command again; steps that ended well will not be run again.
    #[error("{0}")]
    Step(Failure),
    /// All stopped in the middle of a command.
    #[error(
        "{name} was under way when {}; whether it had its effect is unknown. See to it, then run again with --rerun-interrupted, or with --rerun to run all steps again",
        .by.in_words()
    )]
    Interrupted {
        /// The step.
        name: String,
        /// By what.
        by: Interruption,
    },
    /// What the host remembers was another machine's; nothing is skipped on its word.
    #[error(
        "what this host remembers is another machine's (machine-id {remembered}, this one has {}): it was made from an image or a backup of that one, so nothing is skipped on its word. Reset it first (anywhere reset --owner '{owner}'); or if it is {owner} under a new machine-id, run all steps again with --rerun",
        .here.as_deref().unwrap_or("none")
    )]
    OtherMachine {
        /// That machine.
        remembered: String,
        /// This one.
        here: Option<String>,
        /// Whose that machine was.
        owner: String,
    },
    /// Another owner's run is on the host.
    #[error("the host carries a run of {owner}; reset it first (anywhere reset --owner '{owner}')")]
    Owned {
        /// Whose.
        owner: String,
    },
    /// Somebody else is just working on the host.
    #[error("the host is held by {holder}, who is just running another plan there; wait for its end")]
    Held {
        /// Who.
        holder: String,
    },
    /// The host cannot keep what it must, as no space is left: free some.
    #[error("the host cannot run a plan: {0}")]
    NoSpace(String),
    /// The host cannot keep what it must, as there are too many files: remove some.
    #[error("the host cannot run a plan: {0}")]
    NoInodes(String),
    /// The host cannot keep what it must, as it may not write: mount the file system read-write.
    #[error("the host cannot run a plan: {0}")]
    ReadOnly(String),
    /// The host cannot run a plan for another reason: a tool is missing, or what it says in its own words.
    #[error("the host cannot run a plan: {0}")]
    Unfit(String),
    /// The detached half of the program is gone: killed, out of memory, or the host could not write its journal.
    #[error("the run was lost on the host{}; run the same command again to go on", if .0.is_empty() { String::new() } else { format!(": {}", .0) })]
    Lost(String),
    /// A content cannot be sent: its file has changed or cannot be read, or the host asks for what there is not.
    #[error("{0}")]
    Content(String),
    /// The host says what a program of ours never says, or more than one can have to say.
    #[error("the host {0}; it does not run what it was sent")]
    Hostile(String),
    /// Our program did not even begin.
    #[error("no program could be run on the host: {0}; check the login shell of that user")]
    NoProgram(String),
    /// The host speaks another version of the line protocol.
    #[error("the host answered with version {0} of the protocol; this program speaks version 1")]
    Version(u32),
    /// The run took longer than it may.
    #[error("the run took longer than {0} s")]
    Deadline(u64),
    /// The host went on answering a question for longer than any answer takes.
    #[error("the host had not ended its answer after {0} s")]
    Endless(u64),
    /// Cancelled; the host does nothing after the step under way.
    #[error("stopped; nothing runs on the host after the step under way. Run the same command again to go on")]
    Stopped,
}

impl Error {
    /// The host contradicts itself, or asks for what it has no use for.
    pub(super) fn hostile(what: &str) -> Self {
        Self::Hostile(what.to_owned())
    }

    /// What a program that could not begin (`fail WHAT TEXT`) means.
    pub(super) fn unfit(what: &str, text: String) -> Self {
        match what {
            "space" => Self::NoSpace(text),
            "inodes" => Self::NoInodes(text),
            "readonly" => Self::ReadOnly(text),
            _ => Self::Unfit(text),
        }
    }
}

/// A step that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Its number in the plan, from 1.
    pub number: usize,
    /// Steps in the plan.
    pub of: usize,
    /// Its name: `runcmd[3]`.
    pub name: String,
    /// Exit status; 124 when it took too long, 128+n when signal n ended it.
    pub status: i32,
    /// The last lines it wrote to its standard error, or to its output if it wrote none there; redacted.
    pub said: Vec<String>,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "step {} of {}, {}: exit status {}",
            self.number, self.of, self.name, self.status
        )?;
        self.said.iter().try_for_each(|line| write!(f, "\n  | {line}"))
    }
}
