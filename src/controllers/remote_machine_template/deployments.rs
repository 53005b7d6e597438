//! MachineDeployments that have as many machines as their pool has for them, or say what a node of it has, where their author asks for
//! that.

use std::collections::BTreeMap;
use std::sync::Arc;

use crds::infrastructure::pooled_remote_machine::v1beta2::PooledRemoteMachine;
use crds::infrastructure::remote_machine_template::v1beta2::{RemoteMachineTemplate, RemoteMachineTemplateResourceSpec};
use serde_json::json;
use tokio::task::JoinSet;

use super::replicas::{is_conflicting, replicas};
use super::{announced, capacity};
use crate::controllers::Context;
use crate::controllers::api::{ApiError, Part};
use crate::controllers::cluster_api::{MachineDeployment, PAUSED};
use crate::controllers::events::Weight;
use crate::controllers::queue::Queue;
use crate::controllers::reconcile::{self, Again, Reconcile};
use crate::manifest::Key;

/// Annotation on a MachineDeployment, `true`: it is to have as many machines as its pool has for it.
const FOLLOWS: &str = "anywhere.k0smotron.io/replicas-from-pool";
/// Annotation on a MachineDeployment, `true`: Cluster Autoscaler's annotations on it say what any node of its pool has.
const ANNOUNCES: &str = "anywhere.k0smotron.io/capacity-from-pool";

/// What it is called in metrics and logs.
const NAME: &str = "machinedeployment";
/// MachineDeployments that are looked at at the same time.
const CONCURRENCY: u16 = 2;

struct Deployments(Arc<Context>);

/// Starts it.
pub(super) fn spawn(context: &Arc<Context>, tasks: &mut JoinSet<()>) {
    let queue: Queue<Key> = Queue::default();
    let seen = &context.seen;
    let to = queue.clone();
    seen.machine_deployments.on_change(move |change| to.add(change.key.clone()));
    let all_of = {
        let (to, weak) = (queue.clone(), Arc::downgrade(context));
        move |namespace: &str| {
            let Some(context) = weak.upgrade() else { return };
            let keys = context.seen.machine_deployments.keys().into_iter();
            keys.filter(|key| key.namespace == namespace).for_each(|key| to.add(key));
        }
    };
    let wake = all_of.clone();
    seen.remote_machine_templates
        .on_change(move |change| wake(&change.key.namespace));
    seen.pooled_remote_machines.on_change(move |change| {
        let looked_at = |entry: Option<&Arc<PooledRemoteMachine>>| {
            entry.map(|entry| {
                let status = entry
                    .status
                    .as_ref()
                    .map(|status| (status.state.clone(), status.machine_ref.clone()));
                (capacity::looked_at(entry), status, is_conflicting(entry))
            })
        };
        if looked_at(change.before) != looked_at(change.after) {
            all_of(&change.key.namespace);
        }
    });
    for key in seen.machine_deployments.keys() {
        queue.add(key);
    }
    let around = (CONCURRENCY, &context.metrics, &context.stop);
    reconcile::spawn(tasks, NAME, &queue, &Arc::new(Deployments(context.clone())), around);
}

impl Reconcile<Key> for Deployments {
    async fn reconcile(&self, key: &Key) -> Result<Again, ApiError> {
        let context = &self.0;
        let Some(deployment) = context.seen.machine_deployments.get(key) else {
            return Ok(Again::OnChange);
        };
        let reference = &deployment.spec.template.spec.infrastructure_ref;
        if is_paused(context, key, &deployment) || reference.kind != "RemoteMachineTemplate" {
            return Ok(Again::OnChange);
        }
        let template = context.seen.remote_machine_templates.get(&Key {
            name: reference.name.clone(),
            ..key.clone()
        });
        let Some(template) = template else {
            return Ok(Again::OnChange);
        };
        let entries = context
            .seen
            .pooled_remote_machines
            .list(|entry| entry.metadata.namespace.as_deref() == Some(&key.namespace));
        let deployment = self.announce(key, deployment, &template, &entries).await?;
        self.follow(key, &deployment, &template, &entries).await?;
        Ok(Again::OnChange)
    }
}

impl Deployments {
    /// Says what a node of its pool has, or takes that back.
    async fn announce(
        &self,
        key: &Key,
        deployment: Arc<MachineDeployment>,
        template: &RemoteMachineTemplate,
        entries: &[Arc<PooledRemoteMachine>],
    ) -> Result<Arc<MachineDeployment>, ApiError> {
        let wanted = if is_true(&deployment, ANNOUNCES) {
            capacity::announced(template, entries)
        } else {
            BTreeMap::new()
        };
        let Some(patch) = announced::patch(deployment.metadata.annotations.as_ref(), &wanted) else {
            return Ok(deployment);
        };
        let version = deployment.metadata.resource_version.as_deref();
        let written: MachineDeployment = self.0.api.patch(key, Part::Object, patch, version).await?;
        Ok(self.0.seen.machine_deployments.apply(written))
    }

    /// Has it have as many machines as its pool has for it, if it is to.
    async fn follow(
        &self,
        key: &Key,
        deployment: &MachineDeployment,
        template: &RemoteMachineTemplate,
        entries: &[Arc<PooledRemoteMachine>],
    ) -> Result<(), ApiError> {
        let context = &self.0;
        let Some(spec) = spec_of(template).filter(|_| is_true(deployment, FOLLOWS)) else {
            return Ok(());
        };
        let machines = context
            .seen
            .remote_machines
            .list(|machine| machine.metadata.namespace.as_deref() == Some(&key.namespace));
        let wanted = replicas(deployment, spec, entries, &machines);
        if deployment.spec.replicas == Some(wanted) {
            return Ok(());
        }
        let patch = json!({ "spec": { "replicas": wanted } });
        let version = deployment.metadata.resource_version.as_deref();
        let written: MachineDeployment = context.api.patch(key, Part::Object, patch, version).await?;
        let note = format!("pool {} has {wanted} machine(s) for it: spec.replicas is {wanted}", spec.pool);
        context.events.tell(deployment, Weight::Normal, "FollowsPool", note);
        context.seen.machine_deployments.apply(written);
        Ok(())
    }
}

fn is_true(deployment: &MachineDeployment, annotation: &str) -> bool {
    let annotations = deployment.metadata.annotations.as_ref();
    annotations
        .and_then(|all| all.get(annotation))
        .is_some_and(|text| text == "true")
}

fn is_paused(context: &Context, key: &Key, deployment: &MachineDeployment) -> bool {
    let annotations = deployment.metadata.annotations.as_ref();
    let cluster = context.seen.clusters.get(&Key {
        name: deployment.spec.cluster_name.clone(),
        ..key.clone()
    });
    annotations.is_some_and(|all| all.contains_key(PAUSED)) || cluster.is_some_and(|cluster| cluster.is_paused())
}

fn spec_of(template: &RemoteMachineTemplate) -> Option<&RemoteMachineTemplateResourceSpec> {
    template.spec.as_ref()?.template.spec.as_ref()
}
