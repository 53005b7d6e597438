//! JoinTokenRequest: a token to join a control plane that runs as pods.

mod role;
pub mod v1beta1;
pub mod v1beta2;

pub use role::Role;

use crate::conversion::{Derived, Move};
use crate::definition::{AGE, Column, Definition, K0SMOTRON, Served, Version, reason, since};
use crate::schema;

/// The kind.
pub const DEFINITION: Definition = Definition {
    group: K0SMOTRON,
    kind: "JoinTokenRequest",
    plural: "jointokenrequests",
    short_names: &["jtr"],
    categories: &[],
    provider: None,
    moved_by_clusterctl: false,
    v1beta1: Served {
        description: DESCRIPTION,
        spec: schema::of::<v1beta1::JoinTokenRequestSpec>,
        status: Some(schema::of::<v1beta1::JoinTokenRequestStatus>),
        status_subresource: true,
        scale_subresource: false,
        columns: &[
            Column::new("Cluster", ".spec.clusterRef.name", "string", "The control plane to join"),
            ROLE,
            Column::new(
                "Status",
                ".status.reconciliationStatus",
                "string",
                "What is being done, or went wrong",
            ),
            AGE,
        ],
    },
    v1beta2: Served {
        description: DESCRIPTION,
        spec: schema::of::<v1beta2::JoinTokenRequestSpec>,
        status: Some(schema::of::<v1beta2::JoinTokenRequestStatus>),
        status_subresource: true,
        scale_subresource: false,
        columns: &[
            Column::new("Cluster", ".spec.clusterName", "string", "The control plane to join"),
            ROLE,
            Column::new(
                "Created",
                ".status.conditions[?(@.type==\"JoinTokenSecretCreated\")].status",
                "string",
                "Whether the token is there",
            ),
            reason(".status.conditions[?(@.type==\"JoinTokenSecretCreated\")].reason"),
            since(".status.conditions[?(@.type==\"JoinTokenSecretCreated\")].lastTransitionTime"),
            AGE,
        ],
    },
    moves: &[
        Move::new("spec.clusterRef.name", "spec.clusterName"),
        Move::to_annotation("spec.clusterRef.namespace", "k0smotron.io/cluster-ref-namespace"),
        Move::new(
            "status.reconciliationStatus",
            "status.deprecated.v1beta1.reconciliationStatus",
        ),
        Move::new("status.clusterUID", "status.deprecated.v1beta1.clusterUID"),
    ],
    // v1beta1 must have it; v1beta2 knows control planes of the same namespace only.
    derived: &[Derived::copy(
        Version::V1Beta1,
        "spec.clusterRef.namespace",
        "metadata.namespace",
    )],
};

const DESCRIPTION: &str = "A token to join a control plane that runs as pods; it is put into a Secret of the same name.";

const ROLE: Column = Column::new("Role", ".spec.role", "string", "What joins with the token");
