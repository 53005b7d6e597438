//! Cluster: a control plane that runs as pods.

pub(crate) mod rules;
pub mod v1beta1;
pub mod v1beta2;

use serde_json::{Value, json};

use crate::conversion::{Derived, Move};
use crate::definition::{AGE, AVAILABLE_REASON, AVAILABLE_SINCE, Column, Definition, K0SMOTRON, Served, Version};
use crate::schema;

/// What of a control plane below `$prefix` has another place in v1beta2, and what else has.
///
/// What v1beta2 has no field for at all is where the original keeps it, and still heeds it: in annotations.
macro_rules! moves {
    ($prefix:literal $(, $more:expr)*) => {
        &[
            Move::new(concat!($prefix, "controllerPlaneFlags"), concat!($prefix, "controlPlaneFlags")),
            Move::new(concat!($prefix, "etcd"), concat!($prefix, "storage.etcd")),
            Move::new(concat!($prefix, "kineDataSourceURL"), concat!($prefix, "storage.kine.dataSourceURL")),
            Move::new(concat!($prefix, "kineDataSourceSecretName"), concat!($prefix, "storage.kine.dataSourceSecretName")),
            Move::new(concat!($prefix, "kubeconfigRef"), concat!($prefix, "remoteHostCluster.kubeconfigRef")),
            Move::to_annotation(concat!($prefix, "service.annotations"), "k0smotron.io/conversion-dropped-service.annotations"),
            Move::to_annotation(concat!($prefix, "service.labels"), "k0smotron.io/conversion-dropped-service.labels"),
            Move::to_annotation(concat!($prefix, "service.loadBalancerClass"), "k0smotron.io/conversion-dropped-service.loadBalancerClass"),
            Move::to_annotation(concat!($prefix, "service.externalTrafficPolicy"), "k0smotron.io/conversion-dropped-service.externalTrafficPolicy"),
            $($more,)*
        ]
    };
}

/// In v1beta1, whoever names a database asks for kine.
macro_rules! derived_storage {
    ($prefix:literal) => {
        Derived::constant(
            Version::V1Beta2,
            concat!($prefix, "storage.type"),
            "kine",
            concat!($prefix, "storage.kine"),
        )
    };
}

pub(crate) use {derived_storage, moves};

/// The kind.
pub const DEFINITION: Definition = Definition {
    group: K0SMOTRON,
    kind: "Cluster",
    plural: "clusters",
    short_names: &["kmc"],
    categories: &[],
    provider: None,
    moved_by_clusterctl: false,
    v1beta1: Served {
        description: DESCRIPTION,
        spec: || complete(schema::of::<v1beta1::ClusterSpec>()),
        status: Some(schema::of::<v1beta1::ClusterStatus>),
        status_subresource: true,
        scale_subresource: true,
        columns: &[
            VERSION_COLUMN,
            DESIRED,
            REPLICAS,
            Column::new("Ready", ".status.ready", "boolean", "Whether the control plane works"),
            ADDRESS,
            AGE,
        ],
    },
    v1beta2: Served {
        description: DESCRIPTION,
        spec: || complete(schema::of::<v1beta2::ClusterSpec>()),
        status: Some(schema::of::<v1beta2::ClusterStatus>),
        status_subresource: true,
        scale_subresource: true,
        columns: &[
            VERSION_COLUMN,
            DESIRED,
            REPLICAS,
            Column::new(
                "Available",
                ".status.conditions[?(@.type==\"Available\")].status",
                "string",
                "Whether the control plane works",
            ),
            AVAILABLE_REASON,
            AVAILABLE_SINCE,
            ADDRESS,
            AGE,
        ],
    },
    moves: moves!(
        "spec.",
        Move::new("status.ready", "status.deprecated.v1beta1.ready"),
        Move::new(
            "status.reconciliationStatus",
            "status.deprecated.v1beta1.reconciliationStatus"
        )
    ),
    derived: &[derived_storage!("spec.")],
};

const DESCRIPTION: &str = "A control plane that runs as pods.";

const VERSION_COLUMN: Column = Column::new("Version", ".spec.version", "string", "The version of k0s");
const DESIRED: Column = Column::new("Desired", ".spec.replicas", "integer", "How many pods are wanted").wide();
const REPLICAS: Column = Column::new("Replicas", ".status.replicas", "integer", "How many pods there are");
const ADDRESS: Column = Column::new(
    "Address",
    ".spec.externalAddress",
    "string",
    "Where the API server is reached",
)
.wide();

/// A Cluster without a spec has a control plane at node ports.
fn complete(mut spec: Value) -> Value {
    rules::add(&mut spec);
    if let Some(fields) = spec.as_object_mut() {
        fields.insert("default".to_owned(), json!({ "service": { "type": "NodePort" } }));
    }
    spec
}
