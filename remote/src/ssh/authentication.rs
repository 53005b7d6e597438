//! Logging in with keys: the given ones, then those of an SSH agent.

use std::path::Path;

use russh::MethodKind;
use russh::client::AuthResult;
use russh::keys::agent::AgentIdentity;
use russh::keys::agent::client::AgentClient;
use russh::keys::{Algorithm, HashAlg};
use tokio::net::UnixStream;

use super::error::{AuthenticationFailure, ConnectError, Phase, Unreachable};
use super::handshake::{Findings, Session};
use super::identity::Identity;
use super::target::Hop;

/// Offers made at most: OpenSSH's default `MaxAuthTries`, at which it hangs up.
const MOST_OFFERS: usize = 6;

/// How an offer was answered.
enum Answer {
    In,
    /// Try the next key.
    Next,
    /// The server takes no further keys, or is gone.
    Stop,
}

/// Logs in to `hop`. Starts with the first key at once: asking for the methods first (`none`) would cost a round trip.
pub(crate) async fn authenticate(session: &mut Session, hop: &Hop, findings: &Findings) -> Result<(), ConnectError> {
    let mut attempt = Attempt::new(hop, findings);
    let identities = &hop.credentials.identities;
    for (index, identity) in identities.iter().enumerate() {
        if attempt.is_spent() {
            attempt.failure.untried = identities.len().saturating_sub(index);
            return Err(attempt.failed());
        }
        match attempt.offer(session, identity).await {
            Answer::In => return Ok(()),
            Answer::Next => {}
            Answer::Stop => return Err(attempt.failed()),
        }
    }
    let Some(socket) = &hop.credentials.agent else {
        return Err(attempt.failed());
    };
    match attempt.offer_agent(session, socket).await {
        Ok(Answer::In) => Ok(()),
        Ok(Answer::Next | Answer::Stop) => Err(attempt.failed()),
        Err(agent) => {
            attempt.failure.agent = Some(agent);
            Err(attempt.failed())
        }
    }
}

struct Attempt<'a> {
    hop: &'a Hop,
    findings: &'a Findings,
    failure: AuthenticationFailure,
    /// The server answered at least one offer.
    answered: bool,
}

impl<'a> Attempt<'a> {
    fn new(hop: &'a Hop, findings: &'a Findings) -> Self {
        let failure = AuthenticationFailure {
            host: hop.address(),
            user: hop.user.clone(),
            ..AuthenticationFailure::default()
        };
        Self {
            hop,
            findings,
            failure,
            answered: false,
        }
    }

    fn is_spent(&self) -> bool {
        self.failure.offered.len() >= MOST_OFFERS
    }

    async fn offer(&mut self, session: &mut Session, identity: &Identity) -> Answer {
        // Nearly every server takes rsa-sha2-512, so it is not waited for what the server says about it (RFC 8308).
        // Those that take only rsa-sha2-256 (Dropbear) have said so by the time they refuse.
        match self.offer_signed(session, identity, HashAlg::Sha512).await {
            Answer::Next if identity.is_rsa() && !self.is_spent() && wants_sha256(session).await => {
                self.offer_signed(session, identity, HashAlg::Sha256).await
            }
            answer @ (Answer::In | Answer::Next | Answer::Stop) => answer,
        }
    }

    async fn offer_signed(&mut self, session: &mut Session, identity: &Identity, hash: HashAlg) -> Answer {
        let signer = identity.signer(hash);
        self.failure
            .offered
            .push(format!("{} ({})", identity.label(), signer.algorithm()));
        let answer = session.authenticate_publickey(self.hop.user.as_str(), signer).await;
        self.judge(answer.ok())
    }

