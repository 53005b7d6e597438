//! The CA that all replicas share, in a Secret: who makes a new one first wins, the others take it.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use kube::api::{Api, ObjectMeta, PostParams};

use super::authority::{Authority, Validity};
use super::trust_error::{TrustError, deadline};

/// Keys of the Secret. Those of the CA itself are named as in any TLS Secret.
const BUNDLE: &str = "ca.crt";
const CERTIFICATE: &str = "tls.crt";
const KEY: &str = "tls.key";

/// How often another replica may win before that is an error.
const TRIES: usize = 5;

/// The CA, and all CAs that are to be trusted.
#[derive(Clone)]
pub(super) struct Shared {
    /// The one that signs.
    pub(super) authority: Authority,
    /// When it is good.
    pub(super) validity: Validity,
    /// Its certificate, and those of CAs before it, as PEM.
    pub(super) bundle: String,
}

/// Where it is, and what a new one is like.
pub(super) struct Store {
    pub(super) secrets: Api<Secret>,
    /// The Secret's name.
    pub(super) name: String,
    /// How long a new CA is good for.
    pub(super) lifetime: SignedDuration,
}

impl Store {
    /// The CA of the Secret; a new one if there is none, or if it is in the last third of its life. `shown` is the certificate of the
    /// CA that has signed what is shown now: it is trusted along with a new one. `names` are those that a certificate will be for.
    ///
    /// # Errors
    /// Where the API server does not let it be read or written, the CA cannot be read, or the names are none.
    pub(super) async fn current(&self, now: Timestamp, shown: Option<&str>, names: &[String]) -> Result<Shared, TrustError> {
        let name = &self.name;
        for _ in 0..TRIES {
            let found = deadline(format!("read Secret {name}"), self.secrets.get_opt(name)).await?;
            let held = match found.as_ref().and_then(decode) {
                Some((authority, bundle)) => Some(Shared {
                    validity: authority.validity()?,
                    authority,
                    bundle,
                }),
                None => None,
            };
            let older = match held {
                Some(held) if now < held.validity.last_third() => return Ok(held),
                Some(held) => held.authority.certificate,
                // The Secret was deleted.
                None => shown.unwrap_or_default().to_owned(),
            };
            let authority = Authority::new(now, self.lifetime)?;
            // Names that no certificate can have are told before anything is written.
            authority.sign(names, now, self.lifetime)?;
            let made = Shared {
                validity: authority.validity()?,
                bundle: format!("{}{older}", authority.certificate),
                authority,
            };
            match self.write(&made, found.as_ref()).await {
                Ok(()) => {
                    tracing::info!(secret = name, "the webhook has a new CA");
                    return Ok(made);
                }
                Err(error) if error.is_conflict() => {}
                Err(error) => return Err(error),
            }
        }
        Err(TrustError::Contended(name.clone()))
    }

    async fn write(&self, made: &Shared, before: Option<&Secret>) -> Result<(), TrustError> {
        let (name, params) = (&self.name, PostParams::default());
        let secret = encode(name, made, before.and_then(ResourceExt::resource_version));
        let written = match before {
            None => deadline(format!("create Secret {name}"), self.secrets.create(&params, &secret)).await,
            Some(_) => deadline(format!("update Secret {name}"), self.secrets.replace(name, &params, &secret)).await,
        };
        written.map(drop)
    }
}

/// The CA and the bundle.
fn decode(secret: &Secret) -> Option<(Authority, String)> {
    let text = |key: &str| String::from_utf8(secret.data.as_ref()?.get(key)?.0.clone()).ok();
    let authority = Authority {
        certificate: text(CERTIFICATE)?,
        key: text(KEY)?,
    };
    Some((authority, text(BUNDLE)?))
}

fn encode(name: &str, shared: &Shared, resource_version: Option<String>) -> Secret {
    let data = [
        (BUNDLE, &shared.bundle),
        (CERTIFICATE, &shared.authority.certificate),
        (KEY, &shared.authority.key),
    ];
    let part_of = ("app.kubernetes.io/part-of".to_owned(), "anywhere".to_owned());
    Secret {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            labels: Some(BTreeMap::from([part_of])),
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
