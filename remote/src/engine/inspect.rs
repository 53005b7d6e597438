//! What a host remembers: asked without changing anything there.

use std::time::{Duration, SystemTime};

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::attempt::{Answer, Bounds, Talk, talk};
use super::error::Error;
use super::privilege::Way;
use super::{Host, Limits};
use crate::doctor::Examination;
use crate::event::{Interruption, Line, Outcome, Record, printable};
use crate::facts::{Facts, Moment, Reading};
use crate::script::{self, Question};
use crate::ssh::{self, ConnectError, Deadlines, ExecError};

/// The line after which a program that only tells has nothing more to tell.
pub(super) const END: &[u8] = b".";

/// What stands before each line of a log.
pub(super) const LOGGED: &[u8] = b"| ";

/// The most lines of failed steps' last words that are kept: what a proof found, and more.
const MAX_SAID: usize = 500;

/// The most bytes of an answer: the lines of a run of a hundred thousand steps. Of a log, which has what many runs printed.
const BYTES: u64 = 64 << 20;
const BYTES_OF_LOG: u64 = 4 << 30;

/// How long an answer may take in all, in times that a host may be silent. A log may take as long as a run.
const SILENCES: u32 = 10;

/// What an answer may be, unless it is a log.
pub(super) fn answer(silence: Duration) -> Bounds {
    Bounds { silence, bytes: BYTES }
}

/// What a host remembers of its last run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Status {
    /// How it stands.
    pub state: State,
    /// Whose host it is.
    pub owner: Option<String>,
    /// Who is working on it.
    pub holder: Option<String>,
    /// The plan of the last run.
    pub plan: Option<String>,
    /// Steps in that plan.
    pub steps: usize,
    /// Steps that ended in that run, and the one under way or failed.
    pub at: usize,
    /// The name of that step.
    pub step: String,
    /// Exit status of the step that failed.
    pub exit_status: Option<i32>,
    /// The last lines that step wrote.
    pub said: Vec<String>,
    /// When the run began, in seconds since 1970 by the sender's clock; a host may say anything.
    pub time: Option<i64>,
    /// If the run neither ended nor goes on: what stopped it.
    pub interrupted_by: Option<Interruption>,
    /// Which boot the host is in.
    pub(crate) boot_id: String,
    /// Which machine it is: machine-id(5).
    pub(crate) machine_id: Option<String>,
    /// What it is, if that was asked for.
    pub facts: Option<Facts>,
}

/// How a host stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// It remembers nothing.
    #[default]
    Clean,
    /// A run is under way.
    Running,
    /// The last run ended well.
    Provisioned,
    /// A step failed.
    Failed,
    /// The run was stopped before its last step.
    Stopped,
    /// The run neither ended nor goes on: the host, or the program there, was killed.
    Interrupted,
    /// What it remembers was another machine's: it is a clone of that one, or its backup was restored there.
    OtherMachine,
}

/// What a machine is being told by lines.
#[derive(Debug)]
pub(super) struct Telling {
    asked: SystemTime,
    reading: Reading,
}

impl Telling {
    /// The question is about to be sent.
    pub(super) fn begin() -> Self {
        Self {
            asked: SystemTime::now(),
            reading: Reading::default(),
        }
    }

    /// Takes a line that has just come; gives the facts if it was the last about them.
    pub(super) fn take(&mut self, line: &Line) -> Option<Facts> {
        let Line::Fact { name, value } = line else { return None };
        if name == "end" {
            return Some(std::mem::take(&mut self.reading).finish());
        }
        self.reading.take(name, value, Moment::since(self.asked));
        None
    }
}

/// Asks a host how it stands, and (with `facts`) what it is.
///
/// # Errors
/// See [`Error`].
pub async fn inspect(
    host: &Host,
    facts: bool,
    limits: &Limits,
    deadlines: &Deadlines,
    cancel: &CancellationToken,
) -> Result<Status, Error> {
    let question = if facts { Question::StatusAndFacts } else { Question::Status };
    let (mut status, mut told) = (Status::default(), None);
    ask(host, question, limits, deadlines, cancel, &mut |_, line, telling| {
        told = telling.take(&line).or(told.take());
        status.read(line);
    })
    .await?;
    status.facts = told;
    Ok(status)
}

/// Asks a host what it is.
///
/// # Errors
/// See [`Error`].
pub async fn facts(host: &Host, limits: &Limits, deadlines: &Deadlines, cancel: &CancellationToken) -> Result<Facts, Error> {
    let mut told = None;
    ask(host, Question::Facts, limits, deadlines, cancel, &mut |_, line, telling| {
        told = telling.take(&line).or(told.take());
    })
    .await?;
    told.ok_or_else(|| Error::Lost("the host did not tell what it is".to_owned()))
}

/// Gives the host's redacted log, line by line, to `listener`.
///
/// # Errors
/// See [`Error`].
pub async fn logs(
    host: &Host,
    limits: &Limits,
    deadlines: &Deadlines,
    cancel: &CancellationToken,
    listener: &mut (dyn FnMut(String) + Send),
) -> Result<(), Error> {
    ask(host, Question::Log, limits, deadlines, cancel, &mut |bytes, _, _| {
        if let Some(text) = bytes.strip_prefix(LOGGED) {
            listener(printable(text));
        }
    })
    .await
    .map(drop)
}

