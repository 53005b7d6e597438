//! Cluster API's kinds, as far as they are read here: everything else of them is dropped before it is kept.
//!
//! Source: <https://cluster-api.sigs.k8s.io/developer/core/controllers/machine>

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;

use super::foreign::foreign;

/// Their group.
pub(crate) const GROUP: &str = "cluster.x-k8s.io";
/// Whoever sets this annotation wants the object left alone.
pub(crate) const PAUSED: &str = "cluster.x-k8s.io/paused";
/// On what was cloned from a template: the name of that template.
const CLONED_FROM: &str = "cluster.x-k8s.io/cloned-from-name";
/// The label that says which Cluster an object is of.
pub(crate) const CLUSTER_NAME: &str = "cluster.x-k8s.io/cluster-name";
/// The label by which `--watch-filter` selects.
pub(crate) const WATCH_FILTER: &str = "cluster.x-k8s.io/watch-filter";

foreign! {
    /// A machine of a cluster, which has bootstrap data and an infrastructure, such as a RemoteMachine.
    Machine, GROUP, "v1beta2", "machines", MachineSpec, MachineStatus
}

foreign! {
    /// A cluster.
    Cluster, GROUP, "v1beta2", "clusters", ClusterSpec, ClusterStatus
}

foreign! {
    /// Machines made from a template, as many as it says.
    MachineDeployment, GROUP, "v1beta2", "machinedeployments", MachineDeploymentSpec, Nothing
}

/// What is wanted of a MachineDeployment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct MachineDeploymentSpec {
    /// The name of its Cluster.
    pub(crate) cluster_name: String,
    /// How many Machines there are to be.
    pub(crate) replicas: Option<i32>,
    /// What they are made from.
    pub(crate) template: MachineTemplate,
}

/// What Machines are made from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct MachineTemplate {
    /// What is wanted of them.
    pub(crate) spec: MachineSpec,
}

/// What is not looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Nothing {}

/// What is wanted of a Machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct MachineSpec {
    /// The name of its Cluster.
    pub(crate) cluster_name: String,
    /// Where its bootstrap data comes from.
    pub(crate) bootstrap: Bootstrap,
    /// What makes it.
    pub(crate) infrastructure_ref: Reference,
    /// As the infrastructure told it.
    #[serde(rename = "providerID")]
    pub(crate) provider_id: Option<String>,
    /// Where it is wanted.
    pub(crate) failure_domain: Option<String>,
}

/// What was seen of a Machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct MachineStatus {
    /// The Node that it has become.
    pub(crate) node_ref: Option<Reference>,
}

/// Where bootstrap data comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Bootstrap {
    /// Who makes it.
    pub(crate) config_ref: Option<Reference>,
    /// The Secret that has it, once it is made.
    pub(crate) data_secret_name: Option<String>,
}

/// Another object in the same namespace, or a Node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Reference {
    /// Its group.
    pub(crate) api_group: String,
    /// Its kind.
    pub(crate) kind: String,
    /// Its name.
    pub(crate) name: String,
}

/// What is wanted of a Cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ClusterSpec {
    /// Whether all of it is to be left alone.
    pub(crate) paused: Option<bool>,
    /// What makes its infrastructure.
    pub(crate) infrastructure_ref: Option<Reference>,
    /// Where its API server is reached.
    pub(crate) control_plane_endpoint: Option<Endpoint>,
}

/// Where an API server is reached.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Endpoint {
    /// Name or address.
    pub(crate) host: String,
    /// Port.
    pub(crate) port: i32,
}

/// What was seen of a Cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct ClusterStatus {
    /// What is done once and for all.
    pub(crate) initialization: ClusterInitialization,
    /// What is so.
    pub(crate) conditions: Vec<Seen>,
}

/// What is done once and for all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ClusterInitialization {
    /// Whether its infrastructure is there.
    pub(crate) infrastructure_provisioned: Option<bool>,
    /// Whether its API server answers.
    pub(crate) control_plane_initialized: Option<bool>,
}

