//! What is decided about a RemoteMachine, done.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crds::infrastructure::RememberedHost;
use crds::infrastructure::remote_machine::v1beta2::{RemoteMachine, RemoteMachineStatus};
use k8s_openapi::jiff::Timestamp;
use remote::script::Mode;
use serde_json::{Value, json};

use super::by_job::ForJob;
use super::decide::{self, Action, Attempt, BEGUN, Decision, FINALIZER, Refused, Seen, Standing, Why};
use super::interests::Interests;
use super::passed_on::{inherited, provider_id};
use super::prepare::{self, Order, Prepared};
use super::said::{data_secret, failure, owner, remembered};
use super::{claim, learnt, report, said, words};
use crate::controllers::Context;
use crate::controllers::api::{ApiError, Part};
use crate::controllers::cluster_api::{self, Machine};
use crate::controllers::events::Weight;
use crate::controllers::jobs::Owner;
use crate::controllers::merge_patch::difference;
use crate::controllers::queue::Queue;
use crate::controllers::reconcile::{Again, Reconcile};
use crate::controllers::work::{Assignment, Report};
use crate::manifest::Key;

/// See the module above.
pub(super) struct RemoteMachines {
    context: Arc<Context>,
    queue: Queue<Key>,
    interests: Interests,
    memory: Mutex<HashMap<Key, Memory>>,
}

/// What is remembered of an object while this process lives. Without it, things are tried once more.
#[derive(Clone, Debug, Default)]
struct Memory {
    uid: String,
    failures: u32,
    /// The work whose failure was counted last, by when it was begun.
    counted: Option<Timestamp>,
    refused: Option<Refused>,
    /// What the last attempt was made from.
    read: Option<Read>,
    /// Whether all work since it was marked as begun was begun here, and none, the last one aside, has got through to its host.
    untouched: bool,
}

/// What an attempt is made from: where that has changed, another one is worth it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Read {
    generation: Option<i64>,
    data_secret: Option<String>,
    secret_changes: u64,
    remembered: Vec<RememberedHost>,
}

impl Reconcile<Key> for RemoteMachines {
    async fn reconcile(&self, key: &Key) -> Result<Again, ApiError> {
        let Some(object) = self.context.seen.remote_machines.get(key) else {
            self.forget(key);
            return Ok(Again::OnChange);
        };
        self.meet(key, &object);
        let seen = self.fetch(key, object);
        self.count_failure(key, &seen);
        let seen = Seen {
            attempt: self.attempt(key, &seen.object, &seen.machine),
            ..seen
        };
        let now = Timestamp::now();
        let patience = Duration::from_secs(self.context.args.clean_timeout_seconds);
        let decision = decide::decide(&seen, patience, now);
        tracing::debug!(object = %key, action = ?decision.action, standing = ?decision.standing, "decided");
        let standing = self.act(key, &seen, &decision).await?;
        let is_early = matches!(standing, Standing::Waiting(..) | Standing::AsBefore);
        let left = is_early
            .then(|| claim::left_to_its_pool(&self.context, &seen.object, now))
            .flatten();
        if left.is_none() {
            self.report(key, &seen, &standing).await?;
        }
        Ok(match decision.at.into_iter().chain(left).min() {
            // A little later than due, so that it is due then.
            Some(at) => Again::After(Duration::try_from(at.duration_since(now)).unwrap_or_default() + Duration::from_millis(10)),
            None => Again::OnChange,
        })
    }
}

impl RemoteMachines {
    pub(super) fn new(context: Arc<Context>, queue: Queue<Key>) -> Self {
        Self {
            context,
            queue,
            interests: Interests::default(),
            memory: Mutex::default(),
        }
    }

    /// A Secret has changed: those that it was read for are looked at.
    pub(super) fn secret_changed(&self, secret: &Key) {
        for object in self.interests.changed(secret) {
            self.queue.add(object);
        }
    }

    fn remember<T>(&self, key: &Key, change: impl FnOnce(&mut Memory) -> T) -> T {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        change(memory.entry(key.clone()).or_default())
    }

