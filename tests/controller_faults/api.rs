//! Requests to the API server without a kubectl for each, for tests that make thousands.

use std::future::Future;
use std::path::Path;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use kube::api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::ApiResource;
use kube::{Client, Config};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::controller_lab::WATCHDOG;

/// The kinds that the tests make, as they are in an API path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    RemoteMachine,
    PooledRemoteMachine,
    RemoteMachineTemplate,
    RemoteCluster,
    Machine,
    Cluster,
    Secret,
    Event,
}

impl Kind {
    fn resource(self) -> ApiResource {
        const OURS: &str = "infrastructure.cluster.x-k8s.io";
        const THEIRS: &str = "cluster.x-k8s.io";
        let (group, version, kind, plural) = match self {
            Self::RemoteMachine => (OURS, "v1beta2", "RemoteMachine", "remotemachines"),
            Self::PooledRemoteMachine => (OURS, "v1beta2", "PooledRemoteMachine", "pooledremotemachines"),
            Self::RemoteMachineTemplate => (OURS, "v1beta2", "RemoteMachineTemplate", "remotemachinetemplates"),
            Self::RemoteCluster => (OURS, "v1beta2", "RemoteCluster", "remoteclusters"),
            Self::Machine => (THEIRS, "v1beta2", "Machine", "machines"),
            Self::Cluster => (THEIRS, "v1beta2", "Cluster", "clusters"),
            Self::Secret => ("", "v1", "Secret", "secrets"),
            Self::Event => ("events.k8s.io", "v1", "Event", "events"),
        };
        let api_version = if group.is_empty() {
            version.to_owned()
        } else {
            format!("{group}/{version}")
        };
        ApiResource {
            group: group.to_owned(),
            version: version.to_owned(),
            api_version,
            kind: kind.to_owned(),
            plural: plural.to_owned(),
        }
    }
}

fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(1).enable_all().build().unwrap()
    })
}

/// Runs this to its end.
pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> T {
    runtime().block_on(work)
}

/// A namespace on an API server.
#[derive(Clone)]
pub(crate) struct Api {
    client: Client,
    namespace: String,
}

impl Api {
    pub(crate) fn new(kubeconfig: &Path, namespace: &str) -> Self {
        let client = block_on(async {
            let read = Kubeconfig::read_from(kubeconfig).unwrap();
            let config = Config::from_custom_kubeconfig(read, &KubeConfigOptions::default()).await;
            Client::try_from(config.unwrap()).unwrap()
        });
        Self {
            client,
            namespace: namespace.to_owned(),
        }
    }

    fn of(&self, kind: Kind) -> kube::Api<DynamicObject> {
        kube::Api::namespaced_with(self.client.clone(), &self.namespace, &kind.resource())
    }

    /// An object, if it is there.
    #[track_caller]
    pub(crate) fn find(&self, kind: Kind, name: &str) -> Option<Value> {
        let found = block_on(self.of(kind).get_opt(name)).unwrap();
        found.map(|object| serde_json::to_value(object).unwrap())
    }

    /// An object that is there.
    #[track_caller]
    pub(crate) fn get(&self, kind: Kind, name: &str) -> Value {
        self.find(kind, name).unwrap_or_else(|| panic!("there is no {kind:?} {name}"))
    }

    #[track_caller]
    pub(crate) fn list(&self, kind: Kind) -> Vec<Value> {
        let found = block_on(self.of(kind).list(&ListParams::default())).unwrap();
        found
            .items
            .into_iter()
            .map(|object| serde_json::to_value(object).unwrap())
            .collect()
    }

    /// Makes an object of this name; the rest of it is in `fields`.
    #[track_caller]
    pub(crate) fn create(&self, kind: Kind, name: &str, mut fields: Value) -> Value {
        let resource = kind.resource();
        fields["apiVersion"] = resource.api_version.into();
        fields["kind"] = resource.kind.into();
        fields["metadata"]["name"] = name.into();
        let object: DynamicObject = serde_json::from_value(fields).unwrap();
        let made = block_on(self.of(kind).create(&PostParams::default(), &object)).unwrap();
        serde_json::to_value(made).unwrap()
    }

    /// Asks for the deletion of an object; says whether it was there.
    #[track_caller]
    pub(crate) fn delete(&self, kind: Kind, name: &str) -> bool {
        match block_on(self.of(kind).delete(name, &DeleteParams::default())) {
            Ok(_) => true,
            Err(kube::Error::Api(status)) if status.code == 404 => false,
            Err(error) => panic!("{kind:?} {name}: {error}"),
        }
    }

