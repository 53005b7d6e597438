//! A job from its first connection to its end.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::sync::CancellationToken;

use super::attempt::{Answer, Bounds, Talk, talk};
use super::error::Error;
use super::inspect::Telling;
use super::look::look;
use super::privilege::Way;
use super::progress::{End, Progress};
use super::supply::Supply;
use super::{Event, Finish, Host, Job, Planning};
use crate::plan::Plan;
use crate::script::{self, Order};
use crate::ssh::{self, ConnectError, Connection, Traffic};

/// How much longer than the host we wait: it ends its run itself, and says so.
const GRACE: Duration = Duration::from_secs(60);

/// The most bytes that a host may say on one connection, and how many more for each step: its lines, the last words of a failed one,
/// and `alive` for a week. Whoever says more does so to keep us busy.
const BYTES: u64 = 4 << 20;
const BYTES_A_STEP: u64 = 32 << 10;

/// Does the job on the host, and tells `listener` what happens.
///
/// When `cancel` is cancelled, it returns within a second; the host then stops before its next step.
///
/// # Errors
/// See [`Error`]. Whatever happened, the same call again goes on where this one ended.
pub async fn run(
    host: &Host,
    job: &Job<'_>,
    cancel: &CancellationToken,
    listener: &(dyn Fn(Event) + Sync),
) -> Result<Finish, Error> {
    let deadline = Instant::now() + job.limits.run + GRACE;
    let limit = job.limits.run.as_secs();
    timeout_at(deadline, planned(host, job, cancel, listener))
        .await
        .unwrap_or(Err(Error::Deadline(limit)))
}

async fn planned(
    host: &Host,
    job: &Job<'_>,
    cancel: &CancellationToken,
    listener: &(dyn Fn(Event) + Sync),
) -> Result<Finish, Error> {
    match job.plan {
        Planning::Now(plan) => Runner::new(host, job, plan, cancel, listener).run().await,
        Planning::AfterFacts(make) => {
            let (connection, way, facts) = look(host, job, cancel, listener).await?;
            listener(Event::Facts(Box::new(facts.clone())));
            let plan = match make(&facts) {
                Ok(plan) => plan,
                Err(what) => {
                    connection.close().await;
                    return Err(Error::Plan(what));
                }
            };
            let mut runner = Runner::new(host, job, &plan, cancel, listener);
            (runner.connected, runner.connections, runner.has_facts) = (Some(connection), 1, true);
            runner.way = way;
            runner.run().await
        }
    }
}

struct Runner<'a> {
    host: &'a Host,
    job: &'a Job<'a>,
    plan: &'a Plan,
    cancel: &'a CancellationToken,
    listener: &'a (dyn Fn(Event) + Sync),
    progress: Progress<'a>,
    /// How to become root there, as far as it is known.
    way: Way,
    /// The most bytes of contents that the host was found to have.
    reached: u64,
    connections: usize,
    traffic: Traffic,
    /// Whether the machine has told what it is.
    has_facts: bool,
    /// A connection that is there already.
    connected: Option<Connection>,
}

impl<'a> Runner<'a> {
    fn new(
        host: &'a Host,
        job: &'a Job<'a>,
        plan: &'a Plan,
        cancel: &'a CancellationToken,
        listener: &'a (dyn Fn(Event) + Sync),
    ) -> Self {
        let progress = Progress::new(plan, job.mode);
        Self {
            host,
            job,
            plan,
            cancel,
            listener,
            progress,
            way: Way::first(&host.privilege),
            reached: 0,
            connections: 0,
            traffic: Traffic::default(),
            has_facts: false,
            connected: None,
        }
    }

    async fn run(mut self) -> Result<Finish, Error> {
        let mut delays = self.delays();
        let mut attempts = 0;
        loop {
            let before = (self.progress.seen.clone(), self.reached);
            let reason = match self.attempt().await? {
                Ok(end) => return self.finish(end),
                Err(reason) => reason,
            };
            if (&self.progress.seen, self.reached) != (&before.0, before.1) {
                (delays, attempts) = (self.delays(), 0);
            }
            attempts += 1;
            let Some(after) = delays.next() else {
                return Err(Error::GaveUp { attempts, last: reason });
            };
            (self.listener)(Event::Reconnecting { after, reason });
            tokio::select! {
                () = self.cancel.cancelled() => return Err(Error::Stopped),
                () = sleep(after) => {}
            }
        }
    }

    /// Jitter, so that a fleet does not come back all at once and meet MaxStartups.
    fn delays(&self) -> backon::ExponentialBackoff {
        delays(self.job)
    }

