//! The conversion webhook: the API server asks it for objects in another version than they are stored in.
//!
//! [`review`] answers (pure), [`authority`] makes certificates (pure), [`server`] listens, [`shared`] has the CA in a Secret, [`trust`]
//! keeps it in the CustomResourceDefinitions.
//!
//! Source: <https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definition-versioning/>

mod authority;
mod identity;
mod review;
mod server;
mod shared;
mod trust;
mod trust_error;

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use kube::Client;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::cli::WebhookArgs;
use identity::Identity;
use trust::Trust;

/// How long requests that are under way have, once the webhook shall stop.
const GRACE: Duration = Duration::from_secs(4);

/// What ends the webhook.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WebhookError {
    /// The port.
    #[error("cannot listen on {address}: {source}; choose another one with --bind")]
    Listen {
        /// Where.
        address: std::net::SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
    /// The server itself.
    #[error("the webhook's server ended: {0}")]
    Serve(#[from] std::io::Error),
    /// The certificates given.
    #[error("{0}")]
    Identity(#[from] identity::IdentityError),
    /// The API server.
    #[error("cannot reach the API server: {0}; set KUBECONFIG, or run in a cluster")]
    NoCluster(String),
    /// The Secret of the CA, and the definitions.
    #[error("{0}")]
    Trust(#[from] trust_error::TrustError),
}

/// Where the certificate that is shown comes from, and what has to be done about it while it is shown.
enum Source<'a> {
    /// From the CA of the Secret, to be looked at then.
    Own(Box<Trust>, Timestamp),
    /// From somebody else, who puts it into this folder.
    Folder(&'a Path),
}

impl Source<'_> {
    async fn keep(self, identity: &Identity, cancel: &CancellationToken) {
        match self {
            Self::Own(trust, next) => trust.keep(next, identity, cancel).await,
            Self::Folder(folder) => identity.follow(folder, cancel).await,
        }
    }
}

/// Serves until it is cancelled. What fails while it serves, such as renewing a certificate, is told and tried again.
///
/// # Errors
/// [`WebhookError`] where it cannot begin.
pub(crate) async fn run(args: &WebhookArgs, cancel: &CancellationToken) -> Result<(), WebhookError> {
    let identity = Identity::default();
    let source = match args.certificate_dir.as_deref() {
        Some(folder) => {
            identity.load(folder)?;
            Source::Folder(folder)
        }
        None => {
            let client = Client::try_default()
                .await
                .map_err(|error| WebhookError::NoCluster(error.to_string()))?;
            let mut trust = Trust::new(client, args);
            let next = trust.establish(&identity, Timestamp::now()).await?;
            Source::Own(Box::new(trust), next)
        }
    };
    let listener = TcpListener::bind(args.bind).await.map_err(|source| WebhookError::Listen {
        address: args.bind,
        source,
    })?;
    let address = listener.local_addr()?;
    tracing::info!(%address, "the webhook listens");
    let served = server::serve(listener, &identity, args.max_body_bytes, cancel, GRACE);
    let (served, ()) = tokio::join!(served, source.keep(&identity, cancel));
    Ok(served?)
}