    /// One that was made again under the same name is another.
    fn meet(&self, key: &Key, object: &RemoteMachine) {
        let uid = object.metadata.uid.clone().unwrap_or_default();
        let before = self.remember(key, |memory| {
            let before = std::mem::replace(&mut memory.uid, uid.clone());
            if before != uid {
                *memory = Memory {
                    uid,
                    ..Memory::default()
                };
                return Some(before);
            }
            None
        });
        if let Some(before) = before.filter(|before| !before.is_empty()) {
            self.context.work.forget(&before);
        }
    }

    fn forget(&self, key: &Key) {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(memory) = memory.remove(key) {
            self.context.work.forget(&memory.uid);
        }
        self.interests.forget(key);
    }

    fn fetch(&self, key: &Key, object: Arc<RemoteMachine>) -> Seen {
        let seen = &self.context.seen;
        let machine = owner(&object, |name| {
            seen.machines.get(&Key {
                name: name.to_owned(),
                ..key.clone()
            })
        });
        let of_machine = match &machine {
            decide::Owner::There(machine) => Some(machine.spec.cluster_name.clone()),
            decide::Owner::None | decide::Owner::Missing(_) => None,
        };
        let labels = object.metadata.labels.as_ref();
        let of_label = || labels.and_then(|labels| labels.get(cluster_api::CLUSTER_NAME).cloned());
        let cluster = of_machine
            .or_else(of_label)
            .and_then(|name| seen.clusters.get(&Key { name, ..key.clone() }));
        let uid = object.metadata.uid.clone().unwrap_or_default();
        Seen {
            claim: claim::seen(&self.context, &object),
            work: self.context.work.look(&uid),
            machine,
            cluster,
            attempt: Attempt::default(),
            object,
        }
    }

    fn attempt(&self, key: &Key, object: &RemoteMachine, machine: &decide::Owner) -> Attempt {
        let now = self.reading(object, machine, self.interests.changes(key));
        self.remember(key, |memory| Attempt {
            failures: memory.failures,
            refused: memory.refused.clone(),
            is_changed: memory.read.as_ref().is_some_and(|read| *read != now),
            is_untouched: memory.untouched,
        })
    }

    fn reading(&self, object: &RemoteMachine, machine: &decide::Owner, secret_changes: u64) -> Read {
        Read {
            generation: object.metadata.generation,
            data_secret: data_secret(machine).map(str::to_owned),
            secret_changes,
            remembered: remembered(object).to_vec(),
        }
    }

    /// Counts a failure, and tells of it, the first time that it is seen.
    fn count_failure(&self, key: &Key, seen: &Seen) {
        let Some((report, error)) = failure(seen.work.as_ref()) else {
            return;
        };
        let is_new = self.remember(key, |memory| {
            let is_new = memory.counted != Some(report.since);
            if is_new {
                memory.counted = Some(report.since);
                memory.failures = memory.failures.saturating_add(1);
            }
            is_new
        });
        if is_new {
            let reason = match report.mode {
                Mode::Apply => "ProvisioningFailed",
                Mode::Reset => "CleaningFailed",
            };
            let note = format!("{}: {}", words::reason(error), words::what(error));
            self.context.events.tell(&*seen.object, Weight::Warning, reason, note);
        }
    }

