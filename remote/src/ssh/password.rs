//! Logging in with a password: by the method of that name (RFC 4252, 8), or as the answer to the one question of keyboard-interactive
//! (RFC 4256), which is how servers with PAM ask.

use russh::MethodKind;
use russh::client::{AuthResult, KeyboardInteractiveAuthResponse as Response, Prompt};

use super::authentication::{Answer, Attempt};
use super::certificate::printable;
use super::handshake::Session;
use super::login_failure::PasswordUse;

/// Rounds of questions at most, with those that ask nothing.
const MOST_ROUNDS: usize = 8;

/// Offers the password once, by one of the two methods: a second try with the same one would only bring a lock-out nearer.
pub(crate) async fn offer(attempt: &mut Attempt<'_>, session: &mut Session) -> Answer {
    let Some(password) = attempt.hop.credentials.password.clone() else {
        attempt.failure.password = PasswordUse::NotGiven;
        return Answer::Refused;
    };
    let password = match std::str::from_utf8(password.expose()) {
        Ok(password) => zeroize::Zeroizing::new(password.to_owned()),
        // Such a password cannot be sent (RFC 4252, 8).
        Err(_) => {
            attempt.failure.password = PasswordUse::Refused("it is not UTF-8");
            return Answer::Refused;
        }
    };
    let (answer, name) = if attempt.takes(MethodKind::KeyboardInteractive) {
        match keyboard_interactive(attempt, session, &password).await {
            // It had nothing to ask. The other method may do.
            (answer @ (Answer::Refused | Answer::NotTaken), false) if !attempt.takes(MethodKind::Password) => {
                (answer, "keyboard-interactive")
            }
            (Answer::Refused | Answer::NotTaken, false) if attempt.failure.password == PasswordUse::Unused => {
                (by_password(attempt, session, &password).await, "password")
            }
            (answer, _) => (answer, "keyboard-interactive"),
        }
    } else {
        (by_password(attempt, session, &password).await, "password")
    };
    if attempt.failure.password == PasswordUse::Unused {
        attempt.failure.password = match answer {
            Answer::Partial | Answer::In => PasswordUse::Accepted(name),
            Answer::Refused | Answer::NotTaken | Answer::Gone => PasswordUse::Refused(name),
        };
    }
    answer
}

async fn by_password(attempt: &mut Attempt<'_>, session: &mut Session, password: &str) -> Answer {
    let answer = session.authenticate_password(attempt.hop.user.as_str(), password).await;
    attempt.judge(answer.ok(), MethodKind::Password)
}

/// The answer, and whether the password was asked for.
async fn keyboard_interactive(attempt: &mut Attempt<'_>, session: &mut Session, password: &str) -> (Answer, bool) {
    let (user, mut questions) = (attempt.hop.user.as_str(), Vec::new());
    let mut response = session.authenticate_keyboard_interactive_start(user, None).await;
    for _ in 0..MOST_ROUNDS {
        let answers = match response {
            Ok(Response::Success) => return (Answer::In, true),
            Ok(Response::Failure {
                remaining_methods,
                partial_success,
            }) => {
                let result = AuthResult::Failure {
                    remaining_methods,
                    partial_success,
                };
                let answer = attempt.judge(Some(result), MethodKind::KeyboardInteractive);
                return (answer, !questions.is_empty());
            }
            Err(_) => return (Answer::Gone, !questions.is_empty()),
            Ok(Response::InfoRequest {
                instructions, prompts, ..
            }) => {
                // There is no other sign of it than PAM's words.
                let is_expired = |text: &str| {
                    let text = text.to_lowercase();
                    ["expired", "change your password", "new password"]
                        .iter()
                        .any(|words| text.contains(words))
                };
                let expired = is_expired(&instructions) || prompts.iter().any(|prompt| is_expired(&prompt.prompt));
                let asked_before = !questions.is_empty();
                questions.extend(prompts.iter().map(question));
                match prompts.as_slice() {
                    [] => Vec::new(),
                    // What is shown while it is typed is no password.
                    [prompt] if !prompt.echo && !asked_before && !expired => vec![password.to_owned()],
                    _ => {
                        attempt.failure.password = if expired {
                            PasswordUse::Expired
                        } else {
                            PasswordUse::OtherQuestions(questions)
                        };
                        // The session waits for answers now and would take nothing else; there is nothing else to be tried anyway.
                        return (Answer::Gone, true);
                    }
                }
            }
        };
        response = session.authenticate_keyboard_interactive_respond(answers).await;
    }
    attempt.failure.password = PasswordUse::OtherQuestions(questions);
    (Answer::Gone, true)
}

fn question(prompt: &Prompt) -> String {
    let words: Vec<_> = prompt.prompt.split_whitespace().collect();
    printable(&words.join(" "))
}
