//! A Job and the Secret with its program, from what a RemoteMachine says of them: pure.
//!
//! The contract is the original's: the Job's first container gets the path of a script as its only argument; the script and what it
//! reads are in the Secret `<job>-job-bootstrap-data`, mounted there as the volume `bootstrap-data`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crds::infrastructure::remote_machine::ProvisionJob;
use k8s_openapi::ByteString;
use k8s_openapi::api::batch::v1::JobTemplateSpec;
use k8s_openapi::api::core::v1::Secret as SecretObject;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::Resource;
use remote::script::{Carrier, Mode};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::manifest::Key;

/// On our Jobs and their Pods: the name of the RemoteMachine, shortened to what a label may have. Only what has it is watched.
pub(crate) const REMOTE_MACHINE: &str = "anywhere.k0smotron.io/remote-machine";
/// Annotation of our Jobs and Secrets: whose the host is, as the host itself has it.
pub(super) const HOST_OWNER: &str = "anywhere.k0smotron.io/host-owner";
/// Annotation of our Jobs and Secrets: which work it is.
pub(super) const WORK: &str = "anywhere.k0smotron.io/work";

/// Where the files are in the container.
pub(crate) const FOLDER: &str = "/var/lib/bootstrap-data";
const VOLUME: &str = "bootstrap-data";
const ENTRYPOINT: &str = "k0smotron-entrypoint.sh";

/// The most bytes that a Secret's values may have.
/// Source: <https://kubernetes.io/docs/concepts/configuration/secret/#restriction-data-size>
const MAX_SECRET: usize = 1 << 20;

/// The longest name of a Job: its Pods carry it as a label.
const MAX_NAME: usize = 63;

/// Seconds that a Job stays after its end at least, so that its end is seen.
const MIN_TTL: i64 = 60;

/// Source: <https://kubernetes.io/docs/concepts/architecture/garbage-collection/#foreground-deletion>
const FOREGROUND: &str = "foregroundDeletion";

/// Why there can be no such Job: each names the field to be changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ShapeError {
    /// There is no template.
    #[error(
        "spec.provisionJob.jobSpecTemplate is missing: it says what the Job is like, whose first container has the SSH client"
    )]
    NoTemplate,
    /// It is none.
    #[error("spec.provisionJob.jobSpecTemplate: {0}")]
    Malformed(#[from] serde_json::Error),
    /// There is nothing to run the program in.
    #[error("spec.provisionJob.jobSpecTemplate.spec.template.spec.containers is empty: the first one runs the program")]
    NoContainer,
    /// An owner and what it owns are in one namespace.
    #[error(
        "spec.provisionJob.jobSpecTemplate.metadata.namespace is {given:?}: a Job is made in the RemoteMachine's own namespace, {own}; leave it out"
    )]
    Namespace {
        /// What was given.
        given: String,
        /// What there is.
        own: String,
    },
    /// Its Pods could not carry the name.
    #[error("spec.provisionJob.jobSpecTemplate.metadata.name has more than {MAX_NAME} characters")]
    Name,
    /// More than one Pod would do the same at the same time.
    #[error("spec.provisionJob.jobSpecTemplate.spec.{0} must be 1, or be left out: one Pod at a time works on the machine")]
    Many(&'static str),
    /// A name that is needed.
    #[error(
        "spec.provisionJob.jobSpecTemplate.spec.template.spec.{0}: {VOLUME} is the volume with the program, mounted at {FOLDER}"
    )]
    Volume(&'static str),
    /// What does not fit into a Secret.
    #[error(
        "the program has {0} bytes, and a Job gets no more than {MAX_SECRET}, as it gets it by a Secret: have large files fetched by a command of the bootstrap data"
    )]
    TooLarge(usize),
}

/// The object that a Job is made for.
#[derive(Clone, Debug)]
pub(in crate::controllers) struct Owner {
    reference: OwnerReference,
    namespace: String,
    /// Whether all that refers to it is deleted before it is.
    is_last: bool,
}

impl Owner {
    /// This object.
    pub(in crate::controllers) fn of<K: Resource<DynamicType = ()>>(object: &K) -> Self {
        let meta = object.meta();
        Self {
            reference: OwnerReference {
                api_version: K::api_version(&()).into_owned(),
                kind: K::kind(&()).into_owned(),
                name: meta.name.clone().unwrap_or_default(),
                uid: meta.uid.clone().unwrap_or_default(),
                ..OwnerReference::default()
            },
            namespace: meta.namespace.clone().unwrap_or_default(),
            is_last: meta.finalizers.iter().flatten().any(|name| name == FOREGROUND),
        }
    }

