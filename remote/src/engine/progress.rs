//! What is known of a run from the lines seen so far: pure.

use std::collections::HashMap;
use std::time::Duration;

use super::Event;
use super::error::{Error, Failure};
use crate::event::{Interruption, Line, Outcome, Record};
use crate::plan::{Action, Plan};
use crate::redact::Redactor;

/// The most lines of a failed step's last words that are kept.
const MAX_SAID: usize = 20;

/// The most lines of what a proof found that are kept; a host sends at most 200 and the number of the others.
const MAX_FOUND: usize = 201;

/// What is known of a run, over all connections.
#[derive(Debug)]
pub(super) struct Progress<'a> {
    plan: &'a Plan,
    redactor: Redactor,
    /// The run that is followed, and the byte of the journal up to which it was seen.
    pub(super) seen: Option<(String, u64)>,
    /// Steps that ended in this run.
    pub(super) steps_run: usize,
    began: HashMap<usize, u64>,
    said: HashMap<usize, Vec<String>>,
    failure: Option<Failure>,
    interrupted: Option<(usize, Interruption)>,
    /// machine-id(5) of the machine that answers.
    machine_id: Option<String>,
}

/// How following ends.
#[derive(Debug)]
pub(super) enum End {
    /// There was nothing to do.
    Unchanged,
    /// All steps ended well.
    Ok,
    /// Another connection may get further, for this reason.
    Again(String),
    /// It did not end well.
    Bad(Error),
}

impl<'a> Progress<'a> {
    pub(super) fn new(plan: &'a Plan) -> Self {
        Self {
            plan,
            redactor: Redactor::of(plan),
            seen: None,
            steps_run: 0,
            began: HashMap::new(),
            said: HashMap::new(),
            failure: None,
            interrupted: None,
            machine_id: None,
        }
    }

    /// One more line, of this length with its newline. Tells `listener` what it means; gives the end if this is it.
    pub(super) fn observe(&mut self, line: Line, length: u64, listener: &dyn Fn(Event)) -> Option<End> {
        let is_journal = matches!(line, Line::Journal(_) | Line::Noise);
        if let (true, Some((_, offset))) = (is_journal, &mut self.seen) {
            *offset = offset.saturating_add(length);
        }
        match line {
            Line::Hello { version, .. } if version != 1 => Some(End::Bad(Error::Version(version))),
            Line::Hello { machine_id, .. } => {
                if let Some(id) = &machine_id
                    && self.machine_id != machine_id
                {
                    listener(Event::Machine { id: id.clone() });
                }
                self.machine_id = machine_id;
                None
            }
            Line::Foreign { machine_id, owner } => Some(End::Bad(Error::OtherMachine {
                remembered: machine_id,
                here: self.machine_id.clone(),
                owner,
            })),
            Line::Owned(owner) => Some(End::Bad(Error::Owned { owner })),
            Line::Held(holder) => Some(End::Bad(Error::Held { holder })),
            Line::Done | Line::Clean => Some(End::Unchanged),
            Line::Lost(text) => Some(End::Bad(Error::Lost(self.redactor.redact(&text)))),
            Line::Fail { what, text } => Some(End::Bad(Error::unfit(&what, text))),
            Line::Follow { run, offset } => {
                if self.seen.as_ref().is_none_or(|(seen, _)| *seen != run) {
                    listener(Event::Following { run: run.clone() });
                }
                self.seen = Some((run, offset));
                None
            }
            Line::Journal(record) => self.record(record, listener),
            Line::Owner(_)
            | Line::Want(_)
            | Line::Send { .. }
            | Line::Got(_)
            | Line::Bad(_)
            | Line::Alive
            | Line::Fact { .. }
            | Line::Noise => None,
        }
    }

    fn record(&mut self, record: Record, listener: &dyn Fn(Event)) -> Option<End> {
        match record {
            Record::Run { .. } | Record::Other => None,
            Record::Begin { number, at, .. } => {
                if self.plan.steps().len() >= number {
                    self.began.insert(number, at);
                    listener(Event::StepBegan { number });
                }
                None
            }
            Record::Said { number, text } => {
                if let Some(step) = number.checked_sub(1).and_then(|index| self.plan.steps().get(index)) {
                    let most = if step.action == Action::Prove { MAX_FOUND } else { MAX_SAID };
                    let said = self.said.entry(number).or_default();
                    if said.len() < most {
                        said.push(self.redactor.redact(&text));
                    }
                }
                None
            }
            Record::End { number, status, at, .. } => {
                let step = self.plan.steps().get(number.checked_sub(1)?)?;
                let took = Duration::from_millis(at.saturating_sub(self.began.remove(&number).unwrap_or(at)).saturating_mul(10));
                self.steps_run += 1;
                let said = self.said.remove(&number).unwrap_or_default();
                // The proof's word is the last one, whatever went wrong before.
                if status != 0 && (self.failure.is_none() || step.action == Action::Prove) {
                    let (of, name) = (self.plan.steps().len(), step.name.clone());
                    self.failure = Some(Failure {
                        number,
                        of,
                        name,
                        status,
                        said: said.clone(),
                    });
                }
                listener(Event::StepEnded {
                    number,
                    status,
                    took,
                    said,
                });
                None
            }
            Record::Interrupted { number, by } => {
                // The first is the one to see to.
                self.interrupted = self.interrupted.or(Some((number, by)));
                None
            }
            Record::Ran { plan, outcome, .. } => (plan == self.plan.id()).then(|| self.end(outcome)),
        }
    }

    fn end(&mut self, outcome: Outcome) -> End {
        match outcome {
            Outcome::Ok => End::Ok,
            Outcome::Stopped => End::Bad(Error::Stopped),
            Outcome::Failed => End::Bad(match (self.failure.take(), self.interrupted) {
                (Some(failure), _) => Error::Step(failure),
                (None, Some((number, by))) => Error::Interrupted {
                    name: self.name(number),
                    by,
                },
                (None, None) => Error::Lost("a step failed, but the host does not say which".to_owned()),
            }),
        }
    }

    fn name(&self, number: usize) -> String {
        let step = number.checked_sub(1).and_then(|index| self.plan.steps().get(index));
        step.map_or_else(|| format!("step {number}"), |step| format!("step {number}, {},", step.name))
    }
}
