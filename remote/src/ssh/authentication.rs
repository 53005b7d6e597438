//! Logging in: with the keys that were given, then those of an SSH agent, then the password; as often as the server asks for more.

use std::collections::VecDeque;

use russh::MethodKind;
use russh::client::AuthResult;

use super::error::{ConnectError, Phase, Unreachable};
use super::handshake::{Findings, Session};
use super::keys::{Agent, Candidate};
use super::login_failure::{AuthenticationFailure, PasswordUse};
use super::password;
use super::target::Hop;

/// Offers made at most: OpenSSH's default `MaxAuthTries`, at which it hangs up.
const MOST_OFFERS: usize = 6;

/// How an offer was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    In,
    /// It was accepted, and the server asks for more.
    Partial,
    /// It was refused.
    Refused,
    /// The server does not take this method now, so it has not judged it.
    NotTaken,
    /// The server is gone.
    Gone,
}

/// Logs in to `hop`. Starts with the first key at once: asking for the methods first (`none`) would cost a round trip.
pub(crate) async fn authenticate(session: &mut Session, hop: &Hop, findings: &Findings) -> Result<(), ConnectError> {
    let mut attempt = Attempt::new(hop, findings);
    match attempt.run(session).await {
        Answer::In => Ok(()),
        Answer::Partial | Answer::Refused | Answer::NotTaken | Answer::Gone => Err(attempt.failed()),
    }
}

/// One login, from the first offer to the last.
pub(crate) struct Attempt<'a> {
    pub(crate) hop: &'a Hop,
    findings: &'a Findings,
    pub(crate) failure: AuthenticationFailure,
    /// What the server takes, once it has said so.
    methods: Option<Vec<MethodKind>>,
    /// Keys not yet judged.
    candidates: VecDeque<Candidate>,
    agent: Agent,
    /// Keys to be tried when those of the agent have been.
    last_resort: Vec<Candidate>,
    /// The server answered at least one offer.
    answered: bool,
}

impl<'a> Attempt<'a> {
    fn new(hop: &'a Hop, findings: &'a Findings) -> Self {
        let credentials = &hop.credentials;
        let mut failure = AuthenticationFailure {
            host: hop.address(),
            user: hop.user.clone(),
            ..AuthenticationFailure::default()
        };
        if credentials.password.is_some() {
            failure.password = PasswordUse::Unused;
        }
        let candidates = Candidate::of(credentials, &mut failure);
        Self {
            hop,
            findings,
            failure,
            methods: None,
            candidates,
            agent: Agent::of(credentials),
            last_resort: Vec::new(),
            answered: false,
        }
    }

    async fn run(&mut self, session: &mut Session) -> Answer {
        if self.candidates.is_empty() && self.hop.credentials.agent.is_none() && self.failure.password == PasswordUse::Unused {
            // Which of the two methods with a password it takes has to be asked for.
            let asked = session.authenticate_none(self.hop.user.as_str()).await;
            match self.judge(asked.ok(), MethodKind::None) {
                Answer::Refused | Answer::NotTaken => {}
                answer @ (Answer::In | Answer::Partial | Answer::Gone) => return answer,
            }
        }
        loop {
            let answer = if self.takes(MethodKind::PublicKey) && self.has_keys() {
                self.keys(session).await
            } else if self.failure.password == PasswordUse::Unused
                && (self.takes(MethodKind::KeyboardInteractive) || self.takes(MethodKind::Password))
            {
                password::offer(self, session).await
            } else {
                return Answer::Refused;
            };
            match answer {
                Answer::In | Answer::Gone => return answer,
                // There may be another way, or the server asks for the next thing.
                Answer::Partial | Answer::Refused | Answer::NotTaken => {}
            }
        }
    }

    /// Whether the server takes a method, as far as is known.
    pub(crate) fn takes(&self, method: MethodKind) -> bool {
        self.methods.as_ref().is_none_or(|methods| methods.contains(&method))
    }

    fn has_keys(&self) -> bool {
        !self.is_spent() && (!self.candidates.is_empty() || self.agent.is_unasked() || !self.last_resort.is_empty())
    }

    /// One try is kept for the password.
    pub(crate) fn is_spent(&self) -> bool {
        let kept = usize::from(self.failure.password == PasswordUse::Unused);
        self.failure.offered.len() + kept >= MOST_OFFERS
    }

    /// Shows key after key, until one is accepted or the server takes none.
    async fn keys(&mut self, session: &mut Session) -> Answer {
        loop {
            if self.candidates.is_empty()
                && let Err(why) = self
                    .agent
                    .list(session, &self.hop.credentials, &mut self.candidates, &mut self.failure)
                    .await
            {
                self.failure.agent = Some(why);
            }
            if self.candidates.is_empty() {
                self.candidates.extend(self.last_resort.drain(..));
            }
            if self.is_spent() {
                self.failure.untried = self.candidates.len();
                self.candidates.clear();
            }
            let Some(candidate) = self.candidates.pop_front() else {
                return Answer::Refused;
            };
            match candidate.offer(self, session).await {
                Answer::Refused => {}
                Answer::NotTaken => {
                    self.candidates.push_front(candidate);
                    return Answer::NotTaken;
                }
                answer @ (Answer::In | Answer::Partial | Answer::Gone) => return answer,
            }
        }
    }

    /// Has a key tried again, another way, after those that were not tried yet.
    pub(crate) fn later(&mut self, candidate: Candidate) {
        self.last_resort.push(candidate);
    }

    /// The agent, and what is needed besides to offer one of its keys.
    pub(crate) fn agent(&mut self) -> &mut Agent {
        &mut self.agent
    }

    /// `None`: the session has ended.
    pub(crate) fn judge(&mut self, answer: Option<AuthResult>, method: MethodKind) -> Answer {
        match answer {
            Some(AuthResult::Success) => Answer::In,
            // This is also how the library tells that the session has ended.
            Some(AuthResult::Failure { remaining_methods, .. }) if remaining_methods.is_empty() => Answer::Gone,
            None => Answer::Gone,
            Some(AuthResult::Failure {
                remaining_methods,
                partial_success,
            }) => {
                self.answered = true;
                self.failure.partial |= partial_success;
                self.failure.server_methods = remaining_methods.iter().map(|kind| <&str>::from(kind).to_owned()).collect();
                self.methods = Some(remaining_methods.to_vec());
                if partial_success {
                    Answer::Partial
                } else if remaining_methods.contains(&method) {
                    Answer::Refused
                } else {
                    Answer::NotTaken
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
