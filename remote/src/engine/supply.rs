//! What a host lacks is sent to it: contents, block by block, on the input of the program that asked for them.
//!
//! A host is never believed: it can only ask for contents of its own plan, each once a connection, from bytes that they have.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, timeout};

use super::Event;
use super::error::Error;
use super::progress::End;
use crate::content::{Block, Content, Form, Pace};
use crate::event::{Line, Want};
use crate::plan::{Action, Plan};
use crate::ssh::{ExecError, ProcessInput};

/// How often progress is told.
const TELL: Duration = Duration::from_millis(500);

/// The size of a plain piece, in bytes; and how many are announced together: fewer where each announcement is a chance to compress.
const PLAIN: usize = 256 * 1024;
const SHORT_RUN: u64 = 8;
const LONG_RUN: u64 = 64;

/// The largest packet that OpenSSH takes.
const PIECE: usize = 32 * 1024;

/// What a plan needs beside its program, and what the host on this connection has asked for.
pub(super) struct Supply<'a> {
    listener: &'a (dyn Fn(Event) + Sync),
    /// By SHA-256: the content, and the number of the first step that needs it.
    contents: HashMap<&'a str, (&'a Content, usize)>,
    wanted: Vec<(Content, usize, Want)>,
    sent: bool,
}

/// What is to be sent now.
pub(super) struct Delivery<'a> {
    wanted: Vec<(Content, usize, Want)>,
    gzip: bool,
    listener: &'a (dyn Fn(Event) + Sync),
}

/// Why sending ended early.
#[derive(Debug)]
pub(super) enum Interruption {
    /// The program takes nothing more: what it says last tells why.
    Closed,
    /// It takes nothing, for this many seconds.
    Stuck(u64),
    /// There is nothing to send any more.
    Failed(Error),
}

impl<'a> Supply<'a> {
    pub(super) fn of(plan: &'a Plan, listener: &'a (dyn Fn(Event) + Sync)) -> Self {
        let mut contents = HashMap::new();
        for (index, step) in plan.steps().iter().enumerate() {
            if let Action::CopyFile(file) = &step.action {
                contents
                    .entry(file.content.sha256().as_str())
                    .or_insert((&file.content, index + 1));
            }
        }
        Self {
            listener,
            contents,
            wanted: Vec::new(),
            sent: false,
        }
    }

    /// How many bytes of all contents the host has said to have: it grows with each connection that got further.
    pub(super) fn reached(&self) -> u64 {
        self.wanted.iter().map(|(_, _, want)| want.has).fold(0, u64::saturating_add)
    }

    /// One more line. Gives what is to be sent, once the host waits for it; or the end, if this is one.
    pub(super) fn observe(&mut self, line: &Line) -> Result<Option<Delivery<'a>>, End> {
        match line {
            Line::Want(want) if !self.sent => self.want(want.clone()).map(|()| None),
            Line::Send { gzip } if !self.sent => {
                self.sent = true;
                Ok(Some(Delivery {
                    wanted: self.wanted.clone(),
                    gzip: *gzip,
                    listener: self.listener,
                }))
            }
            Line::Bad(sha256) => match self.contents.get(sha256.as_str()) {
                Some((content, _)) if self.has_part(sha256) => {
                    Err(End::Again(format!("the host's part of {} was damaged", content.label())))
                }
                Some((content, _)) => Err(End::Bad(Error::Content(format!(
                    "{} arrived as something else: it was changed while it was read; run the same command again",
                    content.label()
                )))),
                None => Err(End::hostile("reports a content that it was not sent")),
            },
            Line::Want(_) | Line::Send { .. } => Err(End::hostile("asks for contents a second time")),
            Line::Hello { .. }
            | Line::Owned(_)
            | Line::Foreign { .. }
            | Line::Owner(_)
            | Line::Held(_)
            | Line::Done(_)
            | Line::Clean
            | Line::Follow { .. }
            | Line::Got(_)
            | Line::Alive
            | Line::Fact { .. }
            | Line::Lost(_)
            | Line::Fail { .. }
            | Line::Journal(_)
            | Line::Noise => Ok(None),
        }
    }

    fn has_part(&self, sha256: &str) -> bool {
        self.wanted.iter().any(|(_, _, want)| want.sha256 == sha256 && want.has > 0)
    }

    fn want(&mut self, want: Want) -> Result<(), End> {
        let Some((content, number)) = self.contents.get(want.sha256.as_str()) else {
            return Err(End::hostile("asks for a content that is not of its plan"));
        };
        if want.has > content.size() {
            let what = format!(
                "says to have {} bytes of {}, which has {}",
                want.has,
                content.label(),
                content.size()
            );
            return Err(End::hostile(&what));
        }
        if self.wanted.iter().any(|(_, _, other)| other.sha256 == want.sha256) {
            return Err(End::hostile("asks for the same content twice"));
        }
        self.wanted.push(((*content).clone(), *number, want));
        Ok(())
    }
}