    /// The reference to it. A Job that cleans for an owner of which all that refers to it is deleted first would be deleted at once.
    fn references(&self) -> Vec<OwnerReference> {
        (!self.is_last).then(|| self.reference.clone()).into_iter().collect()
    }
}

/// Which Job is to be made.
#[derive(Debug)]
pub(in crate::controllers) struct Order<'a> {
    /// What the RemoteMachine says.
    pub(in crate::controllers) provision_job: &'a ProvisionJob,
    /// The object that it is made for.
    pub(in crate::controllers) owner: &'a Owner,
    /// Its name.
    pub(in crate::controllers) name: String,
    /// Whose the host is, as the host itself has it.
    pub(in crate::controllers) host_owner: &'a str,
    /// Which work it is: of the same text, it is the same.
    pub(in crate::controllers) id: &'a str,
    /// The program.
    pub(in crate::controllers) carrier: Carrier,
}

/// A Job and its Secret, as they are to be made.
#[derive(Clone, Debug)]
pub(in crate::controllers) struct Shaped {
    /// Namespace and name of the Job.
    pub(in crate::controllers) key: Key,
    /// The Job.
    pub(in crate::controllers) job: Value,
    /// The Secret.
    pub(in crate::controllers) secret: SecretObject,
}

/// The name of the Job: the template's own, or this one; that of a cleaning ends otherwise.
pub(in crate::controllers) fn name(provision_job: &ProvisionJob, otherwise: &str, mode: Mode) -> Result<String, ShapeError> {
    let template: Option<JobTemplateSpec> = provision_job.job_spec_template.as_ref().map(|it| it.decode()).transpose()?;
    let given = template
        .and_then(|template| template.metadata?.name)
        .filter(|name| !name.is_empty());
    if given.as_ref().is_some_and(|name| name.len() > MAX_NAME) {
        return Err(ShapeError::Name);
    }
    let name = given.as_deref().unwrap_or(otherwise);
    Ok(match mode {
        Mode::Apply => fitting(name),
        Mode::Reset => fitting(&format!("{name}-clean-up")),
    })
}

/// A name that a label may have: a longer one ends in its own hash.
fn fitting(name: &str) -> String {
    const HASHED: usize = 10;
    if name.len() <= MAX_NAME {
        return name.to_owned();
    }
    let kept: String = name.chars().take(MAX_NAME - HASHED - 1).collect();
    let hash = Sha256::digest(name.as_bytes());
    let mut fitting = format!("{}-", kept.trim_end_matches(['-', '.']));
    for byte in hash.iter().take(HASHED / 2) {
        let _ = write!(fitting, "{byte:02x}");
    }
    fitting
}

