//! What is known of a run from the lines seen so far: pure.
//!
//! A host is not believed more than it has to be. Lines about steps that are not the plan's are another run's and mean nothing; a run
//! that contradicts itself is an error. Each step begins and ends once a run, so a host can make only so many events.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::Event;
use super::error::{Error, Failure};
use crate::event::{Interruption, Line, Outcome, Record};
use crate::plan::{Action, Plan, Step};
use crate::redact::Redactor;
use crate::script::Mode;

/// The most lines of a failed step's last words that are kept.
const MAX_SAID: usize = 20;

/// The most lines of what a proof found that are kept; a host sends at most 200 and the number of the others.
const MAX_FOUND: usize = 201;

/// The most runs that are followed for one job: each is one that was lost before. No host goes down so often and is of use.
const MAX_RUNS: usize = 200;

/// The most machines that may answer at one address during one job.
const MAX_MACHINES: usize = 10;

/// What is known of a run, over all connections.
#[derive(Debug)]
pub(super) struct Progress<'a> {
    plan: &'a Plan,
    mode: Mode,
    redactor: Redactor,
    /// The run that is followed, and the byte of the journal up to which it was seen.
    pub(super) seen: Option<(String, u64)>,
    /// Steps that ended in this run.
    pub(super) steps_run: usize,
    runs: usize,
    machines: usize,
    /// The steps under way in this run, and when they began.
    began: HashMap<usize, u64>,
    ended: HashSet<usize>,
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

impl End {
    /// See [`Error::hostile`].
    pub(super) fn hostile(what: &str) -> Self {
        Self::Bad(Error::hostile(what))
    }
}

impl<'a> Progress<'a> {
    pub(super) fn new(plan: &'a Plan, mode: Mode) -> Self {
        Self {
            plan,
            mode,
            redactor: Redactor::of(plan),
            seen: None,
            steps_run: 0,
            runs: 0,
            machines: 0,
            began: HashMap::new(),
            ended: HashSet::new(),
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
                    self.machines += 1;
                }
                self.machine_id = machine_id;
                (self.machines > MAX_MACHINES).then(|| End::hostile("is another machine again and again"))
            }
            Line::Foreign { machine_id, owner } => Some(End::Bad(Error::OtherMachine {
                remembered: machine_id,
                here: self.machine_id.clone(),
                owner,
            })),
            Line::Owned(owner) => Some(End::Bad(Error::Owned { owner })),
            Line::Held(holder) => Some(End::Bad(Error::Held { holder })),
            Line::Done(plan) if plan == self.plan.id() => Some(End::Unchanged),
            Line::Done(_) => Some(End::hostile("says that another plan had ended well")),
            Line::Clean => Some(match self.mode {
                Mode::Reset => End::Unchanged,
                Mode::Apply => End::hostile("answers as to a reset"),
            }),
            Line::Lost(text) => Some(End::Bad(Error::Lost(self.redactor.redact(&text)))),
            Line::Fail { what, text } => Some(End::Bad(Error::unfit(&what, text))),
            Line::Follow { run, offset } => {
                let is_new = self.seen.as_ref().is_none_or(|(seen, _)| *seen != run);
                if is_new {
                    listener(Event::Following { run: run.clone() });
                }
                self.seen = Some((run, offset));
                is_new.then(|| self.begin_run())?
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

    /// Another run: what was seen of the one before does not count for it.
    fn begin_run(&mut self) -> Option<End> {
        self.began.clear();
        self.ended.clear();
        self.said.clear();
        self.failure = None;
        self.interrupted = None;
        self.runs += 1;
        // Each is followed first, and then says itself that it has begun.
        (self.runs > 2 * MAX_RUNS).then(|| End::hostile("begins again and again"))
    }

    /// The step with this number, if it has this id.
    fn step(&self, number: usize, id: &str) -> Option<&'a Step> {
        let step = self.plan.steps().get(number.checked_sub(1)?)?;
        (step.id.as_str() == id).then_some(step)
    }

    fn record(&mut self, record: Record, listener: &dyn Fn(Event)) -> Option<End> {
        match record {
            Record::Run { plan, .. } if plan == self.plan.id() => self.begin_run(),
            Record::Run { .. } | Record::Other => None,
            Record::Begin { number, id, at, .. } => {
                self.step(number, &id)?;
                if self.ended.contains(&number) || self.began.insert(number, at).is_some() {
                    return Some(End::hostile(&format!("says that step {number} began twice")));
                }
                listener(Event::StepBegan { number });
                None
            }
            Record::Said { number, text } => {
                let step = number.checked_sub(1).and_then(|index| self.plan.steps().get(index));
                if let Some(step) = step.filter(|_| self.began.contains_key(&number)) {
                    let most = if step.action == Action::Prove { MAX_FOUND } else { MAX_SAID };
                    let said = self.said.entry(number).or_default();
                    if said.len() < most {
                        said.push(self.redactor.redact(&text));
                    }
                }
                None
            }
            Record::End { number, id, status, at } => {
                let step = self.step(number, &id)?;
                let Some(began) = self.began.remove(&number) else {
                    return Some(End::hostile(&format!("says that step {number} ended before it began")));
                };
                self.ended.insert(number);
                let took = Duration::from_millis(at.saturating_sub(began).saturating_mul(10));
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
            Record::Interrupted { number, id, by } => {
                self.step(number, &id)?;
                // The first is the one to see to.
                self.interrupted = self.interrupted.or(Some((number, by)));
                None
            }
            Record::Ran { plan, outcome, .. } => (plan == self.plan.id()).then(|| self.end(outcome)),
        }
    }

    fn end(&mut self, outcome: Outcome) -> End {
        match outcome {
            Outcome::Ok => match (&self.failure, self.began.keys().min()) {
                (None, None) => End::Ok,
                (Some(Failure { number, .. }), _) | (None, Some(number)) => {
                    End::hostile(&format!("says that all ended well, but step {number} did not"))
                }
            },
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

#[cfg(test)]
#[path = "progress_tests.rs"]
mod tests;