    async fn act(&self, key: &Key, seen: &Seen, decision: &Decision) -> Result<Standing, ApiError> {
        let uid = seen.object.metadata.uid.as_deref().unwrap_or_default();
        let standing = decision.standing.clone();
        match decision.action {
            Action::None => Ok(standing),
            Action::AddFinalizer => {
                self.patch(key, seen, json!({ "metadata": { "finalizers": with_ours(&seen.object) } }))
                    .await?;
                Ok(standing)
            }
            Action::Stop => {
                self.context.work.cancel(uid);
                Ok(standing)
            }
            Action::Provision => self.begin(key, seen, Mode::Apply).await,
            Action::TakeBack => {
                // Its entry is the allocator's to move: it tells it of the other host, now that it has not begun.
                self.patch(key, seen, json!({ "metadata": { "annotations": { BEGUN: null } } }))
                    .await?;
                Ok(standing)
            }
            Action::Clean => self.begin(key, seen, Mode::Reset).await,
            Action::Compare => {
                let mode = seen.work.as_ref().map_or(Mode::Apply, |report| report.mode);
                let (prepared, read) = self.prepare(key, seen, mode).await?;
                let is_same = match (&prepared, &seen.work) {
                    (Ok(prepared), Some(report)) => prepared.id == report.id,
                    // What it runs on is there already; when it has ended, the rest is seen to.
                    (Err(_), _) | (_, None) => true,
                };
                if is_same {
                    self.remember(key, |memory| memory.read = Some(read));
                } else {
                    self.context.work.cancel(uid);
                }
                Ok(standing)
            }
            Action::Finish => {
                self.finish(key, seen).await?;
                Ok(standing)
            }
            Action::LetGo(why) => {
                self.let_go(key, seen, why).await?;
                Ok(standing)
            }
        }
    }

    /// Changes metadata or spec, if nobody has written them since they were seen.
    async fn patch(&self, key: &Key, seen: &Seen, patch: Value) -> Result<Arc<RemoteMachine>, ApiError> {
        let _turn = self.context.turns.take(key).await;
        let version = seen.object.metadata.resource_version.as_deref();
        let known = self.context.seen.remote_machines.get(key);
        if known.is_none_or(|known| known.metadata.resource_version.as_deref() != version) {
            return Err(ApiError::Conflict(format!("RemoteMachine {key}")));
        }
        let written = self.context.api.patch(key, Part::Object, patch, version).await?;
        Ok(self.context.seen.remote_machines.apply(written))
    }

    async fn prepare(&self, key: &Key, seen: &Seen, mode: Mode) -> Result<(Result<Prepared, Refused>, Read), ApiError> {
        let spec = seen.object.spec.clone().unwrap_or_default();
        let data_secret = match mode {
            Mode::Apply => data_secret(&seen.machine).map(str::to_owned),
            Mode::Reset => None,
        };
        let names = prepare::secrets(key, &spec, data_secret.as_deref());
        let changes = self.interests.set(key, names.clone());
        let read = self.reading(&seen.object, &seen.machine, changes);
        let secrets = prepare::read(&self.context.api, &names).await?;
        let (key, object, work) = (key.clone(), seen.object.clone(), self.context.work.clone());
        let (job, are_jobs_allowed) = (said::job_name(&object, &seen.machine), self.context.args.provision_jobs);
        // Templates are rendered in a process of their own, and sources looked up: not here.
        let prepared = tokio::task::spawn_blocking(move || {
            prepare::prepare(&Order {
                key: &key,
                object: &object,
                is_entry: false,
                host_owner: None,
                mode,
                data_secret: data_secret.as_deref(),
                secrets: &secrets,
                remembered: remembered(&object),
                jump_hosts: work.jump_hosts(),
                for_job: ForJob {
                    owner: Owner::of(&*object),
                    name: job,
                    is_final: false,
                    is_allowed: are_jobs_allowed,
                    holder: work.holder(),
                },
            })
        });
        let prepared = prepared.await.unwrap_or_else(|_| {
            Err(Refused {
                reason: "InternalError",
                message: "this program failed at it; that is a fault of it".to_owned(),
                is_wait: false,
            })
        });
        Ok((prepared, read))
    }

