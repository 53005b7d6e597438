//! Work on a host that is done by a Job: its container has an SSH client of its own, and runs there what we would.
//!
//! [`shape`] makes the Job (pure), [`outcome`] reads how it stands (pure), [`Jobs`] sees to it. A Job outlives this process: whoever
//! comes next goes on with it. See `docs/jobs.md`.

mod failure;
mod followed;
mod hearing;
mod kinds;
mod last_words;
mod outcome;
mod requests;
mod secrets;
mod shape;

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use remote::engine::{self, Finish};
use remote::redact::Redactor;
use remote::script::Mode;
use remote::ssh::Traffic;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::api::{Api, ApiError};
use super::cache::key_of;
use super::watches::Seen;
use super::work::WorkError;
use crate::manifest::Key;
pub(crate) use failure::JobError;
use followed::Followed;
pub(crate) use kinds::{Job, Pod};
use last_words::{LastWords, failed, not_run};
use outcome::Standing;
pub(crate) use shape::{FOLDER, REMOTE_MACHINE};
pub(in crate::controllers) use shape::{Order, Owner, ShapeError, Shaped, name, shape};

/// How long the Pods of a Job that was deleted may take to end. Until then they may be at work on the host.
const LINGER: Duration = Duration::from_secs(120);

/// How long a Job that cleans may take until its Pod begins. Whoever gives a machine back waits for it, and so does whoever could have the
/// machine next: where it cannot be pulled or placed, they are to be told. Clusters that add a node for a Pod do so sooner.
const TO_BEGIN: Duration = Duration::from_secs(600);

/// How much longer than the run on the machine a Job that cleans may take: for Pods that are tried again, and their images.
const TO_END: Duration = Duration::from_secs(300);

/// How often a Job is made while others make one of its name at the same time.
const ATTEMPTS: usize = 5;

/// A Job that is to be done.
pub(crate) struct Errand {
    /// The Job and its Secret.
    pub(in crate::controllers) shaped: Shaped,
    /// Whether it provisions the host or cleans it.
    pub(in crate::controllers) mode: Mode,
    /// How long the run on the machine may take.
    pub(in crate::controllers) run_limit: Duration,
    /// What its log must not show.
    pub(in crate::controllers) redactor: Redactor,
}

/// See the module. Clones are the same.
#[derive(Clone)]
pub(crate) struct Jobs(Arc<Inner>);

struct Inner {
    api: Api,
    seen: Arc<Seen>,
    followed: Arc<Followed>,
}

impl Jobs {
    /// By what `seen` has of Jobs and Pods, now and later.
    pub(crate) fn new(api: Api, seen: Arc<Seen>) -> Self {
        let followed = Followed::of(&seen);
        Self(Arc::new(Inner { api, seen, followed }))
    }

    /// Has it done, or goes on with it if somebody has begun it, and tells `listener` what it is at. When `cancel` is cancelled, the Job
    /// is deleted, and its Pods are waited for; on the host, nothing runs then after the step under way.
    pub(crate) async fn run(
        &self,
        errand: &Errand,
        cancel: &CancellationToken,
        listener: &(dyn Fn(String) + Sync),
    ) -> Result<Finish, WorkError> {
        let inner = &self.0;
        let Some(made) = inner.make(errand, cancel).await.map_err(WorkError::Job)? else {
            return Err(WorkError::Run(engine::Error::Stopped));
        };
        let result = inner.follow(errand, &made.job, cancel, listener).await;
        // Where the API server has failed, the Job may be there still, and its next Pod needs it.
        if !matches!(result, Err(WorkError::Job(JobError::NotMade(_)))) {
            // What is in it is needed no more, and secret.
            inner.drop_secret(errand, &made.secret).await;
        }
        result
    }
}

/// A Job and its Secret that are there, by their UIDs.
struct Made {
    job: String,
    secret: String,
}

fn annotation<'a>(meta: &'a ObjectMeta, name: &str) -> Option<&'a str> {
    meta.annotations.as_ref()?.get(name).map(String::as_str)
}

