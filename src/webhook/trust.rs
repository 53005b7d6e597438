//! Keeps the CA of the webhook where the API server looks for it: in the CustomResourceDefinitions.
//!
//! All replicas share one CA, which is in a Secret: who makes a new one first wins, the others take it. The API server is told of a
//! new CA before any certificate that it has signed is shown, and goes on to trust the CA before it; so no request fails meanwhile.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::TryStreamExt;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, ObjectMeta, Patch, PatchParams, PostParams};
use kube::core::PartialObjectMeta;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Client, ResourceExt};
use serde_json::json;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::authority::{Authority, AuthorityError, Leaf};
use super::identity::{Identity, IdentityError};
use crate::cli::WebhookArgs;

/// Keys of the Secret. Those of the CA itself are named as in any TLS Secret.
const BUNDLE: &str = "ca.crt";
const CERTIFICATE: &str = "tls.crt";
const KEY: &str = "tls.key";
/// By which cert-manager is asked to put its CA into a definition.
/// Source: <https://cert-manager.io/docs/concepts/ca-injector/>
const INJECT: &str = "cert-manager.io/inject-ca-from";
/// When the CA was made, in seconds since 1970.
const MADE: &str = "anywhere.k0smotron.io/made";

/// How often another replica may win before that is an error.
const TRIES: usize = 5;

/// How long one request may take.
const DEADLINE: Duration = Duration::from_secs(15);

/// What happens within this time is looked at together.
const TOGETHER: Duration = Duration::from_millis(500);

/// How long after the definitions were told of a new CA the first certificate of it is shown: each API server hears of a changed
/// definition by a watch, in its own time.
const SETTLE: Duration = Duration::from_secs(10);

