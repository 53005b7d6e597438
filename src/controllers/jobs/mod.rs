//! Work on a host that is done by a Job: its container has an SSH client of its own, and runs there what we would.
//!
//! [`shape`] makes the Job (pure), [`outcome`] reads how it stands (pure), [`Jobs`] sees to it. A Job outlives this process: whoever
//! comes next goes on with it. See `docs/jobs.md`.

mod failure;
mod followed;
mod kinds;
mod last_words;
mod outcome;
mod requests;
mod shape;

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Secret as SecretObject;
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
use last_words::{LastWords, failed};
use outcome::Standing;
pub(crate) use shape::{FOLDER, REMOTE_MACHINE};
pub(in crate::controllers) use shape::{Order, Owner, ShapeError, Shaped, name, shape};

/// How long the Pods of a Job that was deleted may take to end. Until then they may be at work on the host.
const LINGER: Duration = Duration::from_secs(120);

/// How often a Job is made while others make one of its name at the same time.
const ATTEMPTS: usize = 5;

/// A Job that is to be done.
pub(crate) struct Errand {
    /// The Job and its Secret.
    pub(in crate::controllers) shaped: Shaped,
    /// Whether it provisions the host or cleans it.
    pub(in crate::controllers) mode: Mode,
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
        let result = match inner.make(errand, cancel).await.map_err(WorkError::Job)? {
            Some(uid) => inner.follow(errand, &uid, cancel, listener).await,
            None => Err(WorkError::Run(engine::Error::Stopped)),
        };
        // What is in it is needed no more, and secret.
        let secret = secret_key(errand);
        match inner.api.confirm::<SecretObject>(&secret).await {
            Ok(Some(found)) if is_ours(&found.metadata, errand) => {
                let uid = found.metadata.uid.unwrap_or_default();
                if let Err(error) = requests::delete::<SecretObject>(&inner.api, &secret, &uid).await {
                    tracing::warn!(%error, "a Job's Secret stays until its RemoteMachine goes");
                }
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "a Job's Secret stays until its RemoteMachine goes"),
        }
        result
    }
}

fn secret_key(errand: &Errand) -> Key {
    key_of(&errand.shaped.secret.metadata)
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
    /// Makes the Job, or finds it: its UID; nothing if it is wanted no more.
    async fn make(&self, errand: &Errand, cancel: &CancellationToken) -> Result<Option<String>, JobError> {
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
                    return Ok(found.metadata.uid.clone());
                }
                // One that has ended says nothing of the host as it is now; the host itself knows what was done there.
                self.remove(&found, cancel).await?;
            }
            if cancel.is_cancelled() {
                return Ok(None);
            }
            self.put_secret(errand).await?;
            match requests::create_job(&self.api, key, &errand.shaped.job).await {
                Ok(made) => return Ok(self.seen.jobs.apply(made).metadata.uid.clone()),
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

    /// Makes the Secret; one of a former Job goes.
    async fn put_secret(&self, errand: &Errand) -> Result<(), JobError> {
        let (secret, key) = (&errand.shaped.secret, secret_key(errand));
        for _ in 0..ATTEMPTS {
            match requests::create_secret(&self.api, secret, &key).await {
                Ok(()) => return Ok(()),
                Err(ApiError::Conflict(_)) => {}
                Err(error) => return Err(error.into()),
            }
            let Some(found) = self.api.confirm::<SecretObject>(&key).await? else {
                continue;
            };
            if !is_ours(&found.metadata, errand) {
                return Err(JobError::NameTaken {
                    kind: "Secret",
                    name: key,
                });
            }
            let uid = found.metadata.uid.unwrap_or_default();
            requests::delete::<SecretObject>(&self.api, &key, &uid).await?;
        }
        Err(ApiError::Conflict(format!("Secret {key}")).into())
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
        loop {
            changed.mark_unchanged();
            let job = self.seen.jobs.get(key);
            let Some(job) = job.filter(|job| job.metadata.uid.as_deref() == Some(uid)) else {
                return Err(WorkError::Job(JobError::Deleted(key.clone())));
            };
            let pods = self.pods(key, uid);
            match outcome::standing(&job, &pods) {
                Standing::Complete => {
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
                    // The watch of Pods may be behind that of Jobs.
                    let pods = match requests::pods(&self.api, key, uid).await {
                        Ok(pods) => pods.into_iter().map(Arc::new).collect(),
                        Err(_) => pods,
                    };
                    self.hear(key, &pods, &mut last).await;
                    return Err(failed(errand, reason, message, last));
                }
                Standing::UnderWay(what) => {
                    // As long as it can be read: where a container is begun again, its log is soon another's.
                    self.hear(key, &pods, &mut last).await;
                    let before = last.as_ref().map(|last| last.in_words(errand));
                    let before = before.map(|text| format!("\nthe last try: {text}")).unwrap_or_default();
                    listener(format!("Job {key}: {what}{before}"));
                }
            }
            tokio::select! {
                _ = changed.changed() => {}
                () = cancel.cancelled() => {
                    // The host is waited for, not whoever waits for us.
                    let removed = self.remove(&job, &CancellationToken::new()).await;
                    removed.map_err(|error| WorkError::Job(error.into()))?;
                    return Err(WorkError::Run(engine::Error::Stopped));
                }
            }
        }
    }

    /// Reads what the newest container wrote that has ended badly, once.
    async fn hear(&self, job: &Key, pods: &[Arc<Pod>], last: &mut Option<LastWords>) {
        let Some(ended) = outcome::ended(pods) else { return };
        let is_known = |last: &LastWords| last.ended.id == ended.id && last.log.is_ok();
        if last.as_ref().is_some_and(is_known) {
            return;
        }
        let log = requests::log(&self.api, &job.namespace, &ended).await;
        *last = Some(LastWords { ended, log });
    }
}