/// Asks a host how it stands, what it is, and what would be in the way of a run.
///
/// # Errors
/// See [`Error`].
pub async fn examine(
    host: &Host,
    limits: &Limits,
    deadlines: &Deadlines,
    cancel: &CancellationToken,
) -> Result<Examination, Error> {
    let (mut examination, mut told) = (Examination::default(), None);
    let key = ask(host, Question::Doctor, limits, deadlines, cancel, &mut |_, line, telling| {
        if let Line::Fact { name, value } = &line {
            examination.findings.take(name, value);
        }
        told = telling.take(&line).or(told.take());
        examination.status.read(line);
    })
    .await?;
    examination.status.facts = told;
    examination.host_key = key;
    Ok(examination)
}

/// Asks, reads the answer, and gives the fingerprint of the key that the host proved itself with.
async fn ask(
    host: &Host,
    question: Question,
    limits: &Limits,
    deadlines: &Deadlines,
    cancel: &CancellationToken,
    read: &mut (dyn FnMut(&[u8], Line, &mut Telling) + Send),
) -> Result<Option<String>, Error> {
    let connection = match ssh::connect(&host.target, deadlines, cancel).await {
        Ok(connection) => connection,
        Err(ConnectError::Cancelled) => return Err(Error::Stopped),
        Err(error) => return Err(error.into()),
    };
    let key = Some(connection.host_key().key.fingerprint());
    let program = script::render_question(question);
    let mut telling = Telling::begin();
    let mut way = Way::first(&host.privilege);
    let (bytes, patience) = match question {
        Question::Log => (BYTES_OF_LOG, limits.run),
        Question::Status | Question::StatusAndFacts | Question::Facts | Question::Doctor => {
            (BYTES, limits.silence.saturating_mul(SILENCES))
        }
    };
    let bounds = Bounds {
        silence: limits.silence,
        bytes,
    };
    let talking = talk(&connection, host, &mut way, &program, &bounds, cancel, |raw, line| {
        if raw.bytes == END {
            return Answer::End(Ok(()));
        }
        if let Line::Fail { what, text } = line {
            return Answer::End(Err(Error::unfit(&what, text)));
        }
        if let Line::Hello { version, .. } = line
            && version != 1
        {
            return Answer::End(Err(Error::Version(version)));
        }
        read(&raw.bytes, line, &mut telling);
        Answer::Nothing
    });
    let talked = timeout(patience, talking)
        .await
        .unwrap_or(Err(Error::Endless(patience.as_secs())));
    connection.close().await;
    match talked? {
        Talk::End(ended) => ended.map(|()| key),
        Talk::Broken(reason) => Err(ExecError::ConnectionLost(reason).into()),
    }
}

impl Status {
    pub(super) fn read(&mut self, line: Line) {
        match line {
            Line::Owner(owner) => self.owner = Some(owner),
            Line::Held(holder) => self.holder = Some(holder),
            Line::Journal(record) => self.record(record),
            Line::Hello { boot_id, machine_id, .. } => (self.boot_id, self.machine_id) = (boot_id, machine_id),
            Line::Owned(_)
            | Line::Foreign { .. }
            | Line::Done(_)
            | Line::Clean
            | Line::Follow { .. }
            | Line::Want(_)
            | Line::Send { .. }
            | Line::Got(_)
            | Line::Bad(_)
            | Line::Alive
            | Line::Lost(_)
            | Line::Fail { .. }
            | Line::Fact { .. }
            | Line::Noise => {}
        }
    }

    fn record(&mut self, record: Record) {
        match record {
            Record::Run {
                plan,
                steps,
                boot_id,
                machine_id,
                time,
                ..
            } => {
                self.state = if machine_id.is_some() && self.machine_id.is_some() && machine_id != self.machine_id {
                    State::OtherMachine
                } else if self.holder.is_some() {
                    State::Running
                } else {
                    State::Interrupted
                };
                self.interrupted_by = (self.state == State::Interrupted).then(|| match boot_id {
                    Some(boot_id) if boot_id == self.boot_id => Interruption::Kill,
                    Some(_) => Interruption::Reboot,
                    None => Interruption::Unknown,
                });
                (self.plan, self.steps, self.time) = (Some(plan), steps, Some(time));
                (self.at, self.exit_status) = (0, None);
                self.step.clear();
                self.said.clear();
            }
            Record::Begin { number, name, .. } => (self.at, self.step) = (number, name),
            Record::Interrupted { number, .. } => self.at = number,
            Record::Said { text, .. } if self.said.len() < MAX_SAID => self.said.push(text),
            Record::Said { .. } => {}
            Record::End { number, status, .. } => {
                self.at = number;
                if status != 0 {
                    self.exit_status = Some(status);
                }
            }
            Record::Ran { outcome, .. } => {
                self.interrupted_by = None;
                self.state = match (self.state, outcome) {
                    (State::OtherMachine, _) => State::OtherMachine,
                    (_, Outcome::Ok) => State::Provisioned,
                    (_, Outcome::Failed) => State::Failed,
                    (_, Outcome::Stopped) => State::Stopped,
                }
            }
            Record::Other => {}
        }
    }
}