/// What the API server did not let be done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TrustError {
    /// A request failed.
    #[error("{what}: {source}")]
    Api {
        /// What was to be done.
        what: String,
        /// Why it was not.
        source: Box<kube::Error>,
    },
    /// It did not answer.
    #[error("{0}: no answer within 15 s")]
    Deadline(String),
    /// Others were faster, time and again.
    #[error("Secret {0}: changed by somebody else, time and again")]
    Contended(String),
    /// The CA.
    #[error("{0}")]
    Authority(#[from] AuthorityError),
    /// The certificate.
    #[error("{0}")]
    Identity(#[from] IdentityError),
}

/// The Secret, the definitions, and how they are kept.
pub(super) struct Trust {
    secrets: Api<Secret>,
    definitions: Api<CustomResourceDefinition>,
    /// The definitions without what is in them: that one has changed is all that is watched for.
    touched: Api<PartialObjectMeta<CustomResourceDefinition>>,
    secret: String,
    /// Names and addresses that the API server calls the webhook by.
    names: Vec<String>,
    url: Option<String>,
    lifetime: SignedDuration,
    shown: Option<Shown>,
    waiting: Option<Waiting>,
}

/// A certificate that is to be shown as soon as everybody can be expected to know its CA.
struct Waiting {
    /// The certificate of the CA that has signed it.
    authority: String,
    signed: Timestamp,
    leaf: Leaf,
    told: Instant,
}

/// The certificate that is shown now.
struct Shown {
    /// The certificate of the CA that has signed it.
    authority: String,
    signed: Timestamp,
}

/// The CA and all CAs that are to be trusted.
struct Shared {
    authority: Authority,
    bundle: String,
    made: Timestamp,
}

impl Trust {
    pub(super) fn new(client: Client, args: &WebhookArgs) -> Self {
        let service = format!("{}.{}.svc", args.service_name, args.namespace);
        let mut names = vec![service.clone(), format!("{service}.cluster.local")];
        names.extend(args.url.as_deref().and_then(host_of).map(str::to_owned));
        Self {
            secrets: Api::namespaced(client.clone(), &args.namespace),
            definitions: Api::all(client.clone()),
            touched: Api::all(client),
            secret: args.secret_name.clone(),
            names,
            url: args.url.clone(),
            lifetime: SignedDuration::from_secs(args.ca_lifetime_seconds),
            shown: None,
            waiting: None,
        }
    }

    /// Makes the CA if there is none that lasts, tells the definitions of it, and only then has a certificate of it shown. When it
    /// is to be called again.
    pub(super) async fn establish(&mut self, identity: &Identity, now: Timestamp) -> Result<Duration, TrustError> {
        let third = self.lifetime.unsigned_abs() / 3;
        let shared = self.shared(now).await?;
        let is_shown = self.shown.as_ref().is_some_and(|shown| {
            shown.authority == shared.authority.certificate && now.duration_since(shown.signed) < self.lifetime / 3
        });
        if is_shown {
            self.tell(&shared.bundle).await?;
            return Ok(third);
        }
        let waiting = self.waiting.take();
        let waiting = match waiting.filter(|waiting| waiting.authority == shared.authority.certificate) {
            Some(waiting) => {
                self.tell(&shared.bundle).await?;
                waiting
            }
            None => {
                // What cannot be signed is told to nobody.
                let leaf = shared.authority.sign(&self.names, now, self.lifetime)?;
                self.tell(&shared.bundle).await?;
                Waiting {
                    authority: shared.authority.certificate,
                    signed: now,
                    leaf,
                    told: Instant::now(),
                }
            }
        };
        let known = self.shown.as_ref().is_none_or(|shown| shown.authority == waiting.authority);
        let left = SETTLE.min(third / 3).saturating_sub(waiting.told.elapsed());
        if !known && !left.is_zero() {
            self.waiting = Some(waiting);
            return Ok(left);
        }
        identity.show(&waiting.leaf)?;
        tracing::info!("the webhook shows a new certificate");
        self.shown = Some(Shown {
            authority: waiting.authority,
            signed: waiting.signed,
        });
        Ok(third)
    }

    /// Renews what grows old, and tells the definitions anew when somebody has applied them without the CA.
    pub(super) async fn keep(mut self, identity: &Identity, cancel: &CancellationToken) -> Result<(), TrustError> {
        let config = watcher::Config::default().labels("app.kubernetes.io/part-of=anywhere");
        let mut changes = Box::pin(watcher(self.touched.clone(), config).default_backoff().touched_objects());
        let third = self.lifetime.unsigned_abs() / 3;
        let mut next = Instant::now() + third;
        loop {
            tokio::select! {
                () = cancel.cancelled() => return Ok(()),
                change = changes.try_next() => {
                    match change {
                        // Definitions are applied many at a time: one look at all of them is enough.
                        Ok(Some(_)) => next = next.min(Instant::now() + TOGETHER),
                        Ok(None) => return Ok(()),
                        Err(error) => tracing::warn!(%error, "cannot watch the definitions"),
                    }
                }
                () = tokio::time::sleep_until(next) => {
                    let established = self.establish(identity, Timestamp::now());
                    next = Instant::now() + match cancel.run_until_cancelled(established).await {
                        None => return Ok(()),
                        Some(Ok(next)) => next,
                        Some(Err(error)) => {
                            tracing::warn!(%error, "the webhook keeps the certificate that it has");
                            (third / 10).max(TOGETHER)
                        }
                    };
                }
            }
        }
    }

    /// The CA of the Secret; a new one if there is none, or if it has less than a third of its life before it.
    async fn shared(&self, now: Timestamp) -> Result<Shared, TrustError> {
        for _ in 0..TRIES {
            let found = deadline(format!("read Secret {}", self.secret), self.secrets.get_opt(&self.secret)).await?;
            let held = found.as_ref().and_then(decode);
            if let Some(held) = &held
                && now.duration_since(held.made) < self.lifetime.checked_mul(2).unwrap_or(self.lifetime) / 3
            {
                return Ok(Shared {
                    authority: held.authority.clone(),
                    bundle: held.bundle.clone(),
                    made: held.made,
                });
            }
            let authority = Authority::new(now, self.lifetime)?;
            // Names that no certificate can have are told before anything is written.
            authority.sign(&self.names, now, self.lifetime)?;
            // Also the one whose certificate is shown still, where somebody has deleted the Secret.
            let shown = self.shown.as_ref().map(|shown| shown.authority.clone());
            let older = held.map(|held| held.authority.certificate).or(shown).unwrap_or_default();
            let made = Shared {
                bundle: format!("{}{older}", authority.certificate),
                authority,
                made: now,
            };
            let secret = encode(&self.secret, &made, found.as_ref().and_then(ResourceExt::resource_version));
            let params = PostParams::default();
            let written = match found {
                None => {
                    deadline(
                        format!("create Secret {}", self.secret),
                        self.secrets.create(&params, &secret),
                    )
                    .await
                }
                Some(_) => {
                    deadline(
                        format!("update Secret {}", self.secret),
                        self.secrets.replace(&self.secret, &params, &secret),
                    )
                    .await
                }
            };
            match written {
                Ok(_) => {
                    tracing::info!(secret = self.secret, "the webhook has a new CA");
                    return Ok(made);
                }
                Err(TrustError::Api { source, .. }) if is_conflict(&source) => {}
                Err(error) => return Err(error),
            }
        }
        Err(TrustError::Contended(self.secret.clone()))
    }

    /// Writes the bundle into the definitions that ask the webhook; where it is there already, nothing changes.
    async fn tell(&self, bundle: &str) -> Result<(), TrustError> {
        let mut client = json!({ "caBundle": ByteString(bundle.as_bytes().to_vec()) });
        if let (Some(url), Some(client)) = (&self.url, client.as_object_mut()) {
            client.insert("url".to_owned(), url.as_str().into());
            client.insert("service".to_owned(), serde_json::Value::Null);
        }
        let patch = json!({
            // Where the definitions were somebody else's before: cert-manager would put another CA in the place of this one.
            "metadata": { "annotations": { INJECT: null } },
            "spec": { "conversion": { "webhook": { "clientConfig": client } } },
        });
        for definition in crds::KINDS.into_iter().filter(|definition| !definition.is_one_schema()) {
            let name = definition.name();
            let what = format!("write the webhook's CA into CustomResourceDefinition {name}");
            let params = PatchParams::default();
            let patched = deadline(what, self.definitions.patch(&name, &params, &Patch::Merge(&patch))).await;
            match patched {
                // Not installed: not everybody wants all kinds.
                Err(TrustError::Api { source, .. }) if is_missing(&source) => {}
                patched => drop(patched?),
            }
        }
        Ok(())
    }
}

async fn deadline<T>(what: String, request: impl Future<Output = Result<T, kube::Error>>) -> Result<T, TrustError> {
    match tokio::time::timeout(DEADLINE, request).await {
        Ok(done) => done.map_err(|source| TrustError::Api {
            what,
            source: Box::new(source),
        }),
        Err(_) => Err(TrustError::Deadline(what)),
    }
}

fn is_conflict(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.is_conflict() || status.is_already_exists())
}