    /// A new connection; why there is none, if another try may get further.
    async fn connect(&mut self) -> Result<Result<Connection, String>, Error> {
        let connection = match ssh::connect(&self.host.target, &self.job.deadlines, self.cancel).await {
            Ok(connection) => connection,
            Err(ConnectError::Cancelled) => return Err(Error::Stopped),
            // A host that was never reached is told so at once, unless it was just too busy to take one more connection.
            Err(error) if error.is_transient() && (self.connections > 0 || is_crowded(&error)) => {
                return Ok(Err(error.to_string()));
            }
            Err(error) => return Err(error.into()),
        };
        self.connections += 1;
        (self.listener)(Event::Connected {
            trusted_on_first_use: first_use(&connection),
        });
        Ok(Ok(connection))
    }

    /// One connection; why it broke, if it did.
    async fn attempt(&mut self) -> Result<Result<End, String>, Error> {
        let connection = match self.connected.take() {
            Some(connection) => connection,
            None => match self.connect().await? {
                Ok(connection) => connection,
                Err(reason) => return Ok(Err(reason)),
            },
        };
        let program = script::render(self.plan, &self.order());
        let (progress, listener, has_facts) = (&mut self.progress, self.listener, &mut self.has_facts);
        let wants_facts = self.job.facts;
        let mut facts = Telling::begin();
        let mut supply = Supply::of(self.plan, listener);
        let talked = talk(
            &connection,
            self.host,
            &mut self.way,
            &program,
            &Bounds {
                silence: self.job.limits.silence,
                bytes: BYTES.saturating_add(BYTES_A_STEP.saturating_mul(self.plan.steps().len() as u64)),
            },
            self.cancel,
            |raw, line| {
                if wants_facts
                    && !*has_facts
                    && let Some(facts) = facts.take(&line)
                {
                    *has_facts = true;
                    listener(Event::Facts(Box::new(facts)));
                }
                match supply.observe(&line) {
                    Ok(Some(delivery)) => Answer::Send(delivery),
                    Ok(None) => progress
                        .observe(line, raw.length, listener)
                        .map_or(Answer::Nothing, Answer::End),
                    Err(end) => Answer::End(end),
                }
            },
        )
        .await;
        self.reached = self.reached.max(supply.reached());
        let Traffic { sent, received } = connection.traffic();
        self.traffic.sent += sent;
        self.traffic.received += received;
        connection.close().await;
        match talked? {
            Talk::End(End::Again(reason)) => Ok(Err(reason)),
            Talk::End(end) => Ok(Ok(end)),
            Talk::Broken(reason) => Ok(Err(reason)),
        }
    }

    fn order(&self) -> Order<'_> {
        let Job {
            mode,
            owner,
            holder,
            limits,
            keep_going,
            rerun,
            rerun_interrupted,
            facts,
            plan: _,
            deadlines: _,
        } = self.job;
        let seen = self.progress.seen.as_ref().map(|(run, offset)| (run.as_str(), *offset));
        Order {
            mode: *mode,
            owner,
            holder,
            step_limit: limits.step.as_secs().max(1),
            run_limit: limits.run.as_secs().max(1),
            keep_going: *keep_going,
            rerun: *rerun,
            rerun_interrupted: *rerun_interrupted,
            facts: *facts && !self.has_facts,
            seen,
            time: std::time::SystemTime::now()
                .duration_since(std::time::UNIX_EPOCH)
                .map_or(0, |since| since.as_secs()),
        }
    }

    fn finish(self, end: End) -> Result<Finish, Error> {
        let unchanged = match end {
            End::Unchanged => true,
            End::Ok => false,
            End::Bad(error) => return Err(error),
            End::Again(reason) => return Err(Error::Lost(reason)),
        };
        Ok(Finish {
            unchanged,
            steps_run: self.progress.steps_run,
            connections: self.connections,
            traffic: self.traffic,
        })
    }
}

/// How long to wait before each new try.
pub(super) fn delays(job: &Job<'_>) -> backon::ExponentialBackoff {
    ExponentialBuilder::new()
        .with_min_delay(Duration::from_millis(100))
        .with_max_delay(Duration::from_secs(15))
        .with_max_times(job.limits.reconnects)
        .with_jitter()
        .build()
}

pub(super) fn is_crowded(error: &ConnectError) -> bool {
    matches!(
        error,
        ConnectError::Unreachable {
            why: ssh::Unreachable::ClosedBeforeIdentification | ssh::Unreachable::Reset(_),
            ..
        }
    )
}

/// The fingerprint of the host's key, and those of its jump hosts' keys with their addresses, as far as they were remembered just now.
pub(super) fn first_use(connection: &Connection) -> Option<String> {
    let host = connection.host_key();
    let keys: Vec<_> = connection
        .trusted_on_first_use()
        .map(|(address, key)| {
            if *key == host.key {
                key.fingerprint()
            } else {
                format!("jump host {address} {}", key.fingerprint())
            }
        })
        .collect();
    (!keys.is_empty()).then(|| keys.join(", "))
}
