//! Keys to log in with, one after the other: given ones and an agent's, with their certificates first.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::Duration;

use russh::keys::agent::AgentIdentity;
use russh::keys::agent::client::AgentClient;
use russh::keys::{Algorithm, Certificate, HashAlg};
use russh::{MethodKind, client::AuthResult};
use tokio::net::UnixStream;

use super::authentication::{Answer, Attempt};
use super::certificate::{now, principal_flaw, printable, user_flaw};
use super::handshake::Session;
use super::identity::Identity;
use super::login_failure::{AuthenticationFailure, Offer};
use super::signers::{AgentKey, LocalKey};
use super::target::Credentials;
use super::user_certificate::{UserCertificate, key_id};

/// A key to be shown, with or without a certificate.
#[derive(Debug)]
pub(crate) enum Candidate {
    /// We hold the private key.
    Given {
        identity: Identity,
        certificate: Option<UserCertificate>,
        /// With which an RSA key signs.
        hash: HashAlg,
    },
    /// The agent does.
    Agent {
        key: Box<AgentIdentity>,
        /// A certificate that the agent does not know of.
        certificate: Option<UserCertificate>,
    },
}

impl Candidate {
    /// The keys that were given. What is not worth showing is noted in `failure`.
    pub(crate) fn of(credentials: &Credentials, failure: &mut AuthenticationFailure) -> VecDeque<Self> {
        let mut candidates = VecDeque::new();
        for identity in &credentials.identities {
            let of_it = certificates_for(&credentials.certificates, identity.key().public_key(), failure);
            let identity = || identity.clone();
            candidates.extend(of_it.into_iter().map(|certificate| Self::Given {
                identity: identity(),
                certificate: Some(certificate),
                hash: HashAlg::Sha512,
            }));
            candidates.push_back(Self::Given {
                identity: identity(),
                certificate: None,
                hash: HashAlg::Sha512,
            });
        }
        if credentials.agent.is_none() {
            note_unmatched(credentials, &[], failure);
        }
        candidates
    }

    /// Shows it to the server.
    pub(crate) async fn offer(&self, attempt: &mut Attempt<'_>, session: &mut Session) -> Answer {
        let hash = match self {
            Self::Given { hash, .. } => *hash,
            Self::Agent { .. } => HashAlg::Sha512,
        };
        let answer = self.offer_signed(attempt, session, hash).await;
        if answer != Answer::Refused || !self.is_rsa() || hash != HashAlg::Sha512 {
            return answer;
        }
        // Nearly every server takes rsa-sha2-512, so it is not waited for what the server says about it (RFC 8308).
        // Those that take only rsa-sha2-256 (Dropbear) have said so by the time they refuse.
        if !attempt.is_spent() && wants_sha256(session).await {
            return self.offer_signed(attempt, session, HashAlg::Sha256).await;
        }
        // OpenSSH says what it can do, not what PubkeyAcceptedAlgorithms in its configuration lets it: worth a try in the end.
        if let Self::Given {
            identity, certificate, ..
        } = self
        {
            attempt.later(Self::Given {
                identity: identity.clone(),
                certificate: certificate.clone(),
                hash: HashAlg::Sha256,
            });
        }
        answer
    }

    fn algorithm(&self) -> Algorithm {
        match self {
            Self::Given { identity, .. } => identity.key().algorithm(),
            Self::Agent { key, .. } => key.public_key().algorithm(),
        }
    }

    fn is_rsa(&self) -> bool {
        matches!(self.algorithm(), Algorithm::Rsa { .. })
    }

    fn certificate(&self) -> Option<&Certificate> {
        match self {
            Self::Given { certificate, .. } => certificate.as_ref().map(UserCertificate::certificate),
            Self::Agent { key, certificate } => match (certificate, &**key) {
                (Some(certificate), _) => Some(certificate.certificate()),
                (None, AgentIdentity::Certificate { certificate, .. }) => Some(certificate),
                (None, AgentIdentity::PublicKey { .. }) => None,
            },
        }
    }