/// A condition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Seen {
    /// Its type.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// `True`, `False` or `Unknown`.
    pub(crate) status: String,
}

/// Whether Cluster API is still at making an object: it has cloned it from a template, and no Machine has it yet.
///
/// A MachineSet writes what it has cloned once more, and takes it for failed if somebody else was faster: it leaves the object where
/// it is and clones another. So nobody else may write it until a Machine has it.
/// Source: `internal/controllers/machineset` and `controllers/external` of Cluster API 1.13
pub(crate) fn is_being_made(meta: &ObjectMeta) -> bool {
    let is_cloned = meta
        .annotations
        .as_ref()
        .is_some_and(|annotations| annotations.contains_key(CLONED_FROM));
    let mut owners = meta.owner_references.iter().flatten();
    is_cloned && !owners.any(|owner| owner.kind == "Machine") && meta.deletion_timestamp.is_none()
}

impl Cluster {
    /// Whether all of it is to be left alone.
    pub(crate) fn is_paused(&self) -> bool {
        self.spec.paused == Some(true)
    }

    /// Whether its infrastructure is there.
    pub(crate) fn has_infrastructure(&self) -> bool {
        let is_true = |seen: &Seen| seen.kind == "InfrastructureReady" && seen.status == "True";
        self.status.initialization.infrastructure_provisioned == Some(true) || self.status.conditions.iter().any(is_true)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test that cannot be set up fails
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_machine_is_read_and_what_is_not_needed_is_left_out() {
        let machine: Machine = serde_json::from_value(json!({
            "apiVersion": "cluster.x-k8s.io/v1beta2", "kind": "Machine",
            "metadata": { "name": "m", "namespace": "d" },
            "spec": { "clusterName": "c", "version": "v1.34.0", "bootstrap": { "dataSecretName": "s" },
                "infrastructureRef": { "apiGroup": "infrastructure.cluster.x-k8s.io", "kind": "RemoteMachine", "name": "r" } },
            "status": { "phase": "Pending" },
        }))
        .unwrap();
        assert_eq!(machine.spec.bootstrap.data_secret_name.as_deref(), Some("s"));
        assert_eq!(machine.spec.infrastructure_ref.name, "r");
        assert_eq!(machine.spec.cluster_name, "c");
    }

    #[test]
    fn what_is_cloned_is_being_made_until_a_machine_has_it() {
        let cloned = json!({ CLONED_FROM: "workers" });
        let owner = |kind: &str| json!([{ "apiVersion": "cluster.x-k8s.io/v1beta2", "kind": kind, "name": "m", "uid": "1" }]);
        for (meta, is_so) in [
            (json!({}), false),
            (json!({ "annotations": cloned }), true),
            (json!({ "annotations": cloned, "ownerReferences": owner("MachineSet") }), true),
            (json!({ "annotations": cloned, "ownerReferences": owner("Machine") }), false),
            (
                json!({ "annotations": cloned, "deletionTimestamp": "2026-01-01T00:00:00Z" }),
                false,
            ),
            (json!({ "ownerReferences": owner("MachineSet") }), false),
        ] {
            assert_eq!(is_being_made(&serde_json::from_value(meta.clone()).unwrap()), is_so, "{meta}");
        }
    }

    #[test]
    fn infrastructure_is_there_by_either_word() {
        let cluster = |status| -> Cluster { serde_json::from_value(json!({ "status": status })).unwrap() };
        for (status, is_there) in [
            (json!({}), false),
            (json!({ "initialization": { "infrastructureProvisioned": true } }), true),
            (
                json!({ "conditions": [{ "type": "InfrastructureReady", "status": "True", "reason": "x" }] }),
                true,
            ),
            (
                json!({ "conditions": [{ "type": "InfrastructureReady", "status": "False" }] }),
                false,
            ),
        ] {
            assert_eq!(cluster(status.clone()).has_infrastructure(), is_there, "{status}");
        }
    }
}
