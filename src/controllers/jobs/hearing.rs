//! What the containers of a Job wrote, as far as it is worth asking for.

use std::sync::Arc;

use super::kinds::Pod;
use super::last_words::LastWords;
use super::{Inner, outcome, requests};
use crate::manifest::Key;

impl Inner {
    /// The Pods of a Job that is over, those that were seen if they cannot be asked for: the watch of Pods may be behind that of Jobs.
    pub(super) async fn pods_now(&self, job: &Key, uid: &str, seen: Vec<Arc<Pod>>) -> Vec<Arc<Pod>> {
        match requests::pods(&self.api, job, uid).await {
            Ok(pods) => pods.into_iter().map(Arc::new).collect(),
            Err(_) => seen,
        }
    }

    /// Reads what the container wrote that has ended well; nothing if there is none any more.
    pub(super) async fn hear_done(&self, job: &Key, uid: &str, seen: Vec<Arc<Pod>>) -> Option<LastWords> {
        let ended = outcome::done(&self.pods_now(job, uid, seen).await)?;
        let log = requests::log(&self.api, &job.namespace, &ended).await;
        Some(LastWords { ended, log })
    }

    /// Reads what the newest container wrote that has ended badly, once.
    pub(super) async fn hear(&self, job: &Key, pods: &[Arc<Pod>], last: &mut Option<LastWords>) {
        let Some(ended) = outcome::ended(pods) else { return };
        let is_known = |last: &LastWords| last.ended.id == ended.id && last.log.is_ok();
        if last.as_ref().is_some_and(is_known) {
            return;
        }
        let log = requests::log(&self.api, &job.namespace, &ended).await;
        *last = Some(LastWords { ended, log });
    }
}
