//! The line protocol between a program on a host and the engine: pure.
//!
//! A hostile host may send anything, so reading never fails and never grows: lines that are none of ours are [`Line::Noise`],
//! texts are cut and made printable. `docs/journal.md` describes the lines.

/// The last byte of a line that was never written to its end: CAN (ECMA-48), "the data preceding it are in error"; see
/// `docs/journal.md`.
const CANCEL: u8 = 0x18;

/// The most bytes of a line that are looked at.
pub const MAX_LINE: usize = 4096;

/// One line that a host sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// The program has begun: the protocol's version, the boot that the host is in, seconds since that boot, which machine it is.
    Hello {
        /// 1.
        version: u32,
        /// Changes when the host is booted anew.
        boot_id: String,
        /// machine-id(5), if the host has one: another one was installed anew, or is another machine.
        machine_id: Option<String>,
    },
    /// The host carries a run of this owner, who is not ours.
    Owned(String),
    /// What the host remembers was another machine's: a clone of that one, or its backup.
    Foreign {
        /// That machine's machine-id(5).
        machine_id: String,
        /// Whose that machine was.
        owner: String,
    },
    /// Whose host it is (in answer to a question about its status).
    Owner(String),
    /// This one is just working on the host.
    Held(String),
    /// This plan has ended well before: there is nothing to do.
    Done(String),
    /// The host remembers nothing: no run, or it was reset.
    Clean,
    /// The journal follows from this byte on, for this run.
    Follow {
        /// The run.
        run: String,
        /// The byte.
        offset: u64,
    },
    /// The host lacks this content, but for its first bytes.
    Want(Want),
    /// The host has said what it lacks, and waits for it.
    Send {
        /// Whether it can unpack gzip.
        gzip: bool,
    },
    /// This content has arrived whole, by its SHA-256.
    Got(String),
    /// This content has not arrived as it was announced.
    Bad(String),
    /// Nothing new, but the connection lives.
    Alive,
    /// The detached half is gone without having ended its run; in its words, if it left any.
    Lost(String),
    /// The program could not begin.
    Fail {
        /// `space`, `inodes`, `readonly`, `state` (it cannot remember for another reason), `tool`.
        what: String,
        /// In the host's words.
        text: String,
    },
    /// Something about the machine itself (`facts`); after the last one there is one called `end`.
    Fact {
        /// Which: `kernel`.
        name: String,
        /// As it stands on the host.
        value: String,
    },
    /// A line of the journal.
    Journal(Record),
    /// Anything else.
    Noise,
}

/// A content that a host lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Want {
    /// Its SHA-256.
    pub sha256: String,
    /// How many of its first bytes the host has.
    pub has: u64,
    /// The SHA-256 of those; `-` if there are none.
    pub prefix: String,
}

/// One line of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// A run has begun.
    Run {
        /// Its name on the host.
        run: String,
        /// Of which plan.
        plan: String,
        /// Steps in that plan.
        steps: usize,
        /// In which boot of the host.
        boot_id: Option<String>,
        /// On which machine: machine-id(5).
        machine_id: Option<String>,
        /// When, in seconds since 1970 by the sender's clock; a host may say anything.
        time: i64,
        /// Who sent it.
        by: String,
    },
    /// A step has begun.
    Begin {
        /// Its number in the plan, from 1.
        number: usize,
        /// Its id.
        id: String,
        /// Hundredths of a second since the host was booted.
        at: u64,
        /// Its name: `runcmd[3]`.
        name: String,
    },
    /// A line of what a failed step said last.
    Said {
        /// The step's number.
        number: usize,
        /// The line, printable.
        text: String,
    },
    /// A step has ended.
    End {
        /// Its number in the plan, from 1.
        number: usize,
        /// Its id.
        id: String,
        /// Exit status; 124 when it took too long.
        status: i32,
        /// Hundredths of a second since the host was booted.
        at: u64,
    },
    /// All stopped while this step was under way; whether it had its effect is unknown, so it was not run again.
    Interrupted {
        /// The step's number.
        number: usize,
        /// Its id.
        id: String,
        /// By what.
        by: Interruption,
    },
    /// The run has ended.
    Ran {
        /// The run.
        run: String,
        /// Of which plan.
        plan: String,
        /// How.
        outcome: Outcome,
    },
    /// A line that only the host itself needs (`journal`, `made`).
    Other,
}

/// What stopped a run in the middle of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interruption {
    /// The host is in another boot now than then.
    Reboot,
    /// The host stayed up: the program there was killed, or could not write what it must.
    Kill,
    /// The host does not say.
    Unknown,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All steps ended well.
    Ok,
    /// A step failed.
    Failed,
    /// It was asked to stop before its last step.
    Stopped,
}

