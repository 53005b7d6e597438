//! The line protocol between a program on a host and the engine: pure.
//!
//! A hostile host may send anything, so reading never fails and never grows: lines that are none of ours are [`Line::Noise`],
//! texts are cut and made printable. `docs/journal.md` describes the lines.

mod printable;
mod record;

pub use printable::{MAX_LINE, printable, shown};
use record::record;
pub use record::{Interruption, Outcome, Record};

/// The last byte of a line that was never written to its end: CAN (ECMA-48), "the data preceding it are in error"; see
/// `docs/journal.md`.
const CANCEL: u8 = 0x18;

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

#[cfg(test)]
mod tests;
