//! RemoteCluster: the infrastructure of a cluster whose machines are there already. There is nothing to make; what is said of the
//! endpoint is checked, and Cluster API is told that it may go on.
//!
//! [`decide`] says what the status is to be (pure); here it is written where it differs.

mod decide;

use std::sync::Arc;

use crds::infrastructure::remote_cluster::v1beta2::{RemoteCluster, RemoteClusterStatus};
use crds::shared::Provisioned;
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::Context;
use super::api::{ApiError, Part};
use super::cluster_api::{self, Cluster, PAUSED as PAUSED_ANNOTATION};
use super::conditions::{self, Fact, PAUSED, READY, Truth};
use super::events::Weight;
use super::merge_patch;
use super::queue::Queue;
use super::reconcile::{self, Again, Reconcile};
use crate::manifest::Key;
use decide::{Pause, Report, Seen, decide};

/// Whoever sets it reports of the object himself.
/// Source: <https://cluster-api.sigs.k8s.io/developer/providers/contracts/infra-cluster#infracluster-externally-managed-infrastructure>
const MANAGED_BY: &str = "cluster.x-k8s.io/managed-by";

/// Starts it.
pub(crate) fn start(context: &Arc<Context>, tasks: &mut JoinSet<()>) {
    let queue: Queue<Key> = Queue::default();
    let to = queue.clone();
    context
        .seen
        .remote_clusters
        .on_change(move |change| to.add(change.key.clone()));
    let to = queue.clone();
    context.seen.clusters.on_change(move |change| {
        if let Some(infrastructure) = change.after.and_then(|cluster| infrastructure(change.key, cluster)) {
            to.add(infrastructure);
        }
    });
    context.seen.remote_clusters.keys().into_iter().for_each(|key| queue.add(key));
    let reconciler = Arc::new(Reconciler {
        context: context.clone(),
    });
    let bounds = (context.args.concurrency, &context.metrics, &context.stop);
    reconcile::spawn(tasks, "remotecluster", &queue, &reconciler, bounds);
}

/// The RemoteCluster that a Cluster names.
fn infrastructure(key: &Key, cluster: &Cluster) -> Option<Key> {
    let reference = cluster.spec.infrastructure_ref.as_ref()?;
    (reference.kind == "RemoteCluster").then(|| Key {
        namespace: key.namespace.clone(),
        name: reference.name.clone(),
    })
}

struct Reconciler {
    context: Arc<Context>,
}

impl Reconcile<Key> for Reconciler {
    async fn reconcile(&self, key: &Key) -> Result<Again, ApiError> {
        let Some(object) = self.context.seen.remote_clusters.get(key) else {
            return Ok(Again::OnChange);
        };
        let Some(report) = decide(&self.see(key, &object)) else {
            return Ok(Again::OnChange);
        };
        let before = object.status.clone().unwrap_or_default();
        let after = status(&before, &report, object.metadata.generation, Timestamp::now());
        let Some(patch) = merge_patch::difference(&value(&before), &value(&after)) else {
            return Ok(Again::OnChange);
        };
        let version = object.metadata.resource_version.as_deref();
        let written: Result<RemoteCluster, ApiError> = self
            .context
            .api
            .patch(key, Part::Status, json!({ "status": patch }), version)
            .await;
        match written {
            Ok(written) => drop(self.context.seen.remote_clusters.apply(written)),
            Err(ApiError::NotFound(_)) => return Ok(Again::OnChange),
            Err(error) => return Err(error),
        }
        self.tell(&object, &before, &report);
        Ok(Again::OnChange)
    }
}

impl Reconciler {
    fn see<'a>(&self, key: &Key, object: &'a RemoteCluster) -> Seen<'a> {
        let group = format!("{}/", cluster_api::GROUP);
        let owner = object
            .owner_references()
            .iter()
            .find(|owner| owner.kind == "Cluster" && owner.api_version.starts_with(&group));
        let cluster = owner.and_then(|owner| {
            self.context.seen.clusters.get(&Key {
                namespace: key.namespace.clone(),
                name: owner.name.clone(),
            })
        });
        let paused = if cluster.is_some_and(|cluster| cluster.is_paused()) {
            Some(Pause::Cluster)
        } else {
            object
                .annotations()
                .contains_key(PAUSED_ANNOTATION)
                .then_some(Pause::Annotation)
        };
        let initialization = object.status.as_ref().and_then(|status| status.initialization.as_ref());
        Seen {
            endpoint: object.spec.as_ref().and_then(|spec| spec.control_plane_endpoint.as_ref()),
            has_owner: owner.is_some(),
            is_managed_by_others: object.annotations().contains_key(MANAGED_BY),
            is_deleting: object.metadata.deletion_timestamp.is_some(),
            paused,
            was_provisioned: initialization.and_then(|its| its.provisioned) == Some(true),
        }
    }

    /// Tells people what they have to see to, and that it is well.
    fn tell(&self, object: &RemoteCluster, before: &RemoteClusterStatus, report: &Report) {
        let Some(ready) = &report.ready else { return };
        let known = before.conditions.iter().flatten().find(|condition| condition.type_ == READY);
        if known.is_some_and(|known| known.reason == ready.reason && known.message == ready.message) {
            return;
        }
        match ready.reason {
            "InvalidEndpoint" => self
                .context
                .events
                .tell(object, Weight::Warning, ready.reason, ready.message.as_str()),
            "Ready" => self
                .context
                .events
                .tell(object, Weight::Normal, ready.reason, ready.message.as_str()),
            _ => {}
        }
    }
}

/// The status that says this.
fn status(before: &RemoteClusterStatus, report: &Report, generation: Option<i64>, now: Timestamp) -> RemoteClusterStatus {
    let paused = match report.paused {
        None => Fact::new(PAUSED, Truth::False, "NotPaused", ""),
        Some(Pause::Cluster) => Fact::new(PAUSED, Truth::True, "Paused", "spec.paused of the Cluster is true"),
        Some(Pause::Annotation) => Fact::new(
            PAUSED,
            Truth::True,
            "Paused",
            format!("annotation {PAUSED_ANNOTATION} is set"),
        ),
    };
    let ready = report.ready.as_ref().map(|ready| {
        let truth = if ready.is_true { Truth::True } else { Truth::False };
        Fact::new(READY, truth, ready.reason, ready.message.as_str())
    });
    let facts: Vec<Fact> = ready.into_iter().chain([paused]).collect();
    RemoteClusterStatus {
        conditions: Some(conditions::conditions(
            before.conditions.as_deref().unwrap_or_default(),
            &facts,
            generation,
            now,
        )),
        initialization: match report.provisioned {
            Some(provisioned) => Some(Provisioned {
                provisioned: Some(provisioned),
            }),
            None => before.initialization.clone(),
        },
    }
}

fn value(status: &RemoteClusterStatus) -> Value {
    serde_json::to_value(status).unwrap_or_default()
}
