//! One connection: sends the program, reads lines until the end, the connection's loss, or the caller's wish to stop.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use super::Host;
use super::error::Error;
use super::inspect::LOGGED;
use super::lines::{Lines, RawLine};
use super::opening::open;
use super::privilege::{self, Way};
use super::privilege_error::PrivilegeError;
use super::pulse::Pulse;
use super::supply::{Delivery, Interruption};
use crate::event::{Line, printable};
use crate::script;
use crate::secret::Secret;
use crate::ssh::{Connection, ExecError, Output, Process, ProcessInput, ProcessOutput};

/// How long a host has to confirm that it stops, before we go without its word. Cancelling takes less than a second in all.
const STOP: Duration = Duration::from_millis(500);

/// The most of a program's standard error that is kept for an explanation; what a login shell says may stand before it.
pub(super) const MAX_SAID: usize = 64 * 1024;

/// The slowest link that is waited for, in bytes a second: so much longer than it may be silent has a host to say the first word, as it
/// says none before it has the whole program, of which megabytes may be under way.
const SLOWEST: u64 = 16 * 1024;

/// How much is heard of a program, and how long it may be silent.
pub(super) struct Bounds {
    /// Without a line that means something: noise does not count, however much there is of it.
    pub(super) silence: Duration,
    /// The most bytes that it may say.
    pub(super) bytes: u64,
}

/// How talking to a program ended.
pub(super) enum Talk<E> {
    /// The reader has what it wanted.
    End(E),
    /// The connection was lost before, for this reason; a new one may get further.
    Broken(String),
}

/// What a line is answered with.
pub(super) enum Answer<'a, E> {
    /// Nothing.
    Nothing,
    /// The program gets this on its standard input. Only while nothing else is being sent.
    Send(Delivery<'a>),
    /// That was all.
    End(E),
}

/// Sends `program` and gives each line of its answer to `read`, as it came and as what it means, until that returns an end. `way` is
/// how to become root; where it is refused, another one is tried and kept there.
///
/// # Errors
/// Whatever cannot be mended by another connection.
pub(super) async fn talk<'a, E>(
    connection: &Connection,
    host: &Host,
    way: &mut Way,
    program: &Secret,
    bounds: &Bounds,
    cancel: &CancellationToken,
    mut read: impl FnMut(RawLine, Line) -> Answer<'a, E>,
) -> Result<Talk<E>, Error> {
    let mut of_sudo: Option<PrivilegeError> = None;
    loop {
        let refusal = match talk_one_way(connection, host, *way, program, bounds, cancel, &mut read).await {
            Err(Error::Privilege(refusal)) => refusal,
            talked => return talked,
        };
        let Some(next) = way.next(&refusal, &host.privilege) else {
            let refusal = match of_sudo {
                Some(of_sudo) if way.is_doas() => privilege::which(of_sudo, refusal),
                _ => refusal,
            };
            return Err(Error::Privilege(refusal));
        };
        if !way.is_doas() {
            of_sudo = Some(refusal);
        }
        *way = next;
    }
}

