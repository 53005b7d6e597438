//! Requests to the API server, each with a deadline: [`Api`].
//!
//! A write that follows from what was seen carries the resourceVersion of it, and fails where somebody else wrote since
//! ([`ApiError::Conflict`]): then it is looked at again.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::Secret as SecretObject;
use kube::api::{Patch, PatchParams};
use kube::{Client, Resource};
use remote::secret::Secret;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tracing::Instrument;

use super::metrics::Metrics;
use super::spans;
use crate::manifest::Key;

/// One request may take as long.
const LIMIT: Duration = Duration::from_secs(15);

/// Who we are, in managedFields.
pub(crate) const FIELD_MANAGER: &str = "anywhere-controller";

/// Why a request did not do what it was to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    /// Somebody else wrote the object since it was seen.
    #[error("{0} was changed by somebody else")]
    Conflict(String),
    /// It is not there.
    #[error("{0} is not there")]
    NotFound(String),
    /// The API server says no.
    #[error("the API server refuses {what}: {why}")]
    Refused {
        /// What was asked for.
        what: String,
        /// Its words.
        why: String,
    },
    /// It did not answer, or not so that it could be understood.
    #[error("{what}: {why}")]
    Failed {
        /// What was asked for.
        what: String,
        /// What went wrong.
        why: String,
    },
    /// It did not answer in time.
    #[error("{0}: no answer from the API server within {LIMIT:?}")]
    Late(String),
}

impl ApiError {
    /// Whether looking again at once may get further.
    pub(crate) fn is_conflict(&self) -> bool {
        matches!(self, Self::Conflict(_))
    }

    fn of(what: String, error: &kube::Error) -> Self {
        #[allow(clippy::wildcard_enum_match_arm)] // a foreign non_exhaustive enum: the others are failures on the way
        match error {
            kube::Error::Api(status) => match status.code {
                404 => Self::NotFound(what),
                409 => Self::Conflict(what),
                400..500 => Self::Refused {
                    what,
                    why: status.message.clone(),
                },
                _ => Self::Failed {
                    what,
                    why: status.message.clone(),
                },
            },
            other => Self::Failed {
                what,
                why: other.to_string(),
            },
        }
    }
}

/// The API server.
#[derive(Clone)]
pub(crate) struct Api {
    client: Client,
    metrics: Metrics,
}

/// Which part of an object is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Metadata and spec.
    Object,
    /// The status subresource.
    Status,
}

impl Api {
    pub(crate) fn new(client: Client, metrics: Metrics) -> Self {
        Self { client, metrics }
    }

    /// For requests that this type has no word for.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// The object as the API server itself has it now, not a cache; nothing if it is not there.
    ///
    /// # Errors
    /// Where that is not known.
    pub(crate) async fn confirm<K>(&self, key: &Key) -> Result<Option<K>, ApiError>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + DeserializeOwned + std::fmt::Debug,
    {
        let api: kube::Api<K> = kube::Api::namespaced(self.client.clone(), &key.namespace);
        let what = format!("{} {key}", K::kind(&()));
        self.within("get", &K::kind(&()), what, api.get_opt(&key.name)).await
    }

    /// The decoded data of a Secret, read now; nothing if it is not there.
    ///
    /// # Errors
    /// Where that is not known.
    pub(crate) async fn secret(&self, key: &Key) -> Result<Option<BTreeMap<String, Secret>>, ApiError> {
        let secret: Option<SecretObject> = self.confirm(key).await?;
        let data = |secret: SecretObject| secret.data.unwrap_or_default().into_iter();
        Ok(secret.map(|secret| data(secret).map(|(key, value)| (key, Secret::new(value.0))).collect()))
    }

    /// Changes an object by a JSON merge patch (RFC 7396), and gives what it is then. With `seen`, only if nobody wrote it since it had
    /// that resourceVersion.
    ///
    /// # Errors
    /// [`ApiError::Conflict`] if somebody did.
    pub(crate) async fn patch<K>(&self, key: &Key, part: Part, mut patch: Value, seen: Option<&str>) -> Result<K, ApiError>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + DeserializeOwned + std::fmt::Debug,
    {
        if let (Some(version), Some(patch)) = (seen, patch.as_object_mut()) {
            let metadata = patch.entry("metadata").or_insert_with(|| json!({}));
            if let Some(metadata) = metadata.as_object_mut() {
                metadata.insert("resourceVersion".to_owned(), version.into());
            }
        }
        let api: kube::Api<K> = kube::Api::namespaced(self.client.clone(), &key.namespace);
        let parameters = PatchParams {
            field_manager: Some(FIELD_MANAGER.to_owned()),
            ..PatchParams::default()
        };
        let patch = Patch::Merge(patch);
        let what = format!("{} {key}", K::kind(&()));
        match part {
            Part::Object => {
                self.within("patch", &K::kind(&()), what, api.patch(&key.name, &parameters, &patch))
                    .await
            }
            Part::Status => {
                self.within(
                    "patch-status",
                    &K::kind(&()),
                    what,
                    api.patch_status(&key.name, &parameters, &patch),
                )
                .await
            }
        }
    }

    /// Any other request: within the deadline, and counted.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub(crate) async fn within<T>(
        &self,
        verb: &'static str,
        kind: &str,
        what: String,
        request: impl Future<Output = Result<T, kube::Error>>,
    ) -> Result<T, ApiError> {
        let span = spans::request(verb, kind, &what);
        let result = match tokio::time::timeout(LIMIT, request.instrument(span.clone())).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(ApiError::of(what, &error)),
            Err(_) => Err(ApiError::Late(what)),
        };
        let word = match &result {
            Ok(_) => "ok",
            Err(ApiError::Conflict(_)) => "conflict",
            Err(ApiError::NotFound(_)) => "not-found",
            Err(ApiError::Refused { .. }) => "refused",
            Err(ApiError::Failed { .. } | ApiError::Late(_)) => "failed",
        };
        self.metrics.requested(verb, kind, word);
        spans::requested(&span, word, result.is_err());
        result
    }
}