/// Makes both.
///
/// # Errors
/// [`ShapeError`].
pub(in crate::controllers) fn shape(order: Order<'_>) -> Result<Shaped, ShapeError> {
    let Order {
        provision_job,
        owner,
        name,
        host_owner,
        id,
        carrier,
    } = order;
    let template = provision_job.job_spec_template.as_ref().ok_or(ShapeError::NoTemplate)?;
    let typed = template.decode()?;
    check(&typed, &owner.namespace)?;
    let secret_name = format!("{name}-job-bootstrap-data");
    let (_, machine) = host_owner.rsplit_once('/').unwrap_or(("", host_owner));
    let label = || (REMOTE_MACHINE.to_owned(), fitting(machine));
    let annotations: BTreeMap<String, String> = [
        (HOST_OWNER.to_owned(), host_owner.to_owned()),
        (WORK.to_owned(), id.to_owned()),
    ]
    .into();
    let secret = secret(carrier, {
        ObjectMeta {
            name: Some(secret_name.clone()),
            namespace: Some(owner.namespace.clone()),
            labels: Some([label()].into()),
            annotations: Some(annotations.clone()),
            owner_references: Some(owner.references()),
            ..ObjectMeta::default()
        }
    })?;
    let given = typed.metadata.unwrap_or_default();
    let metadata = ObjectMeta {
        name: Some(name.clone()),
        namespace: Some(owner.namespace.clone()),
        labels: Some(given.labels.into_iter().flatten().chain([label()]).collect()),
        annotations: Some(given.annotations.into_iter().flatten().chain(annotations).collect()),
        owner_references: Some(owner.references()),
        ..ObjectMeta::default()
    };
    // What a newer Kubernetes has added stays as it is.
    let mut spec = match json!(template) {
        Value::Object(mut template) => std::mem::take(field(&mut template, "spec")),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Map::new(),
    };
    complete(&mut spec, label(), &secret_name);
    Ok(Shaped {
        key: Key {
            namespace: owner.namespace.clone(),
            name,
        },
        job: json!({ "apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec }),
        secret,
    })
}

fn check(template: &JobTemplateSpec, namespace: &str) -> Result<(), ShapeError> {
    let meta = template.metadata.as_ref();
    if let Some(given) = meta
        .and_then(|meta| meta.namespace.as_ref())
        .filter(|given| *given != namespace)
    {
        return Err(ShapeError::Namespace {
            given: given.clone(),
            own: namespace.to_owned(),
        });
    }
    let spec = template.spec.as_ref().ok_or(ShapeError::NoContainer)?;
    for (count, name) in [(spec.parallelism, "parallelism"), (spec.completions, "completions")] {
        if count.is_some_and(|count| count != 1) {
            return Err(ShapeError::Many(name));
        }
    }
    let pod = spec.template.spec.as_ref().ok_or(ShapeError::NoContainer)?;
    let first = pod.containers.first().ok_or(ShapeError::NoContainer)?;
    if pod.volumes.iter().flatten().any(|volume| volume.name == VOLUME) {
        return Err(ShapeError::Volume("volumes"));
    }
    let is_taken = |path: &str| path.trim_end_matches('/') == FOLDER;
    if first.volume_mounts.iter().flatten().any(|mount| is_taken(&mount.mount_path)) {
        return Err(ShapeError::Volume("containers[0].volumeMounts"));
    }
    Ok(())
}

/// Puts the program into a Job's spec.
fn complete(spec: &mut Map<String, Value>, (label, value): (String, String), secret: &str) {
    if let Some(seconds) = spec.get("ttlSecondsAfterFinished").and_then(Value::as_i64) {
        spec.insert("ttlSecondsAfterFinished".to_owned(), seconds.max(MIN_TTL).into());
    }
    let template = field(spec, "template");
    field(field(template, "metadata"), "labels").insert(label, value.into());
    let pod = field(template, "spec");
    // The log of one that has failed stays where it is.
    pod.entry("restartPolicy").or_insert_with(|| "Never".into());
    let item = |name: &str, mode: u32| json!({ "key": name, "path": name, "mode": mode });
    let items = [item(ENTRYPOINT, 0o755), item("landing", 0o644), item("program", 0o644)];
    list(pod, "volumes").push(json!({ "name": VOLUME, "secret": { "secretName": secret, "items": items } }));
    if let Some(Value::Object(first)) = list(pod, "containers").first_mut() {
        first.insert("args".to_owned(), json!([format!("{FOLDER}/{ENTRYPOINT}")]));
        list(first, "volumeMounts").push(json!({ "name": VOLUME, "mountPath": FOLDER, "readOnly": true }));
    }
}

/// The object in this field, which is made if there is none.
fn field<'a>(object: &'a mut Map<String, Value>, name: &str) -> &'a mut Map<String, Value> {
    let value = object.entry(name).or_insert(Value::Null);
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    #[allow(clippy::unreachable)] // it was made an object just now
    match value {
        Value::Object(object) => object,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => unreachable!(),
    }
}

/// The list in this field, which is made if there is none.
fn list<'a>(object: &'a mut Map<String, Value>, name: &str) -> &'a mut Vec<Value> {
    let value = object.entry(name).or_insert(Value::Null);
    if !value.is_array() {
        *value = Value::Array(Vec::new());
    }
    #[allow(clippy::unreachable)] // it was made a list just now
    match value {
        Value::Array(list) => list,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => unreachable!(),
    }
}

/// Nobody can change it while it is read: it is made anew instead.
fn secret(carrier: Carrier, metadata: ObjectMeta) -> Result<SecretObject, ShapeError> {
    let files = carrier.files.into_iter().chain([(ENTRYPOINT, carrier.entrypoint)]);
    let data: BTreeMap<String, ByteString> = files
        .map(|(name, content)| (name.to_owned(), ByteString(content.expose().to_vec())))
        .collect();
    let size = data.values().map(|value| value.0.len()).sum();
    if size > MAX_SECRET {
        return Err(ShapeError::TooLarge(size));
    }
    Ok(SecretObject {
        metadata,
        data: Some(data),
        immutable: Some(true),
        ..SecretObject::default()
    })
}

#[cfg(test)]
#[path = "shape_tests.rs"]
mod tests;
