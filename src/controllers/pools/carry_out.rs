//! What a pass decided, written and done: requests to the API server, each guarded by what was seen.

use std::collections::HashMap;
use std::sync::Arc;

use crds::infrastructure::pooled_remote_machine::PooledRemoteMachineStatus;
use crds::infrastructure::pooled_remote_machine::v1beta2::PooledRemoteMachine;
use crds::infrastructure::remote_machine::v1beta2::RemoteMachine;
use futures::StreamExt;
use futures::stream;
use pool::{Action, ClaimAction, ClaimId, Endpoint, State, claim_next};
use serde_json::{Map, Value, json};

use super::pass::{Answer, Pass, Step};
use super::{Pools, claim, entry, given, news};
use crate::controllers::api::{ApiError, Part};
use crate::controllers::cache::key_of;
use crate::controllers::events::Weight;
use crate::controllers::merge_patch::difference;
use crate::manifest::Key;

/// Entries that are written at the same time.
const AT_ONCE: usize = 16;

/// What the store said of claims.
pub(super) type Asked = HashMap<ClaimId, Answer>;

/// What was seen when the pass was made.
pub(super) struct Before {
    /// The namespace: its entries are as they were read last.
    pub(super) namespace: String,
    /// All RemoteMachines.
    pub(super) machines: HashMap<ClaimId, Arc<RemoteMachine>>,
}

impl Pools {
    /// Does all of it, each entry's in its order. What is wrong with one does not keep the others from being done.
    pub(super) async fn carry_out(&self, pass: Pass, before: &Before) -> Result<Asked, ApiError> {
        let all = stream::iter(pass.entries).map(|(name, steps)| async move {
            let Some(object) = self.readings.get(&before.namespace, &name) else {
                return Ok(None);
            };
            self.do_steps(object, steps, before).await
        });
        let mut all = all.buffer_unordered(AT_ONCE);
        let (unname, missing, retell) = (pass.unname, pass.missing, pass.retell);
        let mut asked = Asked::new();
        let mut failed: Option<ApiError> = None;
        while let Some(done) = all.next().await {
            match done {
                Ok(answer) => asked.extend(answer),
                // A conflict is looked at again soon, anything else later: it must not hide behind one.
                Err(error) if failed.as_ref().is_none_or(ApiError::is_conflict) => failed = Some(error),
                Err(error) => tracing::warn!(%error, "an entry is looked at again later"),
            }
        }
        drop(all);
        for entry in missing {
            self.look_for(&entry, before).await?;
        }
        for name in unname {
            self.unname(&name, before).await?;
        }
        for (name, claim) in retell {
            self.tell_again(&name, &claim, before).await?;
        }
        match failed {
            Some(error) => Err(error),
            None => Ok(asked),
        }
    }

    async fn do_steps(
        &self,
        mut object: Arc<PooledRemoteMachine>,
        steps: Vec<Step>,
        before: &Before,
    ) -> Result<Option<(ClaimId, Answer)>, ApiError> {
        let mut answer = None;
        for step in steps {
            match step {
                Step::Metadata { finalizer, obeyed } => {
                    if let (false, Ok(entry)) = (finalizer, entry::read(&object))
                        && let Some((weight, reason, text)) = news::last_words(&entry.state)
                    {
                        self.context.events.tell_before(&*object, weight, reason, text).await;
                    }
                    let Some(written) = self
                        .write(&object, Part::Object, metadata(&object, finalizer, &obeyed))
                        .await?
                    else {
                        return Ok(None);
                    };
                    object = written;
                }
                Step::Status { status, change } => {
                    let Some(patch) = status_patch(object.status.as_ref(), &status) else {
                        continue;
                    };
                    if let Some((State::Bound { claim, .. }, State::Quarantined { claim: None, .. })) = change.as_deref() {
                        self.take_back(claim, before).await?;
                    }
                    let Some(written) = self.write(&object, Part::Status, patch).await? else {
                        return Ok(None);
                    };
                    if let Some(change) = change {
                        self.changed((&object, &written), (&change.0, &change.1), before);
                    }
                    object = written;
                }
                Step::Do(Action::Confirm(claim)) => {
                    let said = self.ask(&object, &claim).await?;
                    answer = Some((claim, said));
                }
                Step::Do(Action::Name { claim, at }) => self.name(&object, &claim, &at, before).await?,
                Step::Do(Action::Stop) => self.stop(&object),
                Step::Do(Action::Clean { owner, at, attempt }) => self.clean(&object, owner.as_ref(), &at, attempt).await?,
                // Part of the metadata.
                Step::Do(Action::LetGo) => {}
            }
        }
        Ok(answer)
    }