async fn talk_one_way<'a, E>(
    connection: &Connection,
    host: &Host,
    way: Way,
    program: &Secret,
    &Bounds { silence, bytes: most }: &Bounds,
    cancel: &CancellationToken,
    read: &mut impl FnMut(RawLine, Line) -> Answer<'a, E>,
) -> Result<Talk<E>, Error> {
    let command = way.wrap(&host.privilege, &script::enter(program));
    // Not our own token: a command that is cancelled takes no input any more, and it must still take the word to stop.
    let detached = CancellationToken::new();
    let exec = async {
        if way.on_terminal() {
            connection.exec_on_terminal(&command, &detached).await
        } else {
            connection.exec(&command, &detached).await
        }
    };
    let process = tokio::select! {
        () = cancel.cancelled() => return Err(Error::Stopped),
        process = exec => process,
    };
    let process = match process {
        Ok(process) => process,
        Err(error) if error.is_transient() => return Ok(Talk::Broken(error.to_string())),
        Err(error) => return Err(error.into()),
    };
    let mut talker = Talker {
        process: None,
        said: Vec::new(),
        status: None,
        lost: None,
        lines: Lines::default(),
        began: false,
        before: Vec::new(),
        received: 0,
    };
    let Process { mut input, output } = process;
    talker.process = Some(output);
    if way.says_ready(&host.privilege) {
        let opened = open(way, host, &mut input, &mut talker, silence);
        tokio::select! {
            () = cancel.cancelled() => return Err(Error::Stopped),
            opened = opened => if let Some(reason) = opened? { return Ok(Talk::Broken(reason)) },
        }
    }
    let mut input = Some(input);
    let mut sending: Sending<'_> = Box::pin(send(input.take(), program));
    let mut stopping: Option<Instant> = None;
    // Not before then is it taken to be silent.
    let mut heard = Instant::now() + Duration::from_secs(program.len() as u64 / SLOWEST);
    let mut pulse = Pulse::default();
    loop {
        let deadline = stopping.unwrap_or(heard + silence);
        let next = tokio::select! {
            biased;
            () = cancel.cancelled(), if stopping.is_none() => {
                stopping = Some(Instant::now() + STOP);
                match &mut input {
                    // The program is still on its way: without its last line it does nothing.
                    None => return Err(Error::Stopped),
                    Some(input) => if !matches!(timeout(STOP, input.write_all(b"stop\n")).await, Ok(Ok(()))) {
                        return Err(Error::Stopped);
                    },
                }
                continue;
            }
            sent = &mut sending, if input.is_none() => {
                let (back, sent) = sent;
                (input, heard) = (Some(back), heard.max(Instant::now()));
                match sent {
                    Ok(()) | Err(Interruption::Closed) => continue,
                    Err(Interruption::Stuck(seconds)) => {
                        return Ok(Talk::Broken(format!("the host took nothing for {seconds} s")));
                    }
                    Err(Interruption::Failed(error)) => return Err(error),
                }
            }
            () = pulse.next(), if stopping.is_none() => {
                pulse.ask(Instant::now());
                // Where it cannot be written, nothing will be heard either, which is judged below.
                if let Some(input) = &mut input {
                    let _ = timeout(STOP, input.write_all(b"ping\n")).await;
                }
                continue;
            }
            next = timeout_at(deadline, talker.next()) => next,
        };
        if !talker.began && talker.received > MAX_SAID as u64 {
            return Err(too_much_before());
        }
        if talker.received > most {
            return Err(Error::Hostile(format!("said more than {} MiB", most >> 20)));
        }
        let lines = match next {
            Ok(Some(lines)) => lines,
            Ok(None) => return talker.closed(way, host).map(Talk::Broken),
            Err(_) if stopping.is_some() => return Err(Error::Stopped),
            Err(_) => {
                return Ok(Talk::Broken(format!("nothing was heard for {} s", silence.as_secs())));
            }
        };
        for line in lines {
            let parsed = Line::parse(&line.bytes);
            if !talker.begins(&parsed, &line.bytes) {
                continue;
            }
            if parsed != Line::Noise || line.bytes.starts_with(LOGGED) {
                heard = Instant::now();
            }
            pulse.hear(&parsed, heard);
            if let Line::Fail { text, .. } = &parsed
                && privilege::is_noexec(way, text)
            {
                let user = host.target.user.clone();
                return Err(Error::Privilege(PrivilegeError::NoExec { user }));
            }
            match read(line, parsed) {
                Answer::Nothing => {}
                Answer::Send(delivery) => {
                    if let Some(input) = input.take() {
                        sending = Box::pin(deliver(input, delivery, silence));
                    }
                }
                Answer::End(end) => return Ok(Talk::End(end)),
            }
        }
    }
}

/// The host goes on talking, and does not run what it was sent.
pub(super) fn too_much_before() -> Error {
    Error::Hostile(format!("said more than {} KiB before it ran anything", MAX_SAID >> 10))
}

/// What is being sent: gives the input back, which stays open, since its end would mean that we are gone.
type Sending<'a> = Pin<Box<dyn Future<Output = (ProcessInput, Result<(), Interruption>)> + Send + 'a>>;

async fn deliver(input: ProcessInput, delivery: Delivery<'_>, patience: Duration) -> (ProcessInput, Result<(), Interruption>) {
    let sent = delivery.send(&input, patience).await;
    (input, sent)
}