impl Line {
    /// Reads one line, without its newline.
    #[must_use]
    pub fn parse(line: &[u8]) -> Self {
        if line.last() == Some(&CANCEL) {
            return Self::Noise;
        }
        let text = printable(line);
        let (word, rest) = text.split_once(' ').unwrap_or((&text, ""));
        let parsed = match word {
            "anywhere" => hello(rest),
            "owned" => Some(Self::Owned(rest.to_owned())),
            "foreign" => rest.split_once(' ').map(|(machine_id, owner)| Self::Foreign {
                machine_id: machine_id.to_owned(),
                owner: owner.to_owned(),
            }),
            "owner" => Some(Self::Owner(rest.to_owned())),
            "held" => Some(Self::Held(rest.to_owned())),
            "done" => Some(Self::Done(rest.to_owned())),
            "clean" => Some(Self::Clean),
            "follow" => follow(rest),
            "want" => want(rest),
            "send" => Some(Self::Send { gzip: rest == "gzip" }),
            "got" => Some(Self::Got(rest.to_owned())),
            "bad" => Some(Self::Bad(rest.to_owned())),
            "alive" => Some(Self::Alive),
            "lost" => Some(Self::Lost(rest.to_owned())),
            "fact" => {
                let (name, value) = rest.split_once(' ').unwrap_or((rest, ""));
                Some(Self::Fact {
                    name: name.to_owned(),
                    value: value.to_owned(),
                })
            }
            "fail" => rest.split_once(' ').map(|(what, text)| Self::Fail {
                what: what.to_owned(),
                text: text.to_owned(),
            }),
            _ => record(word, rest).map(Self::Journal),
        };
        parsed.unwrap_or(Self::Noise)
    }
}

fn hello(rest: &str) -> Option<Line> {
    let mut words = rest.split(' ');
    Some(Line::Hello {
        version: words.next()?.parse().ok()?,
        boot_id: words.next()?.to_owned(),
        machine_id: words.nth(1).filter(|id| !id.is_empty()).map(str::to_owned),
    })
}

fn follow(rest: &str) -> Option<Line> {
    let (run, offset) = rest.split_once(' ')?;
    Some(Line::Follow {
        run: run.to_owned(),
        offset: offset.parse().ok()?,
    })
}

fn want(rest: &str) -> Option<Line> {
    let mut words = rest.split(' ');
    Some(Line::Want(Want {
        sha256: words.next()?.to_owned(),
        has: words.next()?.parse().ok()?,
        prefix: words.next()?.to_owned(),
    }))
}

fn record(word: &str, rest: &str) -> Option<Record> {
    let mut words = rest.split(' ');
    let mut next = || words.next();
    Some(match word {
        "run" => {
            let (run, plan) = (next()?.to_owned(), next()?.to_owned());
            let (fields, by) = rest.split_once(" by=")?;
            let field = |name: &str| fields.split(' ').find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
            let given = |name: &str| field(name).filter(|value| !value.is_empty()).map(str::to_owned);
            Record::Run {
                run,
                plan,
                steps: field("steps")?.parse().ok()?,
                boot_id: given("boot"),
                machine_id: given("machine"),
                time: field("time")?.parse().ok()?,
                by: by.to_owned(),
            }
        }
        "begin" => Record::Begin {
            number: next()?.parse().ok()?,
            id: next()?.to_owned(),
            at: hundredths(next()?)?,
            name: rest.splitn(4, ' ').nth(3).unwrap_or_default().to_owned(),
        },
        "err" => {
            let (number, text) = rest.split_once(' ').unwrap_or((rest, ""));
            Record::Said {
                number: number.parse().ok()?,
                text: text.to_owned(),
            }
        }
        "end" => Record::End {
            number: next()?.parse().ok()?,
            id: next()?.to_owned(),
            status: next()?.parse().ok()?,
            at: hundredths(next()?)?,
        },
        "interrupted" => Record::Interrupted {
            number: next()?.parse().ok()?,
            id: next()?.to_owned(),
            by: match next() {
                Some("reboot") => Interruption::Reboot,
                Some("kill") => Interruption::Kill,
                Some(_) | None => Interruption::Unknown,
            },
        },
        "ran" => Record::Ran {
            run: next()?.to_owned(),
            plan: next()?.to_owned(),
            outcome: match next()? {
                "ok" => Outcome::Ok,
                "failed" => Outcome::Failed,
                "stopped" => Outcome::Stopped,
                _ => return None,
            },
        },
        "journal" | "made" => Record::Other,
        _ => return None,
    })
}

/// `/proc/uptime`'s form, `12.34`.
fn hundredths(text: &str) -> Option<u64> {
    let (seconds, rest) = text.split_once('.').unwrap_or((text, "0"));
    let seconds: u64 = seconds.parse().ok()?;
    let rest: u64 = rest.get(..2).unwrap_or(rest).parse().ok()?;
    seconds.checked_mul(100)?.checked_add(rest)
}