    fn label(&self) -> String {
        match self {
            Self::Given {
                certificate: Some(certificate),
                ..
            } => certificate.label().to_owned(),
            Self::Given { identity, .. } => identity.label().to_owned(),
            Self::Agent { key, certificate } => {
                let comment = printable(key.comment());
                let of = certificate
                    .as_ref()
                    .map(|certificate| format!("{} with ", certificate.label()));
                format!("{}{comment} from the agent", of.unwrap_or_default())
            }
        }
    }

    /// How an error tells of it.
    fn as_offer(&self, user: &str, hash: HashAlg) -> Offer {
        let algorithm = if self.is_rsa() {
            Algorithm::Rsa { hash: Some(hash) }
        } else {
            self.algorithm()
        };
        let certificate = self.certificate();
        let fingerprint = match self {
            Self::Given { identity, .. } => identity.fingerprint(),
            Self::Agent { key, .. } => key.public_key().fingerprint(HashAlg::Sha256).to_string(),
        };
        Offer {
            label: self.label(),
            algorithm: certificate.map_or_else(|| algorithm.to_string(), |_| algorithm.to_certificate_type()),
            fingerprint,
            certificate: certificate.map(key_id),
            suspicion: certificate
                .and_then(|certificate| principal_flaw(certificate, user))
                .map(|flaw| flaw.to_string()),
        }
    }

    async fn offer_signed(&self, attempt: &mut Attempt<'_>, session: &mut Session, hash: HashAlg) -> Answer {
        let user = attempt.hop.user.as_str();
        let offer = self.as_offer(user, hash);
        attempt.failure.offered.push(offer);
        let rsa_hash = self.is_rsa().then_some(hash);
        let answer: Option<AuthResult> = match self {
            Self::Given {
                identity,
                certificate: None,
                ..
            } => session.authenticate_publickey(user, identity.signer(hash)).await.ok(),
            Self::Given {
                identity,
                certificate: Some(certificate),
                ..
            } => {
                let mut signer = LocalKey(identity.key());
                let certificate = certificate.certificate().clone();
                session
                    .authenticate_certificate_with(user, certificate, rsa_hash, &mut signer)
                    .await
                    .ok()
            }
            Self::Agent { key, certificate } => {
                let Some(mut signer) = attempt.agent().signer(key) else {
                    return Answer::Refused;
                };
                let answered = match (certificate, &**key) {
                    (Some(certificate), _) => {
                        let certificate = certificate.certificate().clone();
                        session
                            .authenticate_certificate_with(user, certificate, rsa_hash, &mut signer)
                            .await
                    }
                    (None, AgentIdentity::Certificate { certificate, .. }) => {
                        let certificate = certificate.clone();
                        session
                            .authenticate_certificate_with(user, certificate, rsa_hash, &mut signer)
                            .await
                    }
                    (None, AgentIdentity::PublicKey { key, .. }) => {
                        session
                            .authenticate_publickey_with(user, key.clone(), rsa_hash, &mut signer)
                            .await
                    }
                };
                match answered {
                    Ok(answer) => Some(answer),
                    Err(error) => {
                        let comment = printable(key.comment());
                        attempt.failure.agent = Some(format!("it did not sign with {comment}: {error}"));
                        return Answer::Refused;
                    }
                }
            }
        };
        attempt.judge(answer, MethodKind::PublicKey)
    }
}

/// Those of the certificates that are for this key and are worth showing; about the others something is noted.
fn certificates_for(
    certificates: &[UserCertificate],
    key: &russh::keys::PublicKey,
    failure: &mut AuthenticationFailure,
) -> Vec<UserCertificate> {
    let of_it = certificates.iter().filter(|certificate| certificate.is_for(key));
    of_it
        .filter(|certificate| is_worth_showing(certificate.certificate(), certificate.label(), failure))
        .cloned()
        .collect()
}

/// Each try counts, so none is spent on a certificate that no server takes.
fn is_worth_showing(certificate: &Certificate, label: &str, failure: &mut AuthenticationFailure) -> bool {
    let Some(flaw) = user_flaw(certificate, now()) else {
        return true;
    };
    failure
        .not_offered
        .push(format!("certificate {label} ('{}'): {flaw}", key_id(certificate)));
    false
}

