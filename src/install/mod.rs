//! What runs the controller and the conversion webhook in a cluster, as objects of Kubernetes. Pure.

mod permissions;

use crds::definition::{YamlError, to_yaml};
use permissions::Permission;
use serde_json::{Value, json};

/// The name of all objects, and of the ServiceAccount.
const NAME: &str = "anywhere-controller";

/// Port that /healthz and /readyz are served at.
const HEALTH: u16 = 8081;
/// Port that /metrics is served at.
const METRICS: u16 = 8080;

/// What differs from one installation to another.
#[derive(Clone, Debug)]
pub(crate) struct Installation<'a> {
    /// The namespace that the controller runs in.
    pub(crate) namespace: &'a str,
    /// The image with this program in it.
    pub(crate) image: &'a str,
    /// The only namespace whose objects it reconciles.
    pub(crate) watch_namespace: Option<&'a str>,
    /// Whether it makes the Jobs of RemoteMachines that ask for one.
    pub(crate) provision_jobs: bool,
}

/// The webhook's objects, as they stand in the examples.
const WEBHOOK: &str = include_str!("../../examples/webhook.yaml");
/// The namespace there.
const WEBHOOK_NAMESPACE: &str = "anywhere-system";
/// The image there.
const WEBHOOK_IMAGE: &str = "registry.example.org/anywhere:0.1.0";

/// All objects but the definitions, as YAML, in an order in which they can be made.
///
/// # Errors
/// When an object cannot be written as YAML.
pub(crate) fn documents(installation: &Installation<'_>) -> Result<Vec<String>, YamlError> {
    let mut documents = objects(installation).iter().map(to_yaml).collect::<Result<Vec<_>, _>>()?;
    documents.extend(webhook(installation));
    Ok(documents)
}

/// The webhook's objects but the namespace, which is there already.
fn webhook(installation: &Installation<'_>) -> impl Iterator<Item = String> {
    WEBHOOK
        .split("\n---\n")
        .filter(|document| !document.contains("kind: Namespace\n"))
        .map(|document| {
            let document = document
                .replace(WEBHOOK_NAMESPACE, installation.namespace)
                .replace(WEBHOOK_IMAGE, installation.image);
            document.trim_end().to_owned() + "\n"
        })
}

fn objects(installation: &Installation<'_>) -> Vec<Value> {
    let own = || json!({ "name": NAME, "namespace": installation.namespace, "labels": labels() });
    let of_objects = match installation.watch_namespace {
        // The namespace may be its own, where there is another role.
        Some(namespace) => (
            "Role",
            json!({ "name": format!("{NAME}-objects"), "namespace": namespace, "labels": labels() }),
        ),
        None => ("ClusterRole", json!({ "name": NAME, "labels": labels() })),
    };
    let of_jobs = if installation.provision_jobs {
        permissions::OF_JOBS
    } else {
        &[]
    };
    let mut objects = vec![
        json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": installation.namespace } }),
        json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": own() }),
    ];
    objects.extend(role(installation, of_objects, &[permissions::OF_OBJECTS, of_jobs]));
    objects.extend(role(installation, ("Role", own()), &[permissions::OF_ITSELF]));
    objects.push(with(
        json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": own() }),
        "spec",
        deployment(installation),
    ));
    objects
}

/// A role, and that the controller has it.
fn role(installation: &Installation<'_>, (kind, metadata): (&str, Value), permissions: &[&[Permission]]) -> [Value; 2] {
    let of = |kind: &str| json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": metadata });
    let reference = json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": metadata.get("name") });
    let subjects = json!([{ "kind": "ServiceAccount", "name": NAME, "namespace": installation.namespace }]);
    [
        with(of(kind), "rules", json!(permissions::rules(permissions))),
        with(
            with(of(&format!("{kind}Binding")), "roleRef", reference),
            "subjects",
            subjects,
        ),
    ]
}

fn with(mut object: Value, field: &str, value: Value) -> Value {
    if let Some(fields) = object.as_object_mut() {
        fields.insert(field.to_owned(), value);
    }
    object
}

fn labels() -> Value {
    json!({ "app.kubernetes.io/name": NAME, "app.kubernetes.io/part-of": "anywhere" })
}

/// Two of it, of which one works and the other waits for its lease.
fn deployment(installation: &Installation<'_>) -> Value {
    let mut arguments = vec!["controller".to_owned(), "--leader-elect".to_owned()];
    arguments.extend(
        installation
            .watch_namespace
            .map(|namespace| format!("--namespace={namespace}")),
    );
    if !installation.provision_jobs {
        arguments.push("--provision-jobs=false".to_owned());
    }
    let probe = |path: &str| json!({ "httpGet": { "path": path, "port": "health" } });
    let container = json!({
        "name": "controller",
        "image": installation.image,
        "args": arguments,
        "env": [{ "name": "POD_NAMESPACE", "valueFrom": { "fieldRef": { "fieldPath": "metadata.namespace" } } }],
        "ports": [
            { "name": "health", "containerPort": HEALTH },
            { "name": "metrics", "containerPort": METRICS },
        ],
        "livenessProbe": probe("/healthz"),
        "readinessProbe": probe("/readyz"),
        "resources": { "requests": { "cpu": "50m", "memory": "64Mi" }, "limits": { "memory": "512Mi" } },
        "securityContext": {
            "allowPrivilegeEscalation": false,
            "readOnlyRootFilesystem": true,
            "capabilities": { "drop": ["ALL"] },
        },
        // Where it keeps what belongs to one run of itself.
        "volumeMounts": [{ "name": "tmp", "mountPath": "/tmp" }],
    });
    json!({
        "replicas": 2,
        "selector": { "matchLabels": { "app.kubernetes.io/name": NAME } },
        "template": {
            "metadata": { "labels": labels() },
            "spec": {
                "serviceAccountName": NAME,
                "terminationGracePeriodSeconds": 10,
                "securityContext": {
                    "runAsNonRoot": true,
                    "runAsUser": 65532,
                    "seccompProfile": { "type": "RuntimeDefault" },
                },
                "topologySpreadConstraints": [{
                    "maxSkew": 1,
                    "topologyKey": "kubernetes.io/hostname",
                    "whenUnsatisfiable": "ScheduleAnyway",
                    "labelSelector": { "matchLabels": { "app.kubernetes.io/name": NAME } },
                }],
                "containers": [container],
                "volumes": [{ "name": "tmp", "emptyDir": { "medium": "Memory", "sizeLimit": "64Mi" } }],
            },
        },
    })
}
