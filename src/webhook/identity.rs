//! The certificate that the webhook shows, which can change while it serves.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio_util::sync::CancellationToken;

use super::authority::Leaf;

/// How often the files of `--certificate-dir` are looked at: a Secret's volume tells nobody of its changes.
const LOOK: Duration = Duration::from_secs(10);

/// The certificate and its key; a clone shows the same one.
#[derive(Clone, Debug, Default)]
pub(super) struct Identity(Arc<RwLock<Option<Arc<CertifiedKey>>>>);

/// A certificate that cannot be shown.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IdentityError {
    /// A file.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// What it holds.
    #[error("the webhook's certificate cannot be used: {0}; it takes tls.crt and tls.key in PEM form that belong together")]
    Unusable(String),
}

impl Identity {
    /// Shows this one from now on.
    pub(super) fn show(&self, leaf: &Leaf) -> Result<(), IdentityError> {
        let unusable = |error: &dyn std::fmt::Display| IdentityError::Unusable(error.to_string());
        let chain = CertificateDer::pem_slice_iter(leaf.certificate.as_bytes()).collect::<Result<Vec<_>, _>>();
        let chain = chain.map_err(|error| unusable(&error))?;
        let key = PrivateKeyDer::from_pem_slice(leaf.key.as_bytes()).map_err(|error| unusable(&error))?;
        let key = CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider()).map_err(|error| unusable(&error))?;
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(key));
        Ok(())
    }

    /// What is shown.
    #[cfg(test)]
    pub(super) fn shown(&self) -> Option<CertificateDer<'static>> {
        let shown = self.0.read().unwrap_or_else(PoisonError::into_inner).clone()?;
        shown.cert.first().cloned()
    }

    /// Shows what is in `tls.crt` and `tls.key` of a folder.
    pub(super) fn load(&self, folder: &Path) -> Result<(), IdentityError> {
        self.show(&read(folder)?)
    }

    /// Shows what comes into that folder, until it is cancelled. What cannot be used is not shown: the one before it stays.
    pub(super) async fn follow(&self, folder: &Path, cancel: &CancellationToken) {
        let mut shown = read(folder).ok().map(|leaf| leaf.certificate);
        let mut clock = tokio::time::interval(LOOK);
        while cancel.run_until_cancelled(clock.tick()).await.is_some() {
            let found = read(folder).and_then(|leaf| {
                if shown.as_ref() != Some(&leaf.certificate) {
                    self.show(&leaf)?;
                    tracing::info!(folder = %folder.display(), "the webhook shows a new certificate");
                }
                Ok(leaf.certificate)
            });
            match found {
                Ok(certificate) => shown = Some(certificate),
                Err(error) => tracing::warn!(%error, "the webhook keeps the certificate that it has"),
            }
        }
    }
}

fn read(folder: &Path) -> Result<Leaf, IdentityError> {
    let read = |name: &str| {
        let path = folder.join(name);
        std::fs::read_to_string(&path).map_err(|source| IdentityError::Read { path, source })
    };
    Ok(Leaf {
        certificate: read("tls.crt")?,
        key: read("tls.key")?,
    })
}

impl ResolvesServerCert for Identity {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
