//! What a carrier said (`script/carrier.sh`) as what it means: pure.
//!
//! The text came through somebody else's log. A host can write its own name for a step into it and no more than that: the outcome is the
//! last line only, and the carrier ends behind it.

use std::collections::HashMap;

use super::error::{Error, Failure};
use super::privilege_error::PrivilegeError;
use super::{Finish, ssh};
use crate::event::{Interruption, printable};

/// What stands before the outcome.
const OUTCOME: &str = "anywhere: ";

/// The most lines of a failed step's last words that are kept; of a proof it may be more.
const MAX_SAID: usize = 201;

/// How a carried run ended, from the last lines of what its carrier said: nothing if it did not come to its end. `redact` is done to all
/// words of the host.
#[must_use]
pub fn carried(log: &str, redact: &dyn Fn(&str) -> String) -> Option<Result<Finish, Error>> {
    let clean = |line: &str| redact(&printable(line.as_bytes()));
    let mut said: HashMap<usize, Vec<String>> = HashMap::new();
    let mut under_way = Vec::new();
    let mut outcome = None;
    for line in log.lines() {
        if let Some(text) = line.strip_prefix("  | ") {
            if under_way.len() < MAX_SAID {
                under_way.push(clean(text));
            }
        } else if let Some(text) = line.strip_prefix(OUTCOME) {
            outcome = Some(text);
        } else if let Some(number) = failed_step(line) {
            said.insert(number, std::mem::take(&mut under_way));
        } else if line.starts_with("step ") {
            under_way.clear();
        }
    }
    let (word, rest) = outcome?.split_once(' ').unwrap_or((outcome?, ""));
    let rest = clean(rest);
    Some(Err(match word {
        "done" | "unchanged" => {
            return Some(Ok(Finish {
                unchanged: word == "unchanged",
                steps_run: 0,
                connections: 1,
                traffic: ssh::Traffic::default(),
            }));
        }
        "failed" => Error::Step(failure(&rest, &mut said)?),
        "interrupted" => {
            let (why, number) = rest.split_once(' ')?;
            Error::Interrupted {
                name: format!("step {number}"),
                by: match why {
                    "reboot" => Interruption::Reboot,
                    "kill" => Interruption::Kill,
                    _ => Interruption::Unknown,
                },
            }
        }
        "stopped" => Error::Stopped,
        "held" => Error::Held { holder: rest },
        "owned" => Error::Owned { owner: rest },
        "foreign" => {
            let (remembered, owner) = rest.split_once(' ').unwrap_or((&rest, ""));
            Error::OtherMachine {
                remembered: remembered.to_owned(),
                here: None,
                owner: owner.to_owned(),
            }
        }
        "lost" => Error::Lost(rest),
        "fail" => {
            let (what, text) = rest.split_once(' ').unwrap_or((&rest, ""));
            match what {
                "privilege" => Error::Privilege(PrivilegeError::NotWithoutPassword { said: text.to_owned() }),
                _ => Error::unfit(what, text.to_owned()),
            }
        }
        _ => return None,
    }))
}

/// `step 3 of 5 failed: exit status 7`
fn failed_step(line: &str) -> Option<usize> {
    let (number, rest) = line.strip_prefix("step ")?.split_once(" of ")?;
    rest.split_once(' ')?.1.starts_with("failed: ").then(|| number.parse().ok())?
}

/// `at step 3 of 5, exit status 7: runcmd[1]`
fn failure(text: &str, said: &mut HashMap<usize, Vec<String>>) -> Option<Failure> {
    let (number, rest) = text.strip_prefix("at step ")?.split_once(" of ")?;
    let (of, rest) = rest.split_once(", exit status ")?;
    let (status, name) = rest.split_once(": ")?;
    let number = number.parse().ok()?;
    Some(Failure {
        number,
        of: of.parse().ok()?,
        name: name.to_owned(),
        status: status.parse().ok()?,
        said: said.remove(&number).unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(log: &str) -> String {
        match carried(log, &|text| text.replace("hunter2", "***")) {
            None => "none".to_owned(),
            Some(Ok(finish)) => format!("ok {}", finish.unchanged),
            Some(Err(error)) => error.to_string(),
        }
    }

    #[test]
    fn the_last_line_is_the_outcome() {
        for (log, outcome) in [
            ("", "none"),
            ("step 1 of 2: a\nConnection reset by peer", "none"),
            ("anywhere: cut copying failed: exit status 255", "none"),
            ("step 1 of 1: a\nanywhere: done\n", "ok false"),
            ("anywhere: unchanged", "ok true"),
            (
                "  | of another\nstep 2 of 3: b\n  | no \u{1b}hunter2\nstep 2 of 3 failed: exit status 7\nstep 3 of 3: c\n\
                 anywhere: failed at step 2 of 3, exit status 7: b: c\n",
                "step 2 of 3, b: c: exit status 7\n  | no ?***",
            ),
            ("anywhere: failed at step x of 3, exit status 7: b", "none"),
            (
                "anywhere: owned a/b",
                "the host carries a run of a/b; reset it first (anywhere reset --owner 'a/b')",
            ),
            (
                "anywhere: fail space no space is left",
                "the host cannot run a plan: no space is left",
            ),
            (
                "anywhere: held me",
                "the host is held by me, who is just running another plan there; wait for its end",
            ),
        ] {
            assert_eq!(read(log), outcome, "{log}");
        }
        assert!(read("anywhere: interrupted reboot 2").starts_with("step 2 was under way when the host went down"));
        assert!(read("anywhere: stopped").starts_with("stopped"));
    }
}
