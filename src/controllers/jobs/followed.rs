//! Who waits for which Job to change, and which Pods are whose: [`Followed`].

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use super::kinds::Pod;
use crate::controllers::cache::key_of;
use crate::controllers::watches::Seen;
use crate::manifest::Key;

/// See the module.
#[derive(Default)]
pub(super) struct Followed(Mutex<State>);

#[derive(Default)]
struct State {
    /// By the Job's name.
    waiting: HashMap<Key, watch::Sender<()>>,
    /// The names of a Job's Pods, by its name.
    pods: HashMap<Key, HashSet<Key>>,
}

impl Followed {
    /// Everything that was seen, and what will be.
    pub(super) fn of(seen: &Seen) -> Arc<Self> {
        let followed = Arc::new(Self::default());
        seen.jobs.on_change({
            let followed = followed.clone();
            move |change| followed.wake(change.key)
        });
        seen.pods.on_change({
            let followed = followed.clone();
            move |change| {
                if let Some(job) = change.after.and_then(|pod| job_of(pod)) {
                    followed.add(&job, change.key);
                    followed.wake(&job);
                } else if let Some(job) = change.before.and_then(|pod| job_of(pod)) {
                    followed.remove(&job, change.key);
                    followed.wake(&job);
                }
            }
        });
        for pod in seen.pods.list(|_| true) {
            if let Some(job) = job_of(&pod) {
                followed.add(&job, &key_of(&pod.metadata));
            }
        }
        followed
    }

    /// Is told of each change of this Job and of its Pods.
    pub(super) fn follow(&self, job: &Key) -> watch::Receiver<()> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Nobody waits for those any more.
        state.waiting.retain(|_, sender| sender.receiver_count() > 0);
        state
            .waiting
            .entry(job.clone())
            .or_insert_with(|| watch::Sender::new(()))
            .subscribe()
    }

    /// The names of its Pods.
    pub(super) fn pods(&self, job: &Key) -> Vec<Key> {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.pods.get(job).into_iter().flatten().cloned().collect()
    }

    fn wake(&self, job: &Key) {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(waiting) = state.waiting.get(job) {
            waiting.send_replace(());
        }
    }

    fn add(&self, job: &Key, pod: &Key) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.pods.entry(job.clone()).or_default().insert(pod.clone());
    }

    fn remove(&self, job: &Key, pod: &Key) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pods) = state.pods.get_mut(job) {
            pods.remove(pod);
            if pods.is_empty() {
                state.pods.remove(job);
            }
        }
    }
}

/// The Job that a Pod is of.
fn job_of(pod: &Pod) -> Option<Key> {
    let mut owners = pod.metadata.owner_references.iter().flatten();
    let job = owners.find(|owner| owner.kind == "Job")?;
    Some(Key {
        namespace: pod.metadata.namespace.clone()?,
        name: job.name.clone(),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test that cannot be set up fails
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(name: &str, version: &str) -> Pod {
        let owner = json!([{ "apiVersion": "batch/v1", "kind": "Job", "name": "j", "uid": "1" }]);
        let meta = json!({ "name": name, "namespace": "n", "uid": name, "resourceVersion": version, "ownerReferences": owner });
        serde_json::from_value(json!({ "metadata": meta })).unwrap()
    }

    #[test]
    fn a_job_is_woken_by_its_pods() {
        let seen = Seen::default();
        seen.pods.apply(pod("before", "1"));
        let followed = Followed::of(&seen);
        let job = Key {
            namespace: "n".to_owned(),
            name: "j".to_owned(),
        };
        let mut changed = followed.follow(&job);
        assert!(!changed.has_changed().unwrap());
        seen.pods.apply(pod("later", "2"));
        assert!(changed.has_changed().unwrap());
        changed.mark_unchanged();
        let mut pods: Vec<String> = followed.pods(&job).into_iter().map(|key| key.name).collect();
        pods.sort();
        assert_eq!(pods, ["before", "later"]);
        seen.pods.delete(&pod("before", "3").metadata);
        seen.pods.delete(&pod("later", "4").metadata);
        assert!(changed.has_changed().unwrap());
        assert_eq!(followed.pods(&job), []);
        drop(changed);
        let other = followed.follow(&Key {
            name: "other".to_owned(),
            ..job
        });
        assert!(!other.has_changed().unwrap());
        assert_eq!(followed.0.lock().unwrap().waiting.len(), 1);
    }
}