impl Delivery<'_> {
    /// Sends all that is wanted; a piece of it may take as long as `patience`.
    pub(super) async fn send(self, input: &ProcessInput, patience: Duration) -> Result<(), Interruption> {
        let outlet = Outlet {
            input,
            patience,
            listener: self.listener,
        };
        for (content, number, want) in &self.wanted {
            outlet.content(content, *number, want, self.gzip).await?;
        }
        Ok(())
    }
}

/// The way to one host.
struct Outlet<'a> {
    input: &'a ProcessInput,
    patience: Duration,
    listener: &'a (dyn Fn(Event) + Sync),
}

impl Outlet<'_> {
    async fn content(&self, content: &Content, number: usize, want: &Want, gzip: bool) -> Result<(), Interruption> {
        let size = content.size();
        let from = begin(content, want).await?;
        let head = format!("content {} {from} {size}\n", content.sha256());
        self.write(head.into()).await?;
        let mut pace = Pace::new(gzip && content.is_compressible());
        let mut at = from;
        let mut told = Instant::now();
        let tell = |sent| (self.listener)(Event::Sending { number, sent, size });
        tell(from);
        let mut feed = Feed {
            content,
            at: from,
            run: 0,
        };
        let mut ready = feed.next(pace.form()).await?;
        while let Some(Piece { head, block }) = ready {
            at = at.saturating_add(block.length as u64);
            let (form, length, bytes) = (block.form, block.length, block.bytes.len());
            let began = Instant::now();
            let sending = async {
                self.write(head.into()).await?;
                self.write(block.bytes).await
            };
            // The next block is read, and compressed, while this one is on its way.
            let (sent, following) = tokio::join!(sending, feed.next(pace.form()));
            sent?;
            pace.observe(form, length, bytes, began.elapsed());
            ready = following?;
            if told.elapsed() >= TELL {
                told = Instant::now();
                tell(at);
            }
        }
        self.write("end\n".into()).await?;
        (self.listener)(Event::Sent { number, from, size });
        Ok(())
    }

    /// Piece by piece, so that the deadline is for what a slow link takes in that time.
    async fn write(&self, mut bytes: Bytes) -> Result<(), Interruption> {
        while !bytes.is_empty() {
            let piece = bytes.split_to(bytes.len().min(PIECE));
            match timeout(self.patience, self.input.write(piece)).await {
                Ok(Ok(())) => {}
                Ok(Err(ExecError::InputClosed)) => return Err(Interruption::Closed),
                Ok(Err(error)) => return Err(Interruption::Failed(error.into())),
                Err(_) => return Err(Interruption::Stuck(self.patience.as_secs())),
            }
        }
        Ok(())
    }
}

/// From which byte on a content is sent: from where the host's part ends, if that is what the content begins with.
async fn begin(content: &Content, want: &Want) -> Result<u64, Interruption> {
    if want.has == 0 {
        return Ok(0);
    }
    let (content, has) = (content.clone(), want.has);
    let prefix = tokio::task::spawn_blocking(move || content.prefix(has)).await;
    match prefix {
        Ok(Ok(prefix)) if prefix.as_str() == want.prefix => Ok(want.has),
        Ok(Ok(_)) => Ok(0),
        Ok(Err(error)) => Err(Interruption::Failed(Error::Content(error.to_string()))),
        // The runtime is shutting down.
        Err(_) => Err(Interruption::Closed),
    }
}

/// What is sent next, with the line that has to stand before it.
struct Piece {
    head: String,
    block: Block,
}

/// The rest of a content in pieces.
struct Feed<'a> {
    content: &'a Content,
    at: u64,
    /// Pieces still to come that were announced together: the host starts a program for each announcement.
    run: u64,
}

