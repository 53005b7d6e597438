//! One connection: sends the program, reads lines until the end, the connection's loss, or the caller's wish to stop.

use std::time::Duration;

use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use super::error::{Error, PrivilegeError};
use super::lines::{Lines, RawLine};
use super::{Host, Privilege, privilege};
use crate::event::{Line, printable};
use crate::script;
use crate::secret::Secret;
use crate::ssh::{Connection, ExecError, Output, Process, ProcessInput, ProcessOutput};

/// How long a host has to confirm that it stops, before we go without its word. Cancelling takes less than a second in all.
const STOP: Duration = Duration::from_millis(500);

/// The most of a program's standard error that is kept for an explanation.
const MAX_SAID: usize = 8 * 1024;

/// How talking to a program ended.
pub(super) enum Talk<E> {
    /// The reader has what it wanted.
    End(E),
    /// The connection was lost before, for this reason; a new one may get further.
    Broken(String),
}

/// Sends `program` and gives each line of its answer to `read`, until that returns an end.
///
/// # Errors
/// Whatever cannot be mended by another connection.
pub(super) async fn talk<E>(
    connection: &Connection,
    host: &Host,
    program: &Secret,
    silence: Duration,
    cancel: &CancellationToken,
    mut read: impl FnMut(RawLine) -> Option<E>,
) -> Result<Talk<E>, Error> {
    let command = privilege::wrap(&host.privilege, &script::enter(program));
    // Not our own token: a command that is cancelled takes no input any more, and it must still take the word to stop.
    let detached = CancellationToken::new();
    let process = tokio::select! {
        () = cancel.cancelled() => return Err(Error::Stopped),
        process = connection.exec(&command, &detached) => process,
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
    };
    let Process { mut input, output } = process;
    talker.process = Some(output);
    if let Privilege::Sudo {
        password: Some(password),
    } = &host.privilege
    {
        let answered = answer(host, password, &mut input, &mut talker, silence);
        tokio::select! {
            () = cancel.cancelled() => return Err(Error::Stopped),
            answered = answered => if let Some(reason) = answered? { return Ok(Talk::Broken(reason)) },
        }
    }
    let mut input = Some(input);
    let mut sending = Box::pin(send(input.take(), program));
    let mut stopping: Option<Instant> = None;
    loop {
        let deadline = stopping.unwrap_or_else(|| Instant::now() + silence);
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
                input = Some(sent);
                continue;
            }
            next = timeout_at(deadline, talker.next()) => next,
        };
        let lines = match next {
            Ok(Some(lines)) => lines,
            Ok(None) => return talker.closed(host).map(Talk::Broken),
            Err(_) if stopping.is_some() => return Err(Error::Stopped),
            Err(_) => {
                return Ok(Talk::Broken(format!("nothing was heard for {} s", silence.as_secs())));
            }
        };
        for line in lines {
            talker.began |= matches!(Line::parse(&line.bytes), Line::Hello { .. } | Line::Fail { .. });
            if !talker.began && talker.before.len() < MAX_SAID {
                talker.before.extend_from_slice(&line.bytes);
                talker.before.push(b'\n');
            }
            if let Some(end) = read(line) {
                return Ok(Talk::End(end));
            }
        }
    }
}

/// Sends the program and hands the input back: it stays open, since its end would mean that we are gone.
async fn send(input: Option<ProcessInput>, program: &Secret) -> ProcessInput {
    let Some(mut input) = input else {
        std::future::pending().await
    };
    // When the program ends before it was sent whole, its last words tell more than this error.
    let _ = input.write_all(program.expose()).await;
    input
}

/// Answers sudo's question, if it asks; why the connection was lost, if it was.
async fn answer(
    host: &Host,
    password: &Secret,
    input: &mut ProcessInput,
    talker: &mut Talker,
    silence: Duration,
) -> Result<Option<String>, Error> {
    let mut answered = false;
    loop {
        let lines = match timeout(silence, talker.next()).await {
            Ok(Some(lines)) => lines,
            Ok(None) => return talker.closed(host).map(Some),
            Err(_) => return Ok(Some("sudo did not answer".to_owned())),
        };
        if lines.iter().any(|line| line.bytes == privilege::READY.as_bytes()) {
            return Ok(None);
        }
        match (
            String::from_utf8_lossy(&talker.said).matches(privilege::PROMPT).count(),
            answered,
        ) {
            (0, _) | (1, true) => {}
            (1, false) => {
                let mut line = zeroize::Zeroizing::new(password.expose().to_vec());
                line.push(b'\n');
                // If nobody reads it any more, the next words tell why.
                let _ = input.write_all(&line).await;
                answered = true;
            }
            _ => {
                let user = host.target.user.clone();
                return Err(Error::Privilege(PrivilegeError::WrongPassword { user }));
            }
        }
    }
}

/// The output of one program.
struct Talker {
    process: Option<ProcessOutput>,
    said: Vec<u8>,
    status: Option<u32>,
    lost: Option<String>,
    lines: Lines,
    began: bool,
    /// What came on standard output before the program began: the login shell's words.
    before: Vec<u8>,
}

impl Talker {
    /// The next lines; none once nothing follows. May be dropped and called again.
    async fn next(&mut self) -> Option<Vec<RawLine>> {
        loop {
            match self.process.as_mut()?.next().await {
                Output::Stdout(bytes) => return Some(self.lines.push(&bytes)),
                Output::Stderr(bytes) => {
                    let room = MAX_SAID.saturating_sub(self.said.len());
                    self.said.extend_from_slice(bytes.get(..room).unwrap_or(&bytes));
                    return Some(Vec::new());
                }
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

    /// Nothing follows, and the reader wanted more: why, if another connection may get further.
    fn closed(&self, host: &Host) -> Result<String, Error> {
        let said = printable_lines(&self.said);
        if !self.began {
            if let Some(error) = privilege::explain(host, &said, self.status) {
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

fn printable_lines(said: &[u8]) -> String {
    let lines: Vec<_> = said
        .split(|byte| *byte == b'\n')
        .map(printable)
        .filter(|line| !line.trim().is_empty())
        .collect();
    lines.join("\n").trim().to_owned()
}
