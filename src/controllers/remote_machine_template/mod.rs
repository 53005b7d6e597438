//! RemoteMachineTemplates: what a node of the pool would have to give, in their status and annotations, so that Cluster Autoscaler can
//! start with none. And MachineDeployments that say the same of themselves or follow their pool: see [`deployments`].
//!
//! Source: <https://github.com/kubernetes-sigs/cluster-api/blob/main/docs/proposals/20210310-opt-in-autoscaling-from-zero.md>

mod announced;
mod capacity;
mod deployments;
mod quantity;
mod replicas;

use std::sync::Arc;

use crds::infrastructure::pooled_remote_machine::v1beta2::PooledRemoteMachine;
use crds::infrastructure::remote_machine_template::v1beta2::RemoteMachineTemplate;
use serde_json::json;
use tokio::task::JoinSet;

use super::Context;
use super::api::{ApiError, Part};
use super::cluster_api::PAUSED;
use super::merge_patch::difference;
use super::queue::Queue;
use super::reconcile::{self, Again, Reconcile};
use crate::manifest::Key;

/// What it is called in metrics and logs.
const NAME: &str = "remotemachinetemplate";
/// Templates that are looked at at the same time.
const CONCURRENCY: u16 = 2;

struct Templates(Arc<Context>);

/// Starts it.
pub(super) fn spawn(context: &Arc<Context>, tasks: &mut JoinSet<()>) {
    let queue: Queue<Key> = Queue::default();
    let seen = &context.seen;
    let to = queue.clone();
    seen.remote_machine_templates
        .on_change(move |change| to.add(change.key.clone()));
    let (to, weak) = (queue.clone(), Arc::downgrade(context));
    seen.pooled_remote_machines.on_change(move |change| {
        let looked_at = |entry: Option<&Arc<PooledRemoteMachine>>| entry.map(|entry| capacity::looked_at(entry));
        // Most changes of an entry are of its state.
        if looked_at(change.before) == looked_at(change.after) {
            return;
        }
        let Some(context) = weak.upgrade() else { return };
        let keys = context.seen.remote_machine_templates.keys().into_iter();
        keys.filter(|key| key.namespace == change.key.namespace)
            .for_each(|key| to.add(key));
    });
    for key in seen.remote_machine_templates.keys() {
        queue.add(key);
    }
    let templates = Arc::new(Templates(context.clone()));
    let around = (CONCURRENCY, &context.metrics, &context.stop);
    reconcile::spawn(tasks, NAME, &queue, &templates, around);
    deployments::spawn(context, tasks);
}

impl Reconcile<Key> for Templates {
    async fn reconcile(&self, key: &Key) -> Result<Again, ApiError> {
        let context = &self.0;
        let Some(mut template) = context.seen.remote_machine_templates.get(key) else {
            return Ok(Again::OnChange);
        };
        let annotations = template.metadata.annotations.as_ref();
        if annotations.is_some_and(|annotations| annotations.contains_key(PAUSED)) {
            return Ok(Again::OnChange);
        }
        let is_here = |entry: &PooledRemoteMachine| entry.metadata.namespace.as_deref() == Some(&key.namespace);
        let entries = context.seen.pooled_remote_machines.list(is_here);
        let status = capacity::status(&template, &entries);
        let before = template.status.clone().unwrap_or_default();
        if let Some(patch) = difference(&json!(before), &json!(status)) {
            let version = template.metadata.resource_version.as_deref();
            let patch = json!({ "status": patch });
            let written: RemoteMachineTemplate = context.api.patch(key, Part::Status, patch, version).await?;
            template = context.seen.remote_machine_templates.apply(written);
        }
        let wanted = capacity::announced(&template, &entries);
        if let Some(patch) = announced::patch(template.metadata.annotations.as_ref(), &wanted) {
            let version = template.metadata.resource_version.as_deref();
            let written: RemoteMachineTemplate = context.api.patch(key, Part::Object, patch, version).await?;
            context.seen.remote_machine_templates.apply(written);
        }
        Ok(Again::OnChange)
    }
}
