//! The conversion webhook: the API server asks it for objects in another version than they are stored in.
//!
//! [`review`] answers (pure), [`authority`] makes certificates (pure), [`server`] listens, [`trust`] keeps the CA that has signed the
//! certificate in the CustomResourceDefinitions.
//!
//! Source: <https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definition-versioning/>

mod authority;
mod identity;
mod review;
mod server;
mod trust;

use std::time::Duration;

use jiff::Timestamp;
use kube::Client;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::cli::WebhookArgs;
use identity::Identity;

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
    Trust(#[from] trust::TrustError),
}

/// Serves until it is cancelled.
///
/// # Errors
/// [`WebhookError`] where it cannot begin, and where certificates can no longer be renewed.
pub(crate) async fn run(args: &WebhookArgs, cancel: &CancellationToken) -> Result<(), WebhookError> {
    let identity = Identity::default();
    let given = args.certificate_dir.as_deref();
    let trust = match given {
        Some(folder) => {
            identity.load(folder)?;
            None
        }
        None => {
            let client = Client::try_default()
                .await
                .map_err(|error| WebhookError::NoCluster(error.to_string()))?;
            let mut trust = trust::Trust::new(client, args);
            trust.establish(&identity, Timestamp::now()).await?;
            Some(trust)
        }
    };
    let listener = TcpListener::bind(args.bind).await.map_err(|source| WebhookError::Listen {
        address: args.bind,
        source,
    })?;
    let address = listener.local_addr()?;
    tracing::info!(%address, "the webhook listens");
    let served = server::serve(listener, &identity, args.max_body_bytes, cancel, GRACE);
    let kept = async {
        match (trust, given) {
            (Some(trust), _) => trust.keep(&identity, cancel).await.map_err(WebhookError::from),
            (None, Some(folder)) => {
                identity.follow(folder, cancel).await;
                Ok(())
            }
            (None, None) => Ok(()),
        }
    };
    tokio::try_join!(async { served.await.map_err(WebhookError::from) }, kept)?;
    Ok(())
}
