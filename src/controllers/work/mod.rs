//! Work on hosts: tasks keyed by the UID of the object that they are for. A reconcile starts one, looks at it, cancels it; it never
//! waits for one. When a task has something to show, it wakes its object's reconcile: at once when it ends, and every two seconds at
//! most while it goes on.
//!
//! A bounded number of hosts is worked on at a time. When all shall stop, connections are let go of: what runs on a host runs on there,
//! and whoever leads next follows it by the host's journal.

mod progress;
mod spans;

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use k8s_openapi::jiff::Timestamp;
use remote::engine::{self, Event, Host, Job, Limits, Planning};
use remote::facts::Facts;
use remote::plan::Plan;
use remote::script::Mode;
use remote::ssh::{Deadlines, FirstUse, JumpHosts};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, Span};

use super::jobs::{Errand, JobError, Jobs};
use super::metrics::Metrics;
use crate::machine::{Machine, Planned};
use crate::manifest::Key;
pub(crate) use progress::{Ended, Phase, Progress, Report};

/// How often a task that goes on wakes its object's reconcile, at most.
const SHOWN: Duration = Duration::from_secs(2);

/// How long tasks have to end, once all shall stop.
const GRACE: Duration = Duration::from_secs(1);

/// Something to be done on a host.
pub(crate) struct Assignment {
    /// Says what it is: of the same text, it is the same work.
    pub(crate) id: String,
    /// Whether bootstrap data is applied or the host given back.
    pub(crate) mode: Mode,
    /// Which try in a row it is, from 1.
    pub(crate) attempt: u32,
    /// The machine, with what is to be done there.
    pub(crate) machine: Machine,
    /// Whether the host is to say what it is.
    pub(crate) facts: bool,
    /// By what.
    pub(crate) means: Means,
    /// Has the object looked at after this long.
    pub(crate) wake: Box<dyn Fn(Duration) + Send + Sync>,
}

/// How something is done on a host.
pub(crate) enum Means {
    /// By a connection of our own.
    Ssh {
        /// How it is reached.
        host: Box<Host>,
        /// The keys of hosts that are to be remembered, if they are.
        first_use: Option<Arc<FirstUse>>,
    },
    /// By a Job.
    Job(Box<Errand>),
}

impl Means {
    /// The Job that does it, if one does.
    pub(crate) fn job(&self) -> Option<&Key> {
        match self {
            Self::Ssh { .. } => None,
            Self::Job(errand) => Some(&errand.shaped.key),
        }
    }

    /// The keys that are to be remembered, if there are any.
    fn first_use(&self) -> Option<&FirstUse> {
        match self {
            Self::Ssh { first_use, .. } => first_use.as_deref(),
            Self::Job(_) => None,
        }
    }
}

/// Why work did not end well.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WorkError {
    /// The run on the host, or the way there.
    #[error(transparent)]
    Run(engine::Error),
    /// The Job that was to do it.
    #[error(transparent)]
    Job(JobError),
}

impl WorkError {
    /// Whether it was stopped, and has not failed.
    pub(crate) fn is_stopped(&self) -> bool {
        matches!(self, Self::Run(engine::Error::Stopped))
    }

    /// Whose run the host carries, where it is that of another owner.
    pub(crate) fn owner(&self) -> Option<&str> {
        match self {
            Self::Run(engine::Error::Owned { owner }) => Some(owner),
            Self::Run(_) | Self::Job(_) => None,
        }
    }
}

/// See the module. Clones are the same.
#[derive(Clone)]
pub(crate) struct Work(Arc<Inner>);

struct Inner {
    tasks: Mutex<HashMap<String, Task>>,
    running: Mutex<JoinSet<()>>,
    jump_hosts: Mutex<JumpHosts>,
    slots: Semaphore,
    holder: String,
    metrics: Metrics,
    jobs: Jobs,
}

struct Task {
    report: Report,
    cancel: CancellationToken,
}

impl Work {
    /// Works on at most `most` hosts at a time; `holder` is who we are, for others who find a host held.
    pub(crate) fn new(most: u16, holder: String, metrics: Metrics, jobs: Jobs) -> Self {
        Self(Arc::new(Inner {
            tasks: Mutex::default(),
            running: Mutex::default(),
            jump_hosts: Mutex::default(),
            slots: Semaphore::new(usize::from(most)),
            holder,
            metrics,
            jobs,
        }))
    }

    /// Who we are, for others who find a host held.
    pub(crate) fn holder(&self) -> &str {
        &self.0.holder
    }