    /// `Err`: why the agent is of no use.
    async fn offer_agent(&mut self, session: &mut Session, socket: &Path) -> Result<Answer, String> {
        let stream = UnixStream::connect(socket)
            .await
            .map_err(|error| format!("cannot connect to {}: {error}", socket.display()))?;
        let mut agent = AgentClient::connect(stream);
        let identities = agent
            .request_identities()
            .await
            .map_err(|error| format!("cannot list its keys: {error}"))?;
        if identities.is_empty() {
            return Err("it holds no keys (add one with ssh-add)".to_owned());
        }
        let mut refused = None;
        for (index, identity) in identities.iter().enumerate() {
            if self.is_spent() {
                self.failure.untried = identities.len().saturating_sub(index);
                break;
            }
            match self.offer_agent_key(session, &mut agent, identity).await {
                Ok(Answer::Next) => {}
                Ok(answer) => return Ok(answer),
                Err(why) => refused = Some(why),
            }
        }
        refused.map_or(Ok(Answer::Next), Err)
    }

    async fn offer_agent_key(
        &mut self,
        session: &mut Session,
        agent: &mut AgentClient<UnixStream>,
        identity: &AgentIdentity,
    ) -> Result<Answer, String> {
        let (key, comment, certificate) = match identity {
            AgentIdentity::PublicKey { key, comment } => (key.algorithm(), comment, None),
            AgentIdentity::Certificate { certificate, comment } => (certificate.algorithm(), comment, Some(certificate)),
        };
        let hash = matches!(key, Algorithm::Rsa { .. }).then_some(HashAlg::Sha512);
        let kind = if certificate.is_some() { ", certificate" } else { "" };
        self.failure.offered.push(format!("{comment} from the agent ({key}{kind})"));
        let user = self.hop.user.as_str();
        let answer = match identity {
            AgentIdentity::PublicKey { key, .. } => session.authenticate_publickey_with(user, key.clone(), hash, agent).await,
            AgentIdentity::Certificate { certificate, .. } => {
                session
                    .authenticate_certificate_with(user, certificate.clone(), hash, agent)
                    .await
            }
        };
        match answer {
            Ok(answer) => Ok(self.judge(Some(answer))),
            Err(error) => Err(format!("it did not sign with {comment}: {error}")),
        }
    }

    fn judge(&mut self, answer: Option<AuthResult>) -> Answer {
        match answer {
            Some(AuthResult::Success) => Answer::In,
            // This is also how the library tells that the session has ended.
            Some(AuthResult::Failure { remaining_methods, .. }) if remaining_methods.is_empty() => Answer::Stop,
            None => Answer::Stop,
            Some(AuthResult::Failure {
                remaining_methods,
                partial_success,
            }) => {
                self.answered = true;
                self.failure.partial |= partial_success;
                self.failure.server_methods = remaining_methods.iter().map(|kind| <&str>::from(kind).to_owned()).collect();
                if remaining_methods.contains(&MethodKind::PublicKey) {
                    Answer::Next
                } else {
                    Answer::Stop
                }
            }
        }
    }

    fn failed(mut self) -> ConnectError {
        let said = self.findings.ended.get().and_then(|end| end.said.clone());
        let too_many = said
            .as_ref()
            .is_some_and(|said| said.contains("Too many authentication failures"));
        let gone = self.findings.ended.get().is_some();
        if gone && !self.answered && !too_many {
            // It never came to judging a key: the server is going down, or does not let anybody in now.
            let why = Unreachable::Closed {
                phase: Phase::Authentication,
                said,
            };
            return ConnectError::Unreachable {
                host: self.failure.host,
                why,
            };
        }
        self.failure.said = said;
        ConnectError::Authentication(Box::new(self.failure))
    }
}

/// Whether the server has said that it takes `rsa-sha2-256` and not `rsa-sha2-512`.
async fn wants_sha256(session: &Session) -> bool {
    // What the server says about it comes before its first answer; the library would wait a second for it nonetheless.
    let told = tokio::time::timeout(std::time::Duration::from_millis(20), session.best_supported_rsa_hash()).await;
    matches!(told, Ok(Ok(Some(Some(HashAlg::Sha256)))))
}
