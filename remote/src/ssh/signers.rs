//! Who signs for a certificate: the library's own way signs with SHA-1 where the key is an RSA key, and asks an agent only for the
//! certificates that the agent has itself.

use std::sync::Arc;

use russh::keys::agent::AgentIdentity;
use russh::keys::agent::client::AgentClient;
use russh::keys::signature::Signer as _;
use russh::keys::ssh_key::encoding::Encode as _;
use russh::keys::ssh_key::private::KeypairData;
use russh::keys::{HashAlg, PrivateKey};
use russh::{AgentAuthError, Signer};
use tokio::net::UnixStream;

/// A private key that we hold.
pub(crate) struct LocalKey<'a>(pub(crate) &'a Arc<PrivateKey>);

impl LocalKey<'_> {
    fn sign(&self, hash: Option<HashAlg>, mut request: Vec<u8>) -> Result<Vec<u8>, russh::keys::Error> {
        #[allow(clippy::wildcard_enum_match_arm)] // foreign and non_exhaustive: only RSA has a choice
        let signature = match self.0.key_data() {
            KeypairData::Rsa(pair) => (pair, Some(hash.unwrap_or(HashAlg::Sha512))).try_sign(&request),
            other => other.try_sign(&request),
        };
        let signature = signature.map_err(russh::keys::ssh_key::Error::from)?;
        let encoded = signature.encode_vec().map_err(russh::keys::ssh_key::Error::from)?;
        encoded.encode(&mut request).map_err(russh::keys::ssh_key::Error::from)?;
        Ok(request)
    }
}

impl Signer for LocalKey<'_> {
    type Error = AgentAuthError;

    async fn auth_sign(&mut self, _: &AgentIdentity, hash: Option<HashAlg>, request: Vec<u8>) -> Result<Vec<u8>, AgentAuthError> {
        self.sign(hash, request).map_err(AgentAuthError::from)
    }
}

/// A key that an agent holds, whatever is shown to the server with it.
pub(crate) struct AgentKey<'a> {
    pub(crate) client: &'a mut AgentClient<UnixStream>,
    pub(crate) key: &'a AgentIdentity,
}

impl Signer for AgentKey<'_> {
    type Error = AgentAuthError;

    async fn auth_sign(&mut self, _: &AgentIdentity, hash: Option<HashAlg>, request: Vec<u8>) -> Result<Vec<u8>, AgentAuthError> {
        self.client
            .sign_request(self.key, hash, request)
            .await
            .map_err(AgentAuthError::from)
    }
}