    /// The connections to jump hosts that all work shares.
    pub(crate) fn jump_hosts(&self) -> JumpHosts {
        self.0.jump_hosts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Begins work for the object of this UID. Says whether it did: not while other work for it goes on.
    pub(crate) fn start(&self, uid: &str, assignment: Assignment) -> bool {
        let cancel = CancellationToken::new();
        let report = Report {
            id: assignment.id.clone(),
            mode: assignment.mode,
            since: Timestamp::now(),
            progress: Progress {
                // What a Job does on the host is not seen: it counts as there from the start.
                has_connected: assignment.means.job().is_some(),
                ..Progress::default()
            },
            ended: None,
        };
        {
            let mut tasks = self.0.tasks.lock().unwrap_or_else(PoisonError::into_inner);
            if tasks.get(uid).is_some_and(|task| task.report.ended.is_none()) {
                return false;
            }
            let cancel = cancel.clone();
            tasks.insert(uid.to_owned(), Task { report, cancel });
        }
        let (inner, uid) = (self.0.clone(), uid.to_owned());
        let mut running = self.0.running.lock().unwrap_or_else(PoisonError::into_inner);
        while running.try_join_next().is_some() {}
        let span = spans::work(&assignment);
        running.spawn(async move { inner.work(&uid, assignment, &cancel).await }.instrument(span));
        true
    }

    /// How the work for this object stands; nothing if there was none, or it was forgotten.
    pub(crate) fn look(&self, uid: &str) -> Option<Report> {
        let tasks = self.0.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.get(uid).map(|task| task.report.clone())
    }

    /// Has the work for this object stopped: on the host, nothing runs after the step under way. It is woken for once it has ended.
    pub(crate) fn cancel(&self, uid: &str) {
        let tasks = self.0.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(task) = tasks.get(uid) {
            task.cancel.cancel();
        }
    }

    /// Forgets work that has ended; work that goes on is cancelled first.
    pub(crate) fn forget(&self, uid: &str) {
        let mut tasks = self.0.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(task) = tasks.remove(uid) {
            task.cancel.cancel();
        }
    }

    /// Lets go of all connections, and waits until nothing of any task is left. What runs on hosts runs on.
    pub(crate) async fn shut_down(&self) {
        self.0.slots.close();
        let mut running = std::mem::take(&mut *self.0.running.lock().unwrap_or_else(PoisonError::into_inner));
        // Whoever looks up a content at the moment is not waited for.
        let _ = tokio::time::timeout(GRACE, running.shutdown()).await;
        let jump_hosts = self.jump_hosts();
        jump_hosts.close().await;
    }
}

impl Inner {
    fn change(&self, uid: &str, id: &str, change: impl FnOnce(&mut Report)) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(task) = tasks.get_mut(uid).filter(|task| task.report.id == id) {
            change(&mut task.report);
        }
    }

    async fn work(&self, uid: &str, assignment: Assignment, cancel: &CancellationToken) {
        let mode = mode_word(assignment.mode);
        let shown = Shown::default();
        let result = match &assignment.means {
            // How many there may be is the cluster's business, and one whose Pod never begins keeps nobody waiting.
            Means::Job(errand) => {
                let listener = |what: String| {
                    let phase = Phase::Job(what);
                    self.change(uid, &assignment.id, |report| report.progress.phase = phase);
                    shown.wake(&assignment, false);
                };
                self.measured(mode, self.jobs.run(errand, cancel, &listener)).await
            }
            Means::Ssh { host, first_use } => {
                self.metrics.work_waits(1);
                let slot = cancel.run_until_cancelled(self.slots.acquire()).await;
                self.metrics.work_waits(-1);
                match slot {
                    Some(Ok(_slot)) => {
                        self.change(uid, &assignment.id, |report| report.progress.phase = Phase::Connecting);
                        (assignment.wake)(Duration::ZERO);
                        let on_host = self.on_host(uid, &assignment, (host, first_use.as_deref()), cancel, &shown);
                        self.measured(mode, on_host).await
                    }
                    Some(Err(_)) | None => Err(WorkError::Run(engine::Error::Stopped)),
                }
            }
        };
        spans::ended(&Span::current(), word(&result), result.as_ref().err());
        let learnt = assignment.means.first_use().map(FirstUse::known);
        self.change(uid, &assignment.id, |report| {
            report.progress.host_keys = learnt.unwrap_or_default();
            report.ended = Some(Ended {
                at: Timestamp::now(),
                result: result.map_err(Arc::new),
            });
        });
        (assignment.wake)(Duration::ZERO);
        self.rest().await;
    }