    /// Takes away all objects of a kind.
    #[track_caller]
    pub(crate) fn delete_all(&self, kind: Kind) {
        let (how, which) = (DeleteParams::default(), ListParams::default());
        block_on(self.of(kind).delete_collection(&how, &which)).unwrap();
    }

    /// A JSON merge patch; says whether the object was there.
    #[track_caller]
    pub(crate) fn patch(&self, kind: Kind, name: &str, patch: &Value) -> bool {
        let patched = block_on(self.of(kind).patch(name, &PatchParams::default(), &Patch::Merge(patch)));
        was_there(patched)
    }

    /// The same of its status.
    #[track_caller]
    pub(crate) fn patch_status(&self, kind: Kind, name: &str, patch: &Value) -> bool {
        let patched = block_on(
            self.of(kind)
                .patch_status(name, &PatchParams::default(), &Patch::Merge(patch)),
        );
        was_there(patched)
    }

    /// A Machine of the Cluster `c` with this bootstrap data, and a RemoteMachine with this spec, which it owns. Says that they are there.
    #[track_caller]
    pub(crate) fn machine(&self, name: &str, data: &str, spec: &Value) -> bool {
        let uid = self.owner(name, data);
        let owner = json!({
            "apiVersion": "cluster.x-k8s.io/v1beta2", "kind": "Machine", "name": name, "uid": uid,
            "controller": true, "blockOwnerDeletion": true,
        });
        self.create(
            Kind::RemoteMachine,
            name,
            json!({ "metadata": { "ownerReferences": [owner] }, "spec": spec }),
        );
        true
    }

    /// A Machine of the Cluster `c` with this bootstrap data. Gives its UID.
    #[track_caller]
    pub(crate) fn owner(&self, name: &str, data: &str) -> Value {
        let secret = format!("{name}-data");
        self.create(
            Kind::Secret,
            &secret,
            json!({ "stringData": { "value": data, "format": "cloud-config" } }),
        );
        let config = json!({ "apiGroup": "bootstrap.cluster.x-k8s.io", "kind": "KubeadmConfig", "name": name });
        let reference = json!({ "apiGroup": "infrastructure.cluster.x-k8s.io", "kind": "RemoteMachine", "name": name });
        self.create(
            Kind::Machine,
            name,
            json!({ "spec": {
                "clusterName": "c", "bootstrap": { "configRef": config, "dataSecretName": secret }, "infrastructureRef": reference,
            } }),
        )["metadata"]["uid"]
            .clone()
    }

    /// Waits until this is so.
    #[track_caller]
    pub(crate) fn until(&self, what: &str, is_so: impl FnMut() -> bool) {
        until(what, is_so, || self.shown());
    }

    /// What there is, for whoever reads a failed test.
    pub(crate) fn shown(&self) -> String {
        let mut text = String::new();
        for kind in [Kind::RemoteMachine, Kind::PooledRemoteMachine] {
            for object in self.list(kind) {
                text += &format!("{kind:?} {:#}\n", without_noise(object));
            }
        }
        text
    }
}

fn without_noise(mut object: Value) -> Value {
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.remove("managedFields");
    }
    object
}

#[track_caller]
fn was_there<T>(answer: Result<T, kube::Error>) -> bool {
    match answer {
        Ok(_) => true,
        Err(kube::Error::Api(status)) if status.code == 404 => false,
        Err(error) => panic!("{error}"),
    }
}

/// Waits until this is so.
#[track_caller]
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool, shown: impl Fn() -> String) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < WATCHDOG, "never: {what}\n{}", shown());
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The status, reason and message of a condition.
pub(crate) fn condition(object: &Value, kind: &str) -> (String, String, String) {
    let conditions = object["status"]["conditions"].as_array().into_iter().flatten();
    let found = conditions.into_iter().find(|condition| condition["type"] == kind);
    let field = |name: &str| found.and_then(|found| found[name].as_str()).unwrap_or_default().to_owned();
    (field("status"), field("reason"), field("message"))
}

/// Whether a RemoteMachine is provisioned, and says so in every place.
pub(crate) fn is_ready(machine: &Value) -> bool {
    condition(machine, "Ready").0 == "True" && machine["status"]["initialization"]["provisioned"] == true
}