    /// Begins work on the host, or says why not.
    async fn begin(&self, key: &Key, seen: &Seen, mode: Mode) -> Result<Standing, ApiError> {
        let uid = seen.object.metadata.uid.clone().unwrap_or_default();
        let (prepared, read) = self.prepare(key, seen, mode).await?;
        let prepared = match prepared {
            Ok(prepared) => prepared,
            Err(refused) => {
                if !refused.is_wait {
                    let note = format!("{}: {}", refused.reason, refused.message);
                    self.context.events.tell(&*seen.object, Weight::Warning, "CannotBegin", note);
                }
                let standing = match mode {
                    Mode::Apply => refused.standing(&seen.object),
                    Mode::Reset => Standing::Deleting(refused.reason, refused.message.clone()),
                };
                self.remember(key, |memory| (memory.refused, memory.read) = (Some(refused), Some(read)));
                return Ok(standing);
            }
        };
        if mode == Mode::Apply && !decide::says_true(&seen.object, BEGUN) {
            let metadata = json!({ "annotations": { BEGUN: "true" }, "finalizers": with_ours(&seen.object) });
            self.patch(key, seen, json!({ "metadata": metadata })).await?;
        }
        if mode == Mode::Apply && seen.claim.is_some() && !claim::may_begin(&self.context, key).await? {
            // What was seen is old: what is so is about to be seen.
            return Ok(Standing::AsBefore);
        }
        let (reason, what) = match mode {
            Mode::Apply => ("Provisioning", "provisioning"),
            Mode::Reset => ("Cleaning", "cleaning"),
        };
        let by = prepared.means.job().map(|job| format!(", by Job {job}")).unwrap_or_default();
        let note = format!("{what} {} as {}{by}", prepared.machine.address(), prepared.machine.user);
        self.context.events.tell(&*seen.object, Weight::Normal, reason, note);
        for note in &prepared.notes {
            self.context
                .events
                .tell(&*seen.object, Weight::Warning, "NotApplied", note.as_str());
        }
        let (queue, wakes) = (self.queue.clone(), key.clone());
        let assignment = Assignment {
            id: prepared.id,
            mode,
            attempt: seen.attempt.failures.saturating_add(1),
            machine: prepared.machine,
            // What the machines of a pool have is for the autoscaler to know.
            facts: mode == Mode::Apply && seen.claim.is_some(),
            means: prepared.means,
            wake: Box::new(move |after| {
                if after.is_zero() {
                    queue.add(wakes.clone());
                } else {
                    queue.add_after(wakes.clone(), after);
                }
            }),
        };
        self.remember(key, |memory| {
            (memory.refused, memory.read) = (None, Some(read));
            let got_through = |report: &Report| report.progress.has_connected;
            let was_untouched = memory.untouched && seen.work.as_ref().is_some_and(|report| !got_through(report));
            memory.untouched = mode == Mode::Apply && (!decide::has_begun(&seen.object) || was_untouched);
            if seen.attempt.is_changed {
                // It is another thing that is tried.
                memory.failures = 0;
            }
        });
        self.context.work.start(&uid, assignment);
        // It wakes this object as soon as there is something to say.
        Ok(Standing::AsBefore)
    }

    /// The host is provisioned: says so where Cluster API looks.
    async fn finish(&self, key: &Key, seen: &Seen) -> Result<(), ApiError> {
        let spec = seen.object.spec.clone().unwrap_or_default();
        if spec.provider_id.as_ref().is_none_or(String::is_empty) {
            let id = provider_id(&spec.address.clone().unwrap_or_default(), spec.port());
            self.patch(key, seen, json!({ "spec": { "providerID": id } })).await?;
            let note = format!("the machine is provisioned: {id}");
            self.context.events.tell(&*seen.object, Weight::Normal, "Provisioned", note);
        }
        if let decide::Owner::There(machine) = &seen.machine
            && let Some(patch) = inherited(&seen.object, machine)
        {
            let machine_key = Key {
                name: machine.metadata.name.clone().unwrap_or_default(),
                ..key.clone()
            };
            let written: Machine = self.context.api.patch(&machine_key, Part::Object, patch, None).await?;
            self.context.seen.machines.apply(written);
        }
        Ok(())
    }