    /// Does it, as one that is at work, and counts how it ended.
    async fn measured(
        &self,
        mode: &'static str,
        work: impl Future<Output = Result<engine::Finish, WorkError>>,
    ) -> Result<engine::Finish, WorkError> {
        let began = Instant::now();
        let _running = self.metrics.work_runs(mode);
        let result = AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(|_| {
            let what = "this program failed; that is a fault of it".to_owned();
            Err(WorkError::Run(engine::Error::Lost(what)))
        });
        self.metrics.work_ended(mode, word(&result), began.elapsed());
        result
    }

    /// Closes the connections to jump hosts, if nobody needs them any more.
    async fn rest(&self) {
        let is_idle = {
            let tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
            tasks.values().all(|task| task.report.ended.is_some())
        };
        if is_idle {
            let unused = std::mem::take(&mut *self.jump_hosts.lock().unwrap_or_else(PoisonError::into_inner));
            unused.close().await;
        }
    }

    async fn on_host(
        &self,
        uid: &str,
        assignment: &Assignment,
        (host, first_use): (&Host, Option<&FirstUse>),
        cancel: &CancellationToken,
        shown: &Shown,
    ) -> Result<engine::Finish, WorkError> {
        let Assignment { id, machine, .. } = assignment;
        let Some(planned) = &machine.planned else {
            return Err(WorkError::Run(engine::Error::Plan("there is nothing to do".to_owned())));
        };
        let span = Span::current();
        let steps = |plan: &Plan| plan.steps().len();
        let make = |facts: &Facts| match planned {
            Planned::Now(plan) => Ok(plan.clone()),
            Planned::AfterFacts(later) => {
                let (plan, notes) = tokio::task::block_in_place(|| later.plan(facts))?;
                spans::planned(&span, &plan);
                self.change(uid, id, |report| {
                    (report.progress.steps, report.progress.notes) = (steps(&plan), notes)
                });
                Ok(plan)
            }
        };
        if let Some(plan) = machine.plan() {
            self.change(uid, id, |report| report.progress.steps = steps(plan));
        }
        let job = Job {
            plan: match planned {
                Planned::Now(plan) => Planning::Now(plan),
                Planned::AfterFacts(_) => Planning::AfterFacts(&make),
            },
            mode: assignment.mode,
            owner: &machine.owner,
            holder: &self.holder,
            limits: machine.timeouts.limits(Limits::default()),
            deadlines: machine.timeouts.deadlines(Deadlines::default()),
            keep_going: false,
            rerun: None,
            rerun_interrupted: machine.rerun_interrupted,
            facts: assignment.facts,
        };
        let stages = spans::Stages::begin(&span);
        let listener = |event: Event| {
            let name = |number: usize| crate::report::words::step_name(machine.plan(), number).to_owned();
            stages.take(&event, name);
            let is_first = matches!(event, Event::Connected { .. });
            let learnt = first_use.filter(|_| is_first).map(FirstUse::known);
            let mut is_shown = false;
            self.change(uid, id, |report| {
                is_shown = report.progress.take(&event, name);
                if let Some(learnt) = learnt {
                    report.progress.host_keys = learnt;
                }
            });
            if is_shown {
                shown.wake(assignment, is_first);
            }
        };
        let result = engine::run(host, &job, cancel, &listener).await.map_err(WorkError::Run);
        stages.end(result.as_ref().err());
        result
    }
}

/// When progress was shown last.
struct Shown(Mutex<Instant>);

impl Default for Shown {
    fn default() -> Self {
        Self(Mutex::new(Instant::now()))
    }
}

impl Shown {
    /// Has the object looked at: now, if that is urgent or long enough ago, or else when it is.
    fn wake(&self, assignment: &Assignment, is_urgent: bool) {
        let mut shown = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let left = SHOWN.saturating_sub(shown.elapsed());
        if is_urgent || left.is_zero() {
            *shown = Instant::now();
            (assignment.wake)(Duration::ZERO);
        } else {
            (assignment.wake)(left);
        }
    }
}

/// What a work does, for counting.
fn mode_word(mode: Mode) -> &'static str {
    match mode {
        Mode::Apply => "provision",
        Mode::Reset => "clean",
    }
}

/// How a work ended, for counting.
fn word(result: &Result<engine::Finish, WorkError>) -> &'static str {
    match result {
        Ok(finish) if finish.unchanged => "unchanged",
        Ok(_) => "done",
        Err(error) if error.is_stopped() => "stopped",
        Err(_) => "failed",
    }
}
