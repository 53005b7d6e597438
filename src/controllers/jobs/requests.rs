//! What is asked of the API server about Jobs.

use k8s_openapi::api::core::v1::{Pod as CorePod, Secret as SecretObject};
use kube::Resource;
use kube::api::{DeleteParams, ListParams, LogParams, PostParams, Preconditions, PropagationPolicy};
use serde_json::Value;

use super::kinds::{Job, Pod};
use super::outcome::Ended;
use super::shape::REMOTE_MACHINE;
use crate::controllers::api::{Api, ApiError, FIELD_MANAGER};
use crate::manifest::Key;

/// The most of a log that is read: its last lines, and bytes of these.
const LINES: i64 = 300;
const BYTES: i64 = 1 << 20;

fn parameters() -> PostParams {
    PostParams {
        field_manager: Some(FIELD_MANAGER.to_owned()),
        ..PostParams::default()
    }
}

/// Makes a Job.
///
/// # Errors
/// [`ApiError::Conflict`] if there is one of its name.
pub(super) async fn create_job(api: &Api, key: &Key, job: &Value) -> Result<Job, ApiError> {
    let what = format!("Job {key}");
    let failed = |why: String| ApiError::Failed { what: what.clone(), why };
    let body = serde_json::to_vec(job).map_err(|error| failed(error.to_string()))?;
    let request = kube::core::Request::new(Job::url_path(&(), Some(&key.namespace)));
    let request = request
        .create(&parameters(), body)
        .map_err(|error| failed(error.to_string()))?;
    api.within("create", "Job", what.clone(), api.client().request::<Job>(request))
        .await
}

/// Makes a Secret, and gives its UID.
///
/// # Errors
/// [`ApiError::Conflict`] if there is one of its name.
pub(super) async fn create_secret(api: &Api, secret: &SecretObject, key: &Key) -> Result<String, ApiError> {
    let secrets: kube::Api<SecretObject> = kube::Api::namespaced(api.client().clone(), &key.namespace);
    let what = format!("Secret {key}");
    let parameters = parameters();
    let made = secrets.create(&parameters, secret);
    let made = api.within("create", "Secret", what, made).await?;
    Ok(made.metadata.uid.unwrap_or_default())
}

/// Deletes an object, if it is this one still, and afterwards what is its.
pub(super) async fn delete<K>(api: &Api, key: &Key, uid: &str) -> Result<(), ApiError>
where
    K: Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>
        + Clone
        + serde::de::DeserializeOwned
        + std::fmt::Debug,
{
    let objects: kube::Api<K> = kube::Api::namespaced(api.client().clone(), &key.namespace);
    let parameters = DeleteParams {
        propagation_policy: Some(PropagationPolicy::Background),
        preconditions: Some(Preconditions {
            uid: Some(uid.to_owned()),
            resource_version: None,
        }),
        ..DeleteParams::default()
    };
    let kind = K::kind(&());
    let deleted = objects.delete(&key.name, &parameters);
    match api.within("delete", &kind, format!("{kind} {key}"), deleted).await {
        // Gone, or another one by now.
        Ok(_) | Err(ApiError::NotFound(_) | ApiError::Conflict(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

/// The Pods of a Job, as the API server itself has them now.
pub(super) async fn pods(api: &Api, job: &Key, uid: &str) -> Result<Vec<Pod>, ApiError> {
    let pods: kube::Api<Pod> = kube::Api::namespaced(api.client().clone(), &job.namespace);
    let parameters = ListParams::default().labels(&format!("{REMOTE_MACHINE},batch.kubernetes.io/job-name={}", job.name));
    let what = format!("the Pods of Job {job}");
    let found = api.within("list", "Pod", what, pods.list(&parameters)).await?;
    let is_its = |pod: &Pod| pod.metadata.owner_references.iter().flatten().any(|owner| owner.uid == uid);
    Ok(found.items.into_iter().filter(is_its).collect())
}

/// The last lines that a container wrote.
pub(super) async fn log(api: &Api, namespace: &str, ended: &Ended) -> Result<String, ApiError> {
    let pods: kube::Api<CorePod> = kube::Api::namespaced(api.client().clone(), namespace);
    let parameters = LogParams {
        container: Some(ended.container.clone()),
        previous: ended.is_former,
        tail_lines: Some(LINES),
        limit_bytes: Some(BYTES),
        ..LogParams::default()
    };
    let what = format!("the log of Pod {namespace}/{}", ended.pod);
    api.within("log", "Pod", what, pods.logs(&ended.pod, &parameters)).await
}