    /// Writes an entry that nobody has written since it was seen. Nothing is left of one that was deleted and had our finalizer only.
    async fn write(
        &self,
        object: &PooledRemoteMachine,
        part: Part,
        patch: Value,
    ) -> Result<Option<Arc<PooledRemoteMachine>>, ApiError> {
        let key = key_of(&object.metadata);
        let version = object.metadata.resource_version.as_deref();
        let cache = &self.context.seen.pooled_remote_machines;
        let written: PooledRemoteMachine = match self.context.api.patch(&key, part, patch, version).await {
            Ok(written) => written,
            Err(ApiError::NotFound(_)) => {
                cache.delete(&object.metadata);
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        Ok(Some(cache.apply(written)))
    }

    /// Its state has changed: what was done on its host for the former one is done with, and people are told.
    fn changed(
        &self,
        (was, object): (&PooledRemoteMachine, &PooledRemoteMachine),
        (from, to): (&State, &State),
        before: &Before,
    ) {
        self.forget_work(object);
        if let (State::Bound { claim, .. }, State::Quarantined { claim: None, .. }) = (from, to) {
            self.context.work.forget(claim.as_str());
        }
        let who = |object: &PooledRemoteMachine| object.status.as_ref().map(|status| status.machine_ref.name.clone());
        let who = who(object)
            .filter(|name| !name.is_empty())
            .or_else(|| who(was))
            .unwrap_or_default();
        if let Some((weight, reason, text)) = news::of(from, to, &who) {
            self.context.events.tell(object, weight, reason, text);
        }
        if let State::Bound { claim, .. } = to
            && let Some(machine) = before.machines.get(claim)
        {
            let name = object.metadata.name.as_deref().unwrap_or_default();
            let text = format!("it has PooledRemoteMachine {name}");
            self.context
                .events
                .tell(&**machine, Weight::Normal, "PoolEntryAssigned", text);
        }
    }

    /// Asks the store itself for a claim.
    async fn ask(&self, object: &PooledRemoteMachine, claim: &ClaimId) -> Result<Answer, ApiError> {
        let machine = object.status.as_ref().map(|status| &status.machine_ref);
        let key = match machine.filter(|machine| !machine.name.is_empty()) {
            Some(machine) => Key {
                namespace: machine.namespace.clone(),
                name: machine.name.clone(),
            },
            // Its name was never known, or somebody has removed it: then the cache alone can know it.
            None => match self.machine_of(object.metadata.namespace.as_deref().unwrap_or_default(), claim) {
                Some(machine) => key_of(&machine.metadata),
                None => return Ok(Answer::Gone),
            },
        };
        let found: Option<RemoteMachine> = self.context.api.confirm(&key).await?;
        let Some(found) = found else {
            return Ok(Answer::Gone);
        };
        let is_it = claim::id(&found) == *claim || entry::known_by_name(&key.namespace, &key.name) == *claim;
        self.context.seen.remote_machines.apply(found);
        Ok(if is_it { Answer::There } else { Answer::Gone })
    }

    /// Tells a claim of its entry, unless it has changed since it was seen.
    async fn name(&self, object: &PooledRemoteMachine, claim: &ClaimId, at: &Endpoint, before: &Before) -> Result<(), ApiError> {
        let Some(machine) = before.machines.get(claim) else {
            return Ok(());
        };
        let key = key_of(&machine.metadata);
        let _turn = self.context.turns.take(&key).await;
        let Some(machine) = self.as_seen(&key, machine) else {
            return Err(ApiError::Conflict(format!("RemoteMachine {key}")));
        };
        // First what the machine is known by: once it is named it may be connected to, and nobody would come back to this.
        let machine = match given::status(object, &machine) {
            Some(status) => {
                let version = machine.metadata.resource_version.as_deref();
                self.patch_machine(&key, Part::Status, json!({ "status": status }), version)
                    .await?
            }
            None => machine,
        };
        let patch = given::patch(object, &machine, at);
        let version = machine.metadata.resource_version.as_deref();
        self.patch_machine(&key, Part::Object, patch, version).await?;
        Ok(())
    }

    /// A RemoteMachine as it is known now, if nothing of it has changed since but its status and finalizers.
    fn as_seen(&self, key: &Key, before: &RemoteMachine) -> Option<Arc<RemoteMachine>> {
        let (was, known) = (&before.metadata, self.context.seen.remote_machines.get(key)?);
        let is = &known.metadata;
        let is_same = is.uid == was.uid
            // Also that it is being deleted.
            && is.generation == was.generation
            && is.labels == was.labels
            && is.annotations == was.annotations;
        is_same.then_some(known)
    }

    /// Tells a claim what its entry says since that was edited, unless the claim has changed since it was seen.
    async fn tell_again(&self, entry: &str, claim: &ClaimId, before: &Before) -> Result<(), ApiError> {
        let entry = self.readings.get(&before.namespace, entry);
        let (Some(object), Some(machine)) = (entry, before.machines.get(claim)) else {
            return Ok(());
        };
        let key = key_of(&machine.metadata);
        let _turn = self.context.turns.take(&key).await;
        let Some(machine) = self.as_seen(&key, machine) else {
            return Err(ApiError::Conflict(format!("RemoteMachine {key}")));
        };
        let patch = given::again(&object, &machine);
        let version = machine.metadata.resource_version.as_deref();
        self.patch_machine(&key, Part::Object, patch, version).await?;
        Ok(())
    }

    async fn patch_machine(
        &self,
        key: &Key,
        part: Part,
        patch: Value,
        version: Option<&str>,
    ) -> Result<Arc<RemoteMachine>, ApiError> {
        let written: RemoteMachine = self.context.api.patch(key, part, patch, version).await?;
        Ok(self.context.seen.remote_machines.apply(written))
    }

    /// A host has refused its claim: nothing of the claim is there. What is known of that is forgotten only when the entry says so, too:
    /// until then the claim would be begun again.
    async fn take_back(&self, claim: &ClaimId, before: &Before) -> Result<(), ApiError> {
        let Some(machine) = before.machines.get(claim) else {
            return Ok(());
        };
        // Its failure is being reported at the same time, and that the entry is not its own any more is written already: this must not
        // be lost to a conflict. Nothing begins anew before it.
        let patch = json!({ "metadata": { "uid": machine.metadata.uid, "annotations": { claim::BEGUN: null } } });
        let key = key_of(&machine.metadata);
        let _turn = self.context.turns.take(&key).await;
        self.patch_machine(&key, Part::Object, patch, None).await?;
        Ok(())
    }

    /// An entry as the store itself has it.
    pub(super) fn see(&self, found: PooledRemoteMachine) -> Arc<PooledRemoteMachine> {
        self.context.seen.pooled_remote_machines.apply(found)
    }

    /// Asks the store itself for an entry that claims name.
    async fn look_for(&self, entry: &str, before: &Before) -> Result<(), ApiError> {
        let names_it = |machine: &&Arc<RemoteMachine>| claim::named(machine).is_some_and(|named| named.entry.as_str() == entry);
        let named_by: Vec<Key> = before
            .machines
            .values()
            .filter(names_it)
            .map(|machine| key_of(&machine.metadata))
            .collect();
        let Some(first) = named_by.first() else { return Ok(()) };
        let key = Key {
            namespace: first.namespace.clone(),
            name: entry.to_owned(),
        };
        match self.context.api.confirm::<PooledRemoteMachine>(&key).await? {
            Some(found) => drop(self.see(found)),
            None => self.context.board.set_gone(&key, &named_by),
        }
        Ok(())
    }

    /// Has a claim forget its entry, if the store itself says that it is not its own.
    async fn unname(&self, name: &str, before: &Before) -> Result<(), ApiError> {
        let is_it = |machine: &&Arc<RemoteMachine>| machine.metadata.name.as_deref() == Some(name);
        let Some(machine) = before.machines.values().find(is_it) else {
            return Ok(());
        };
        let Some((claim, named)) = super::claim_of(machine).and_then(|claim| Some((claim.clone(), claim.named?))) else {
            return Ok(());
        };
        let key = key_of(&machine.metadata);
        let entry = Key {
            namespace: key.namespace.clone(),
            name: named.entry.as_str().to_owned(),
        };
        let found: Option<PooledRemoteMachine> = self.context.api.confirm(&entry).await?;
        let state = match found.map(|found| self.see(found)).as_deref().map(entry::read) {
            None => None,
            Some(Ok(entry)) => Some(entry::met(entry.state, machine)),
            Some(Err(_)) => return Ok(()),
        };
        if claim_next(&claim, state.as_ref()) != ClaimAction::Unname {
            return Ok(());
        }
        let gone = [claim::POOL_ENTRY, claim::POOL_HOST, claim::POOL_ENTRY_GENERATION];
        let gone: Map<String, Value> = gone.into_iter().map(|name| (name.to_owned(), Value::Null)).collect();
        let patch = json!({ "metadata": { "annotations": gone } });
        let _turn = self.context.turns.take(&key).await;
        let version = machine.metadata.resource_version.as_deref();
        self.patch_machine(&key, Part::Object, patch, version).await?;
        self.context.work.forget(claim.id.as_str());
        Ok(())
    }
}

fn metadata(object: &PooledRemoteMachine, finalizer: bool, obeyed: &[&'static str]) -> Value {
    let mut finalizers: Vec<&str> = object.metadata.finalizers.iter().flatten().map(String::as_str).collect();
    finalizers.retain(|name| *name != entry::FINALIZER);
    if finalizer {
        finalizers.push(entry::FINALIZER);
    }
    let mut metadata = json!({ "finalizers": finalizers });
    let orders: Map<String, Value> = obeyed.iter().map(|name| ((*name).to_owned(), Value::Null)).collect();
    if let (false, Some(fields)) = (orders.is_empty(), metadata.as_object_mut()) {
        fields.insert("annotations".to_owned(), Value::Object(orders));
    }
    json!({ "metadata": metadata })
}

fn status_patch(before: Option<&PooledRemoteMachineStatus>, after: &PooledRemoteMachineStatus) -> Option<Value> {
    let before = before.map_or_else(|| json!({}), |status| json!(status));
    difference(&before, &json!(after)).map(|patch| json!({ "status": patch }))
}
