//! What the controller may do in its management cluster: this list, and nothing else.
//!
//! The manifests are made from it, and the tests under real Cluster API run with exactly these permissions. What it may do in
//! workload clusters is said by their own kubeconfigs.
//!
//! Source: <https://kubernetes.io/docs/reference/access-authn-authz/rbac/>

use serde_json::{Value, json};

/// What may be done with some kinds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Permission {
    group: &'static str,
    resources: &'static [&'static str],
    /// Only those of these names; all if there is none.
    names: &'static [&'static str],
    verbs: &'static [&'static str],
}

const READ: &[&str] = &["get", "list", "watch"];
const INFRASTRUCTURE: &str = "infrastructure.cluster.x-k8s.io";
const CLUSTER_API: &str = "cluster.x-k8s.io";

/// In all namespaces, or in the one that `--namespace` names.
pub(super) const OF_OBJECTS: &[Permission] = &[
    Permission {
        group: INFRASTRUCTURE,
        resources: &[
            "pooledremotemachines",
            "remoteclusters",
            "remotemachines",
            "remotemachinetemplates",
        ],
        names: &[],
        verbs: READ,
    },
    // Finalizers; the provider ID; what a claim of a pool is given; orders that were obeyed; annotations for Cluster Autoscaler.
    Permission {
        group: INFRASTRUCTURE,
        resources: &["pooledremotemachines", "remotemachines", "remotemachinetemplates"],
        names: &[],
        verbs: &["patch"],
    },
    Permission {
        group: INFRASTRUCTURE,
        resources: &[
            "pooledremotemachines/status",
            "remoteclusters/status",
            "remotemachines/status",
            "remotemachinetemplates/status",
        ],
        names: &[],
        verbs: &["patch"],
    },
    Permission {
        group: CLUSTER_API,
        resources: &["clusters", "machinedeployments", "machines"],
        names: &[],
        verbs: READ,
    },
    // Labels of a pool's entry; the replicas of a MachineDeployment that asks to follow its pool.
    Permission {
        group: CLUSTER_API,
        resources: &["machinedeployments", "machines"],
        names: &[],
        verbs: &["patch"],
    },
    // Keys, bootstrap data and kubeconfigs are read by name. That one has changed is watched for, without what is in it; which
    // takes the same permission.
    Permission {
        group: "",
        resources: &["secrets"],
        names: &[],
        verbs: READ,
    },
    Permission {
        group: "events.k8s.io",
        resources: &["events"],
        names: &[],
        verbs: &["create"],
    },
];

/// There as well, for RemoteMachines with a provisionJob: each such Job has a Secret with its program, which goes with it. Its template is
/// a whole Pod: who may write RemoteMachines has the controller make any Pod in their namespace.
pub(super) const OF_JOBS: &[Permission] = &[
    Permission {
        group: "batch",
        resources: &["jobs"],
        names: &[],
        verbs: &["get", "list", "watch", "create", "delete"],
    },
    Permission {
        group: "",
        resources: &["pods"],
        names: &[],
        verbs: &["list", "watch"],
    },
    Permission {
        group: "",
        resources: &["pods/log"],
        names: &[],
        verbs: &["get"],
    },
    Permission {
        group: "",
        resources: &["secrets"],
        names: &[],
        verbs: &["create", "delete"],
    },
];

/// In the controller's own namespace.
pub(super) const OF_ITSELF: &[Permission] = &[
    // That there may be one cannot be bound to a name.
    Permission {
        group: "coordination.k8s.io",
        resources: &["leases"],
        names: &[],
        verbs: &["create"],
    },
    Permission {
        group: "coordination.k8s.io",
        resources: &["leases"],
        names: &["anywhere-controller"],
        verbs: &["get", "update"],
    },
];

/// As the rules of a role.
pub(super) fn rules(permissions: &[&[Permission]]) -> Vec<Value> {
    let rule = |permission: &Permission| {
        let names = (!permission.names.is_empty()).then(|| ("resourceNames".to_owned(), json!(permission.names)));
        let fields = [
            ("apiGroups".to_owned(), json!([permission.group])),
            ("resources".to_owned(), json!(permission.resources)),
            ("verbs".to_owned(), json!(permission.verbs)),
        ];
        fields.into_iter().chain(names).collect()
    };
    permissions.iter().copied().flatten().map(rule).collect()
}