/// Text that a terminal can be given: no control characters, nothing but UTF-8, not too long.
#[must_use]
pub fn printable(bytes: &[u8]) -> String {
    let bytes = bytes.get(..MAX_LINE).unwrap_or(bytes);
    String::from_utf8_lossy(bytes).chars().map(shown).collect()
}

/// A character as a terminal can be given it; another one for those that would do something there.
#[must_use]
pub fn shown(c: char) -> char {
    match c {
        '\t' => ' ',
        // Bidirectional overrides would let a line lie about what it says.
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '?',
        c if c.is_control() => '?',
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_a_program_writes_are_understood() {
        for (text, line) in [
            (
                "anywhere 1 0f-1 12.5",
                Line::Hello {
                    version: 1,
                    boot_id: "0f-1".into(),
                    machine_id: None,
                },
            ),
            (
                "anywhere 1 0f-1 12.5 77ab",
                Line::Hello {
                    version: 1,
                    boot_id: "0f-1".into(),
                    machine_id: Some("77ab".into()),
                },
            ),
            (
                "follow Ab1 77",
                Line::Follow {
                    run: "Ab1".into(),
                    offset: 77,
                },
            ),
            (
                "fail state /x: Read-only",
                Line::Fail {
                    what: "state".into(),
                    text: "/x: Read-only".into(),
                },
            ),
            (
                "run Ab1 77aa steps=3 boot=b up=1.00 time=99 rerun=0 by=me@here pid 1",
                Line::Journal(Record::Run {
                    run: "Ab1".into(),
                    plan: "77aa".into(),
                    steps: 3,
                    boot_id: Some("b".into()),
                    machine_id: None,
                    time: 99,
                    by: "me@here pid 1".into(),
                }),
            ),
            (
                "run Ab1 77aa steps=3 boot=b machine=77ab up=1.00 time=-99 rerun=0 by=boot=x machine=y",
                Line::Journal(Record::Run {
                    run: "Ab1".into(),
                    plan: "77aa".into(),
                    steps: 3,
                    boot_id: Some("b".into()),
                    machine_id: Some("77ab".into()),
                    time: -99,
                    by: "boot=x machine=y".into(),
                }),
            ),
            (
                "interrupted 3 aa reboot",
                Line::Journal(Record::Interrupted {
                    number: 3,
                    id: "aa".into(),
                    by: Interruption::Reboot,
                }),
            ),
            (
                "interrupted 3 aa",
                Line::Journal(Record::Interrupted {
                    number: 3,
                    id: "aa".into(),
                    by: Interruption::Unknown,
                }),
            ),
            (
                "foreign 77ab default/node 1",
                Line::Foreign {
                    machine_id: "77ab".into(),
                    owner: "default/node 1".into(),
                },
            ),
            (
                "begin 1 aa 10.07 runcmd[0]",
                Line::Journal(Record::Begin {
                    number: 1,
                    id: "aa".into(),
                    at: 1007,
                    name: "runcmd[0]".into(),
                }),
            ),
            (
                "end 1 aa 127 10.09",
                Line::Journal(Record::End {
                    number: 1,
                    id: "aa".into(),
                    status: 127,
                    at: 1009,
                }),
            ),
            (
                "err 1 not\x1b[2J here",
                Line::Journal(Record::Said {
                    number: 1,
                    text: "not?[2J here".into(),
                }),
            ),
            (
                "ran Ab1 77aa ok 11.00",
                Line::Journal(Record::Ran {
                    run: "Ab1".into(),
                    plan: "77aa".into(),
                    outcome: Outcome::Ok,
                }),
            ),
            (
                "fact os ID=\"debian\"",
                Line::Fact {
                    name: "os".into(),
                    value: "ID=\"debian\"".into(),
                },
            ),
            (
                "fact end",
                Line::Fact {
                    name: "end".into(),
                    value: String::new(),
                },
            ),
            (
                "want ab 7 cd",
                Line::Want(Want {
                    sha256: "ab".into(),
                    has: 7,
                    prefix: "cd".into(),
                }),
            ),
            ("want ab -7 cd", Line::Noise),
            ("want ab 99999999999999999999 cd", Line::Noise),
            ("send gzip", Line::Send { gzip: true }),
            ("done 77aa", Line::Done("77aa".into())),
            ("interrupted 7", Line::Noise),
            ("made 0 /etc/x", Line::Journal(Record::Other)),
            ("Welcome to Debian", Line::Noise),
            ("end x", Line::Noise),
            ("end 3 abc 0 12.5\u{18}", Line::Noise),
        ] {
            assert_eq!(Line::parse(text.as_bytes()), line, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_line_is_too_strange(bytes: Vec<u8>) {
            let _ = Line::parse(&bytes);
        }
    }
}