    async fn let_go(&self, key: &Key, seen: &Seen, why: Why) -> Result<(), ApiError> {
        let spec = seen.object.spec.as_ref();
        let host = spec.and_then(|spec| spec.address.clone()).unwrap_or_default();
        let told = match why {
            Why::NotBegun => None,
            Why::Cleaned => Some((Weight::Normal, "Cleaned", format!("{host} is proven clean"))),
            Why::NotIts => Some((
                Weight::Warning,
                "NotCleaned",
                format!("{host} carries a run of another owner, and nothing of this RemoteMachine: it was left alone"),
            )),
            Why::Skipped => Some((
                Weight::Warning,
                "NotCleaned",
                format!("{host} was not cleaned, as the annotation {} says", decide::SKIP_CLEAN_UP),
            )),
            Why::GaveUp => {
                let last = failure(seen.work.as_ref()).map(|(_, error)| words::what(error));
                let last = last.or_else(|| seen.attempt.refused.as_ref().map(|refused| refused.message.clone()));
                let last = last.unwrap_or_else(|| "cleaning it took too long".to_owned());
                let seconds = self.context.args.clean_timeout_seconds;
                let note = format!("{host} is not clean, and was let go after {seconds} s: {last}");
                Some((Weight::Warning, "CleanUpGivenUp", note))
            }
        };
        if let Some((Weight::Warning, reason, note)) = &told {
            let events = &self.context.events;
            events
                .tell_before(&*seen.object, Weight::Warning, reason, note.as_str())
                .await;
        }
        let finalizers = seen.object.metadata.finalizers.iter().flatten();
        let left: Vec<_> = finalizers.filter(|name| *name != FINALIZER).collect();
        self.patch(key, seen, json!({ "metadata": { "finalizers": left } })).await?;
        if let Some((Weight::Normal, reason, note)) = told {
            self.context.events.tell(&*seen.object, Weight::Normal, reason, note);
        }
        self.context
            .work
            .forget(seen.object.metadata.uid.as_deref().unwrap_or_default());
        Ok(())
    }

    /// Writes the status, if it says something new.
    async fn report(&self, key: &Key, seen: &Seen, standing: &Standing) -> Result<(), ApiError> {
        let _turn = self.context.turns.take(key).await;
        let Some(object) = self.context.seen.remote_machines.get(key) else {
            return Ok(());
        };
        let uid = seen.object.metadata.uid.as_deref().unwrap_or_default();
        if object.metadata.uid.as_deref() != Some(uid) {
            return Ok(());
        }
        let host_keys = seen.work.as_ref().map(|report| &report.progress.host_keys);
        let host_keys: Option<&BTreeMap<_, _>> = host_keys.filter(|keys| !keys.is_empty());
        let mut status = report::status(
            &object,
            (standing, claim::fact(&self.context, &object)),
            host_keys,
            Timestamp::now(),
        );
        let facts = seen.work.as_ref().and_then(|report| report.progress.facts.as_deref());
        if let Some(facts) = facts.filter(|_| seen.claim.is_some()) {
            (status.capacity, status.node_info) = learnt::of(facts);
        }
        let before = object.status.clone().unwrap_or_default();
        let json = |status: &RemoteMachineStatus| serde_json::to_value(status).unwrap_or_default();
        if let Some(patch) = difference(&json(&before), &json(&status)) {
            let version = object.metadata.resource_version.as_deref();
            let patch = json!({ "status": patch });
            let written: RemoteMachine = self.context.api.patch(key, Part::Status, patch, version).await?;
            let written = self.context.seen.remote_machines.apply(written);
            // What we remembered ourselves is no change to what we went by.
            self.remember(key, |memory| {
                if let Some(read) = &mut memory.read {
                    read.remembered = remembered(&written).to_vec();
                }
            });
        }
        let is_done = *standing == Standing::Provisioned;
        if is_done && seen.work.as_ref().is_some_and(|report| report.ended.is_some()) {
            self.context.work.forget(uid);
        }
        Ok(())
    }
}

/// The finalizers of an object, with ours among them.
fn with_ours(object: &RemoteMachine) -> Vec<&str> {
    let mut finalizers: Vec<&str> = object.metadata.finalizers.iter().flatten().map(String::as_str).collect();
    if !finalizers.contains(&FINALIZER) {
        finalizers.push(FINALIZER);
    }
    finalizers
}