/// Whether it was made for the same host's owner.
fn is_ours(meta: &ObjectMeta, errand: &Errand) -> bool {
    let wanted = annotation(&errand.shaped.secret.metadata, shape::HOST_OWNER);
    let has_label = meta.labels.as_ref().is_some_and(|labels| labels.contains_key(REMOTE_MACHINE));
    has_label && annotation(meta, shape::HOST_OWNER) == wanted
}

/// Whether it is the same work.
fn is_same_work(meta: &ObjectMeta, errand: &Errand) -> bool {
    annotation(meta, shape::WORK) == annotation(&errand.shaped.secret.metadata, shape::WORK)
}

impl Inner {
    /// Makes the Job, or finds it; nothing if it is wanted no more.
    async fn make(&self, errand: &Errand, cancel: &CancellationToken) -> Result<Option<Made>, JobError> {
        let mut secret = None;
        let made = self.try_to_make(errand, cancel, &mut secret).await;
        if let (Err(_) | Ok(None), Some(secret)) = (&made, secret) {
            self.drop_secret(errand, &secret).await;
        }
        made
    }

    /// As `make`; `secret` is the UID of the Secret that was made meanwhile.
    async fn try_to_make(
        &self,
        errand: &Errand,
        cancel: &CancellationToken,
        secret: &mut Option<String>,
    ) -> Result<Option<Made>, JobError> {
        let key = &errand.shaped.key;
        for _ in 0..ATTEMPTS {
            self.remove_others(errand, cancel).await?;
            if let Some(found) = self.api.confirm::<Job>(key).await? {
                let meta = &found.metadata;
                if !is_ours(meta, errand) {
                    return Err(JobError::NameTaken {
                        kind: "Job",
                        name: key.clone(),
                    });
                }
                if is_same_work(meta, errand) && !outcome::is_over(&found) && meta.deletion_timestamp.is_none() {
                    let found = self.seen.jobs.apply(found);
                    let job = found.metadata.uid.clone().unwrap_or_default();
                    let secret = self.have_secret(errand).await?;
                    return Ok(Some(Made { job, secret }));
                }
                // One that has ended says nothing of the host as it is now; the host itself knows what was done there.
                self.remove(&found, cancel).await?;
            }
            if cancel.is_cancelled() {
                return Ok(None);
            }
            let its = secret.insert(self.put_secret(errand).await?).clone();
            match requests::create_job(&self.api, key, &errand.shaped.job).await {
                Ok(made) => {
                    let job = self.seen.jobs.apply(made).metadata.uid.clone().unwrap_or_default();
                    return Ok(Some(Made { job, secret: its }));
                }
                Err(ApiError::Conflict(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(ApiError::Conflict(format!("Job {key}")).into())
    }

    /// Deletes what is left of other Jobs for the same host's owner: none of them may be at work there beside this one.
    async fn remove_others(&self, errand: &Errand, cancel: &CancellationToken) -> Result<(), JobError> {
        let key = &errand.shaped.key;
        let is_other = |job: &Job| {
            let meta = &job.metadata;
            let its = key_of(meta);
            its.namespace == key.namespace && its.name != key.name && is_ours(meta, errand) && !outcome::is_over(job)
        };
        for other in self.seen.jobs.list(is_other) {
            self.remove(&other, cancel).await?;
        }
        Ok(())
    }

    /// Deletes a Job, and waits until none of its Pods is left; not longer than they may take, or than it is wanted.
    async fn remove(&self, job: &Job, cancel: &CancellationToken) -> Result<(), ApiError> {
        let (key, uid) = (key_of(&job.metadata), job.metadata.uid.clone().unwrap_or_default());
        let mut changed = self.followed.follow(&key);
        requests::delete::<Job>(&self.api, &key, &uid).await?;
        let until = Instant::now() + LINGER;
        loop {
            changed.mark_unchanged();
            let is_there = self
                .seen
                .jobs
                .get(&key)
                .is_some_and(|known| known.metadata.uid.as_ref() == Some(&uid));
            if !is_there && self.pods(&key, &uid).is_empty() {
                return Ok(());
            }
            tokio::select! {
                _ = changed.changed() => {}
                () = cancel.cancelled() => return Ok(()),
                () = tokio::time::sleep_until(until) => {
                    tracing::warn!(job = %key, "the Pods of a Job that was deleted have not ended; it is gone on without them");
                    return Ok(());
                }
            }
        }
    }

    /// The Pods of a Job, as they were seen.
    fn pods(&self, job: &Key, uid: &str) -> Vec<Arc<Pod>> {
        let is_its = |pod: &Arc<Pod>| pod.metadata.owner_references.iter().flatten().any(|owner| owner.uid == uid);
        let names = self.followed.pods(job).into_iter();
        names.filter_map(|name| self.seen.pods.get(&name)).filter(is_its).collect()
    }

    async fn follow(
        &self,
        errand: &Errand,
        uid: &str,
        cancel: &CancellationToken,
        listener: &(dyn Fn(String) + Sync),
    ) -> Result<Finish, WorkError> {
        let key = &errand.shaped.key;
        let mut changed: watch::Receiver<()> = self.followed.follow(key);
        let mut last: Option<LastWords> = None;
        let (since, mut has_begun) = (Instant::now(), false);
        loop {
            changed.mark_unchanged();
            let job = self.seen.jobs.get(key);
            let Some(job) = job.filter(|job| job.metadata.uid.as_deref() == Some(uid)) else {
                return Err(WorkError::Job(JobError::Deleted(key.clone())));
            };
            let pods = self.pods(key, uid);
            has_begun |= outcome::has_begun(&pods);
            let at = match outcome::standing(&job, &pods) {
                Standing::Complete => {
                    if let Some(last) = self.hear_done(key, uid, pods).await
                        && let Some(error) = not_run(errand, last)
                    {
                        return Err(error);
                    }
                    if errand.mode == Mode::Reset {
                        // What it has proven is so now, and need not be so when the next one begins.
                        let deleted = requests::delete::<Job>(&self.api, key, uid).await;
                        deleted.map_err(|error| WorkError::Job(error.into()))?;
                    }
                    return Ok(Finish {
                        unchanged: false,
                        steps_run: 0,
                        connections: 1,
                        traffic: Traffic::default(),
                    });
                }
                Standing::Failed { reason, message } => {
                    let pods = self.pods_now(key, uid, pods).await;
                    self.hear(key, &pods, &mut last).await;
                    let is_owned = job.metadata.owner_references.iter().flatten().next().is_some();
                    if errand.mode == Mode::Reset && !is_owned {
                        // Nobody else deletes it.
                        if let Err(error) = requests::delete::<Job>(&self.api, key, uid).await {
                            tracing::warn!(%error, "a Job that has failed stays, and nobody owns it");
                        }
                    }
                    return Err(failed(errand, reason, message, last));
                }
                Standing::UnderWay(what) => {
                    // As long as it can be read: where a container is begun again, its log is soon another's.
                    self.hear(key, &pods, &mut last).await;
                    let before = last.as_ref().map(|last| last.in_words(errand));
                    let before = before.map(|text| format!("\nthe last try: {text}")).unwrap_or_default();
                    let at = format!("{what}{before}");
                    listener(format!("Job {key}: {at}"));
                    at
                }
            };
            let limit = match (errand.mode, has_begun) {
                (Mode::Apply, _) => None,
                (Mode::Reset, false) => Some(TO_BEGIN),
                (Mode::Reset, true) => Some(errand.run_limit.saturating_add(TO_END)),
            };
            let late = async {
                match limit {
                    Some(limit) => tokio::time::sleep(limit.saturating_sub(since.elapsed())).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                _ = changed.changed() => {}
                () = late => {
                    let removed = self.remove(&job, &CancellationToken::new()).await;
                    removed.map_err(|error| WorkError::Job(error.into()))?;
                    let seconds = limit.unwrap_or_default().as_secs();
                    return Err(WorkError::Job(JobError::Late { job: key.clone(), has_begun, seconds, at }));
                }
                () = cancel.cancelled() => {
                    // The host is waited for, not whoever waits for us.
                    let removed = self.remove(&job, &CancellationToken::new()).await;
                    removed.map_err(|error| WorkError::Job(error.into()))?;
                    return Err(WorkError::Run(engine::Error::Stopped));
                }
            }
        }
    }
}

#[cfg(test)]
#[path = "run_tests.rs"]
mod tests;