impl Feed<'_> {
    /// The next piece, in this form unless it was announced in another one; nothing at the end.
    async fn next(&mut self, form: Form) -> Result<Option<Piece>, Interruption> {
        let (content, at) = (self.content, self.at);
        let left = content.size().saturating_sub(at);
        if left == 0 {
            return Ok(None);
        }
        let (head, block) = if self.run > 0 {
            self.run -= 1;
            (String::new(), content.plain(at, PLAIN).await)
        } else if form == Form::Gzip {
            let block = content.packed(at).await;
            let head = block
                .as_ref()
                .map_or_else(|_| String::new(), |block| announce(block.form, block.bytes.len(), 1));
            (head, block)
        } else {
            let run = if content.is_compressible() { SHORT_RUN } else { LONG_RUN };
            let count = (left / PLAIN as u64).min(run);
            self.run = count.saturating_sub(1);
            let length = if count == 0 {
                usize::try_from(left).unwrap_or(PLAIN)
            } else {
                PLAIN
            };
            (announce(Form::Plain, length, count.max(1)), content.plain(at, length).await)
        };
        let block = block.map_err(|error| Interruption::Failed(Error::Content(error.to_string())))?;
        self.at = at.saturating_add(block.length as u64);
        Ok(Some(Piece { head, block }))
    }
}

fn announce(form: Form, length: usize, count: u64) -> String {
    let word = match form {
        Form::Plain => "plain",
        Form::Gzip => "gzip",
    };
    format!("{word} {length} {count}\n")
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::OnceLock;

    use super::*;
    use crate::plan::CopyFile;

    /// A plan with one content of three bytes.
    fn plan() -> &'static Plan {
        static PLAN: OnceLock<Plan> = OnceLock::new();
        PLAN.get_or_init(|| {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(b"abc").unwrap();
            let copy = CopyFile {
                path: b"/x".to_vec(),
                content: Content::of_file("x".to_owned(), file, None).unwrap(),
                owner: None,
                mode: 0o644,
                append: false,
            };
            Plan::of(vec![("x".to_owned(), Action::CopyFile(copy))]).unwrap()
        })
    }

    const SHA256: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    /// What the lines of a host lead to: the number of contents it is sent, or how it ends.
    fn answer(lines: &[&str]) -> Result<usize, String> {
        let listener = |_: Event| {};
        let mut supply = Supply::of(plan(), &listener);
        let mut wanted = 0;
        for line in lines {
            match supply.observe(&Line::parse(line.replace("SHA", SHA256).as_bytes())) {
                Ok(Some(delivery)) => wanted += delivery.wanted.len(),
                Ok(None) => {}
                Err(End::Bad(error)) => return Err(error.to_string()),
                Err(End::Again(reason)) => return Err(format!("again: {reason}")),
                Err(End::Ok | End::Unchanged) => return Err("ended".to_owned()),
            }
        }
        Ok(wanted)
    }

    #[test]
    fn a_host_gets_what_it_lacks_once_and_nothing_else() {
        assert_eq!(answer(&["want SHA 0 -", "send gzip"]), Ok(1));
        assert_eq!(answer(&["want SHA 3 xyz", "send plain", "got SHA"]), Ok(1));
        assert_eq!(answer(&["send gzip"]), Ok(0));
        // None of these is a line of ours.
        assert_eq!(answer(&["want SHA -1 -", "want SHA 1e9 -", "want", "send gzip"]), Ok(0));
        for (lines, why) in [
            (&["want SHA 4 xyz"][..], "says to have 4 bytes of x, which has 3"),
            (
                &["want SHA 18446744073709551615 xyz"],
                "says to have 18446744073709551615 bytes",
            ),
            (&["want 00 0 -"], "asks for a content that is not of its plan"),
            (&["want SHA 0 -", "want SHA 0 -"], "asks for the same content twice"),
            (&["send gzip", "send gzip"], "asks for contents a second time"),
            (&["send gzip", "want SHA 0 -"], "asks for contents a second time"),
            (&["want SHA 0 -", "send gzip", "bad SHA"], "x arrived as something else"),
            (
                &["want SHA 1 xyz", "send gzip", "bad SHA"],
                "again: the host's part of x was damaged",
            ),
            (&["bad 00"], "reports a content that it was not sent"),
        ] {
            let error = answer(lines).unwrap_err();
            assert!(error.contains(why), "{lines:?}: {error}");
        }
    }
}
