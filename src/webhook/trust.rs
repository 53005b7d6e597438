//! Keeps the CA of the webhook where the API server looks for it: in the CustomResourceDefinitions.
//!
//! The API server is told of a new CA before any certificate that it has signed is shown, and goes on to trust the CA before it; so no
//! request fails meanwhile.

use std::time::Duration;

use futures::TryStreamExt;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::ByteString;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Client;
use kube::api::{Api, Patch, PatchParams};
use kube::core::PartialObjectMeta;
use kube::runtime::{WatchStreamExt, watcher};
use serde_json::json;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::authority::Leaf;
use super::identity::Identity;
use super::shared::{Shared, Store};
use super::trust_error::{TrustError, deadline};
use crate::cli::WebhookArgs;

/// By which cert-manager is asked to put its CA into a definition.
/// Source: <https://cert-manager.io/docs/concepts/ca-injector/>
const INJECT: &str = "cert-manager.io/inject-ca-from";

/// What happens within this time is looked at together.
const TOGETHER: Duration = Duration::from_millis(500);

/// After what failed it is tried again this much later.
const AGAIN: Duration = Duration::from_secs(10);

/// How often all is looked at, though nothing is due: the Secret may have been deleted, or the clock set.
const LOOK: SignedDuration = SignedDuration::from_hours(1);

/// How long after the definitions were told of a new CA the first certificate of it is shown: each API server hears of a changed
/// definition by a watch, in its own time.
const SETTLE: SignedDuration = SignedDuration::from_secs(10);

/// The Secret, the definitions, and how they are kept.
pub(super) struct Trust {
    store: Store,
    definitions: Api<CustomResourceDefinition>,
    /// The definitions without what is in them: that one has changed is all that is watched for.
    touched: Api<PartialObjectMeta<CustomResourceDefinition>>,
    /// Names and addresses that the API server calls the webhook by.
    names: Vec<String>,
    url: Option<String>,
    lifetime: SignedDuration,
    shown: Option<Shown>,
    waiting: Option<Waiting>,
}

/// A certificate that is to be shown as soon as everybody can be expected to know its CA.
struct Waiting {
    shown: Shown,
    leaf: Leaf,
    told: Timestamp,
}

/// The certificate that is shown now.
struct Shown {
    /// The certificate of the CA that has signed it.
    authority: String,
    /// When another one is made.
    until: Timestamp,
}

impl Trust {
    pub(super) fn new(client: Client, args: &WebhookArgs) -> Self {
        let service = format!("{}.{}.svc", args.service_name, args.namespace);
        let mut names = vec![service.clone(), format!("{service}.cluster.local")];
        names.extend(args.url.as_deref().and_then(host_of).map(str::to_owned));
        let lifetime = SignedDuration::from_secs(args.ca_lifetime_seconds);
        Self {
            store: Store {
                secrets: Api::namespaced(client.clone(), &args.namespace),
                name: args.secret_name.clone(),
                lifetime,
            },
            definitions: Api::all(client.clone()),
            touched: Api::all(client),
            names,
            url: args.url.clone(),
            lifetime,
            shown: None,
            waiting: None,
        }
    }

    /// Makes the CA if there is none that lasts, tells the definitions of it, and only then has a certificate of it shown. When it
    /// is to be called again.
    pub(super) async fn establish(&mut self, identity: &Identity, now: Timestamp) -> Result<Timestamp, TrustError> {
        let began = Instant::now();
        let shown = self.shown.as_ref().map(|shown| shown.authority.as_str());
        let shared = self.store.current(now, shown, &self.names).await?;
        let certificate = &shared.authority.certificate;
        if let Some(shown) = self
            .shown
            .as_ref()
            .filter(|shown| shown.authority == *certificate && now < shown.until)
        {
            self.tell(&shared.bundle).await?;
            return Ok(shown.until.min(shared.validity.last_third()));
        }
        let waiting = self.waiting.take().filter(|waiting| waiting.shown.authority == *certificate);
        let waiting = match waiting {
            Some(waiting) => {
                self.tell(&shared.bundle).await?;
                waiting
            }
            None => {
                // What cannot be signed is told to nobody.
                let (leaf, shown) = self.sign(&shared, now)?;
                self.tell(&shared.bundle).await?;
                let told = now.saturating_add(began.elapsed()).unwrap_or(now);
                Waiting { shown, leaf, told }
            }
        };
        let is_known = self.shown.as_ref().is_none_or(|shown| shown.authority == *certificate);
        let settled = waiting.told.saturating_add(SETTLE.min(self.lifetime / 9)).unwrap_or(now);
        if !is_known && now < settled {
            self.waiting = Some(waiting);
            return Ok(settled);
        }
        identity.show(&waiting.leaf)?;
        tracing::info!("the webhook shows a new certificate");
        let until = waiting.shown.until;
        self.shown = Some(waiting.shown);
        Ok(until.min(shared.validity.last_third()))
    }

    /// A certificate of this CA, good for as long as a new CA would be but not longer than this one, and shown for a third of a new
    /// CA's life: this one is followed by another before it ends.
    fn sign(&self, shared: &Shared, now: Timestamp) -> Result<(Leaf, Shown), TrustError> {
        let lifetime = self.lifetime.min(shared.validity.until.duration_since(now));
        let leaf = shared.authority.sign(&self.names, now, lifetime)?;
        let shown = Shown {
            authority: shared.authority.certificate.clone(),
            until: now.saturating_add(self.lifetime / 3).unwrap_or(now),
        };
        Ok((leaf, shown))
    }

    /// Renews what grows old, first at `next`, and tells the definitions anew when somebody has applied them without the CA; until it
    /// is cancelled. What fails is tried again, and told.
    pub(super) async fn keep(mut self, next: Timestamp, identity: &Identity, cancel: &CancellationToken) {
        let config = watcher::Config::default().labels("app.kubernetes.io/part-of=anywhere");
        let mut changes = Box::pin(watcher(self.touched.clone(), config).default_backoff().touched_objects());
        let mut next = Instant::now() + left(Timestamp::now(), next);
        loop {
            tokio::select! {
                () = cancel.cancelled() => return,
                change = changes.try_next() => {
                    match change {
                        // Definitions are applied many at a time: one look at all of them is enough.
                        Ok(Some(_)) => next = next.min(Instant::now() + TOGETHER),
                        Ok(None) => return,
                        Err(error) => tracing::warn!(%error, "cannot watch the definitions"),
                    }
                }
                () = tokio::time::sleep_until(next) => {
                    let now = Timestamp::now();
                    next = match cancel.run_until_cancelled(self.establish(identity, now)).await {
                        None => return,
                        Some(Ok(next)) => Instant::now() + left(now, next),
                        Some(Err(error)) => {
                            tracing::warn!(%error, "the webhook keeps the certificate that it has");
                            Instant::now() + AGAIN
                        }
                    };
                }
            }
        }
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
                Err(error) if error.is_missing() => {}
                patched => drop(patched?),
            }
        }
        Ok(())
    }
}

/// How long it is until the next look, by a clock that may be set meanwhile.
fn left(now: Timestamp, next: Timestamp) -> Duration {
    let left = next.duration_since(now).clamp(SignedDuration::ZERO, LOOK);
    left.unsigned_abs().max(TOGETHER)
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

#[cfg(test)]
#[path = "trust_tests.rs"]
mod tests;