fn note_unmatched(credentials: &Credentials, agent: &[AgentIdentity], failure: &mut AuthenticationFailure) {
    for certificate in &credentials.certificates {
        let mut keys = credentials.identities.iter().map(|identity| identity.key().public_key());
        let is_for_one = keys.any(|key| certificate.is_for(key)) || agent.iter().any(|key| certificate.is_for(&key.public_key()));
        if !is_for_one {
            let label = certificate.label();
            failure
                .not_offered
                .push(format!("certificate {label}: none of the keys is the one that it is for"));
        }
    }
}

/// An SSH agent.
pub(crate) enum Agent {
    /// There is none.
    None,
    /// Not asked yet.
    At(PathBuf),
    /// Asked for its keys.
    Asked(Box<AgentClient<UnixStream>>),
}

impl Agent {
    pub(crate) fn of(credentials: &Credentials) -> Self {
        credentials.agent.clone().map_or(Self::None, Self::At)
    }

    pub(crate) fn is_unasked(&self) -> bool {
        matches!(self, Self::At(_))
    }

    /// Adds the agent's keys to `candidates`, if it was not asked for them before.
    ///
    /// `Err`: why the agent is of no use.
    pub(crate) async fn list(
        &mut self,
        session: &Session,
        credentials: &Credentials,
        candidates: &mut VecDeque<Candidate>,
        failure: &mut AuthenticationFailure,
    ) -> Result<(), String> {
        let Self::At(socket) = std::mem::replace(self, Self::None) else {
            return Ok(());
        };
        let stream = UnixStream::connect(&socket)
            .await
            .map_err(|error| format!("cannot connect to {}: {error}", socket.display()))?;
        let mut client = AgentClient::connect(stream);
        // Keys that are only for certain hosts (ssh-add -h) are not even listed before. Agents that know nothing of it refuse.
        if let Some(binding) = session.agent_session_binding() {
            let _ = client.bind_session(binding, false).await;
        }
        let keys = client
            .request_identities()
            .await
            .map_err(|error| format!("cannot list its keys: {error}"))?;
        note_unmatched(credentials, &keys, failure);
        if keys.is_empty() {
            return Err("it holds no keys (add one with ssh-add)".to_owned());
        }
        for key in keys {
            let public = key.public_key().into_owned();
            let was_given = credentials
                .identities
                .iter()
                .any(|identity| *identity.key().public_key().key_data() == *public.key_data());
            let key = Box::new(key);
            match &*key {
                AgentIdentity::Certificate { certificate, comment } => {
                    let label = format!("{} from the agent", printable(comment));
                    if is_worth_showing(certificate, &label, failure) {
                        candidates.push_back(Candidate::Agent { key, certificate: None });
                    }
                }
                // It has been shown already, with its certificates.
                AgentIdentity::PublicKey { .. } if was_given => {}
                AgentIdentity::PublicKey { .. } => {
                    for certificate in certificates_for(&credentials.certificates, &public, failure) {
                        let (key, certificate) = (key.clone(), Some(certificate));
                        candidates.push_back(Candidate::Agent { key, certificate });
                    }
                    candidates.push_back(Candidate::Agent { key, certificate: None });
                }
            }
        }
        *self = Self::Asked(Box::new(client));
        Ok(())
    }

    fn signer<'a>(&'a mut self, key: &'a AgentIdentity) -> Option<AgentKey<'a>> {
        match self {
            Self::Asked(client) => Some(AgentKey { client, key }),
            Self::None | Self::At(_) => None,
        }
    }
}

/// Whether the server has said that it takes `rsa-sha2-256` and not `rsa-sha2-512`.
async fn wants_sha256(session: &Session) -> bool {
    // What the server says about it comes before its first answer; the library would wait a second for it nonetheless.
    let told = tokio::time::timeout(Duration::from_millis(20), session.best_supported_rsa_hash()).await;
    matches!(told, Ok(Ok(Some(Some(HashAlg::Sha256)))))
}
