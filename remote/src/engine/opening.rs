//! What comes before the program can be sent, where sudo or doas may ask for a password, or a terminal stands in between.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::attempt::{MAX_SAID, Talker, printable_lines, too_much_before};
use super::error::Error;
use super::privilege::{self, Way};
use super::privilege_error::PrivilegeError;
use super::{Host, Privilege};
use crate::ssh::ProcessInput;

/// Waits until the command says that it is ready, and answers the one question that it may ask; why the connection was lost, if it
/// was. No password is written before it was asked for: until then a terminal might show it.
///
/// # Errors
/// [`Error::Privilege`] when the password is not taken, or something else is asked; whatever the end of the command means.
pub(super) async fn open(
    way: Way,
    host: &Host,
    input: &mut ProcessInput,
    talker: &mut Talker,
    silence: Duration,
) -> Result<Option<String>, Error> {
    let mut answered = false;
    // Not from word to word: whoever goes on talking has not answered either.
    let mut deadline = Instant::now() + silence;
    loop {
        let heard = match timeout_at(deadline, talker.hear()).await {
            Ok(heard) => heard,
            Err(_) => {
                return match privilege::other_question(&printable_lines(&talker.said)) {
                    Some(said) => Err(Error::Privilege(PrivilegeError::OtherQuestion { said })),
                    None => Ok(Some("sudo did not answer".to_owned())),
                };
            }
        };
        if !heard {
            return talker.closed(way, host).map(Some);
        }
        if talker.said.len() >= MAX_SAID {
            return Err(too_much_before());
        }
        let said = printable_lines(&talker.said);
        // It asks for a new password then.
        if let Some(expired @ PrivilegeError::Expired { .. }) = privilege::explain(way, host, &said, None) {
            return Err(Error::Privilege(expired));
        }
        match (privilege::asked(&said), answered) {
            ((true, _), _) => {
                talker.said.clear();
                return Ok(None);
            }
            ((false, 0), _) | ((false, 1), true) => {}
            ((false, 1), false) => {
                let Privilege::Sudo {
                    password: Some(password),
                } = &host.privilege
                else {
                    continue;
                };
                let mut line = zeroize::Zeroizing::new(password.expose().to_vec());
                line.push(b'\n');
                // If nobody reads it any more, the next words tell why.
                let _ = input.write_all(&line).await;
                answered = true;
                deadline = Instant::now() + silence;
            }
            ((false, _), _) => return Err(Error::Privilege(privilege::wrong_password(host, &said))),
        }
    }
}
