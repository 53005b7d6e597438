//! What the API server did not let be done; and how long it may take.

use std::time::Duration;

use super::authority::AuthorityError;
use super::identity::IdentityError;

/// How long one request may take.
const DEADLINE: Duration = Duration::from_secs(15);

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
    #[error("{0}: no answer within {seconds} s", seconds = DEADLINE.as_secs())]
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

impl TrustError {
    /// Somebody else has changed or made the object meanwhile.
    pub(super) fn is_conflict(&self) -> bool {
        self.is(|status| status.is_conflict() || status.is_already_exists())
    }

    /// There is no such object.
    pub(super) fn is_missing(&self) -> bool {
        self.is(kube::core::Status::is_not_found)
    }

    fn is(&self, so: impl Fn(&kube::core::Status) -> bool) -> bool {
        match self {
            Self::Api { source, .. } => matches!(&**source, kube::Error::Api(status) if so(status)),
            Self::Deadline(_) | Self::Contended(_) | Self::Authority(_) | Self::Identity(_) => false,
        }
    }
}

/// The answer to a request, which is for that.
///
/// # Errors
/// [`TrustError::Api`], [`TrustError::Deadline`].
pub(super) async fn deadline<T>(what: String, request: impl Future<Output = Result<T, kube::Error>>) -> Result<T, TrustError> {
    match tokio::time::timeout(DEADLINE, request).await {
        Ok(done) => done.map_err(|source| TrustError::Api {
            what,
            source: Box::new(source),
        }),
        Err(_) => Err(TrustError::Deadline(what)),
    }
}