/// Sends the program.
async fn send(input: Option<ProcessInput>, program: &Secret) -> (ProcessInput, Result<(), Interruption>) {
    let Some(mut input) = input else {
        std::future::pending().await
    };
    // When the program ends before it was sent whole, its last words tell more than this error.
    let _ = input.write_all(program.expose()).await;
    (input, Ok(()))
}

/// Something that a program wrote.
enum Piece {
    Out(Bytes),
    Err(Bytes),
}

/// The output of one program.
pub(super) struct Talker {
    process: Option<ProcessOutput>,
    /// What it wrote to its standard error; while it is being opened, all that it wrote.
    pub(super) said: Vec<u8>,
    status: Option<u32>,
    lost: Option<String>,
    lines: Lines,
    began: bool,
    /// What came on standard output before the program began: the login shell's words.
    before: Vec<u8>,
    /// Bytes of all that it wrote.
    received: u64,
}

impl Talker {
    /// The next lines; none once nothing follows. May be dropped and called again.
    async fn next(&mut self) -> Option<Vec<RawLine>> {
        Some(match self.piece().await? {
            Piece::Out(bytes) => self.lines.push(&bytes),
            Piece::Err(bytes) => {
                self.keep(&bytes);
                Vec::new()
            }
        })
    }

    /// Adds the next words, wherever they were written to, to what was said; false once nothing follows.
    pub(super) async fn hear(&mut self) -> bool {
        let Some(Piece::Out(bytes) | Piece::Err(bytes)) = self.piece().await else {
            return false;
        };
        self.keep(&bytes);
        true
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = MAX_SAID.saturating_sub(self.said.len());
        self.said.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
    }

    fn count(&mut self, bytes: Bytes) -> Bytes {
        self.received = self.received.saturating_add(bytes.len() as u64);
        bytes
    }

    async fn piece(&mut self) -> Option<Piece> {
        loop {
            match self.process.as_mut()?.next().await {
                Output::Stdout(bytes) => return Some(Piece::Out(self.count(bytes))),
                Output::Stderr(bytes) => return Some(Piece::Err(self.count(bytes))),
                Output::Exited(status) => self.status = Some(status),
                Output::Signalled(_) => {}
                Output::Closed => self.process = None,
                Output::Lost(error) => {
                    self.lost = Some(if let ExecError::ConnectionLost(why) = error {
                        why
                    } else {
                        error.to_string()
                    });
                    self.process = None;
                }
            }
        }
    }

    /// Whether the program has begun with this line or one before: what the login shell says by itself means nothing.
    fn begins(&mut self, line: &Line, bytes: &[u8]) -> bool {
        if !self.began {
            self.began = matches!(line, Line::Hello { .. }) || matches!(line, Line::Fail { what, .. } if what != "tool");
            if !self.began && self.before.len() < MAX_SAID {
                self.before.extend_from_slice(bytes);
                self.before.push(b'\n');
            }
        }
        self.began
    }

    /// Nothing follows, and the reader wanted more: why, if another connection may get further.
    pub(super) fn closed(&self, way: Way, host: &Host) -> Result<String, Error> {
        let said = printable_lines(&self.said);
        if !self.began {
            if let Some(error) = privilege::explain(way, host, &said, self.status) {
                return Err(Error::Privilege(error));
            }
            if let Some(status) = self.status {
                let said = if said.is_empty() {
                    printable_lines(&self.before)
                } else {
                    said
                };
                let said = if said.is_empty() {
                    "it said nothing"
                } else {
                    said.trim_end_matches('.')
                };
                return Err(Error::NoProgram(format!(
                    "the login shell ended with exit status {status}: {said}"
                )));
            }
        }
        let why = self.lost.clone().unwrap_or_else(|| "the host closed it".to_owned());
        Ok(if said.is_empty() { why } else { format!("{why}; {said}") })
    }
}

pub(super) fn printable_lines(said: &[u8]) -> String {
    let lines: Vec<_> = said
        .split(|byte| *byte == b'\n')
        // A terminal's ends of lines.
        .map(|line| printable(line.strip_suffix(b"\r").unwrap_or(line)))
        .filter(|line| !line.trim().is_empty())
        .collect();
    lines.join("\n").trim().to_owned()
}