fn is_missing(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.is_not_found())
}

fn decode(secret: &Secret) -> Option<Shared> {
    let text = |key: &str| String::from_utf8(secret.data.as_ref()?.get(key)?.0.clone()).ok();
    let made = secret.annotations().get(MADE)?.parse().ok()?;
    Some(Shared {
        authority: Authority {
            certificate: text(CERTIFICATE)?,
            key: text(KEY)?,
        },
        bundle: text(BUNDLE)?,
        made: Timestamp::from_second(made).ok()?,
    })
}

fn encode(name: &str, shared: &Shared, resource_version: Option<String>) -> Secret {
    let data = [
        (BUNDLE, &shared.bundle),
        (CERTIFICATE, &shared.authority.certificate),
        (KEY, &shared.authority.key),
    ];
    Secret {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            annotations: Some(BTreeMap::from([(MADE.to_owned(), shared.made.as_second().to_string())])),
            labels: Some(BTreeMap::from([(
                "app.kubernetes.io/part-of".to_owned(),
                "anywhere".to_owned(),
            )])),
            resource_version,
            ..ObjectMeta::default()
        },
        type_: Some("Opaque".to_owned()),
        data: Some(
            data.into_iter()
                .map(|(key, text)| (key.to_owned(), ByteString(text.as_bytes().to_vec())))
                .collect(),
        ),
        ..Secret::default()
    }
}

/// The host of `https://host:port/path`, an IPv6 address without its brackets.
fn host_of(url: &str) -> Option<&str> {
    let rest = url.strip_prefix("https://")?;
    let authority = rest.split('/').next()?;
    match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next(),
        None => authority.rsplit_once(':').map_or(Some(authority), |(host, _)| Some(host)),
    }
}
