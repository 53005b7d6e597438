//! A command running on a host: [`Process`], [`ProcessInput`], [`ProcessOutput`].
//!
//! The library delivers the messages of all channels of a connection from one loop, which waits while a channel's queue is
//! full. So each channel has a task of its own that does nothing but empty that queue; the loop waits only as long as
//! the reader of the output is slow, and never for a reader that has stopped reading.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use russh::{ChannelMsg, ChannelReadHalf, ChannelWriteHalf, client};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::error::ExecError;
use super::handshake::Findings;
use crate::event::printable;

/// Messages of output (of at most 32 KiB each) kept for a slow reader: at most 8 MiB per command.
const QUEUE: usize = 256;

/// The most bytes of a message: what the library tells the server when a channel is opened. It does not check that itself.
const LARGEST_MESSAGE: usize = 32 << 10;

/// How long to wait for the library to take the last message of a channel.
const GOODBYE: Duration = Duration::from_secs(1);

/// SSH_EXTENDED_DATA_STDERR (RFC 4254, 5.2).
const STDERR: u32 = 1;

/// Something a command did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// It wrote to its standard output.
    Stdout(Bytes),
    /// It wrote to its standard error.
    Stderr(Bytes),
    /// It ended with this status. More output may follow.
    Exited(u32),
    /// A signal ended it: the name without `SIG`, such as `KILL`. More output may follow.
    Signalled(String),
    /// The server closed the channel: nothing follows. Without `Exited` or `Signalled` before it, how the command ended is not known.
    Closed,
    /// Nothing follows, and what became of the command is not known.
    Lost(ExecError),
}

/// A command that was started. The two halves may be used at the same time and moved to different tasks.
#[derive(Debug)]
pub struct Process {
    /// Its standard input.
    pub input: ProcessInput,
    /// What it writes and how it ends.
    pub output: ProcessOutput,
}

/// The standard input of a command.
///
/// Dropping it does not close the input: half a script must not look like a whole one. See [`ProcessInput::close`].
#[derive(Debug)]
pub struct ProcessInput {
    channel: Arc<ChannelWriteHalf<client::Msg>>,
    ended: CancellationToken,
    cancel: CancellationToken,
}

/// The output of a command. When it is dropped, the channel is closed; the command itself may go on running on the host.
#[derive(Debug)]
pub struct ProcessOutput {
    queue: mpsc::Receiver<Output>,
    last: Option<oneshot::Receiver<Output>>,
}

impl ProcessInput {
    /// Writes all of `bytes`, as fast as the command reads them: at most the server's window (2 MiB with OpenSSH) is on its way.
    ///
    /// # Errors
    ///
    /// [`ExecError::InputClosed`] when the command ended before it read everything, [`ExecError::Cancelled`].
    /// After an error, or when the future was dropped, some of the bytes may have been sent.
    pub async fn write_all(&mut self, bytes: &[u8]) -> Result<(), ExecError> {
        // Copied piece by piece: the library wants to own what it sends, and a large file should not be there twice.
        for piece in bytes.chunks(32 << 10) {
            self.unless_ended(self.channel.data_bytes(Bytes::copy_from_slice(piece)))
                .await?;
        }
        Ok(())
    }

    /// Writes all of `bytes` without copying them; otherwise as [`ProcessInput::write_all`].
    ///
    /// # Errors
    ///
    /// As [`ProcessInput::write_all`].
    pub async fn write(&self, bytes: Bytes) -> Result<(), ExecError> {
        self.unless_ended(self.channel.data_bytes(bytes)).await
    }

    /// Tells the command that its input is complete (end of file).
    ///
    /// # Errors
    ///
    /// As [`ProcessInput::write_all`].
    pub async fn close(self) -> Result<(), ExecError> {
        self.unless_ended(self.channel.eof()).await
    }

    async fn unless_ended(&self, sent: impl Future<Output = Result<(), russh::Error>>) -> Result<(), ExecError> {
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err(ExecError::Cancelled),
            // The library would wait for ever for the window of a channel that is closed.
            () = self.ended.cancelled() => Err(ExecError::InputClosed),
            result = sent => result.map_err(|_| ExecError::InputClosed),
        }
    }
}

impl ProcessOutput {
    /// The next thing the command did. After [`Output::Closed`] or [`Output::Lost`] it is [`Output::Closed`] for ever.
    ///
    /// May be dropped and called again: nothing is lost.
    pub async fn next(&mut self) -> Output {
        if let Some(output) = self.queue.recv().await {
            return output;
        }
        let Some(last) = &mut self.last else { return Output::Closed };
        let output = last
            .await
            .unwrap_or_else(|_| Output::Lost(ExecError::ConnectionLost("it was closed".to_owned())));
        self.last = None;
        output
    }
}

/// What a drain needs to know of its surroundings.
pub(crate) struct Surroundings {
    pub(crate) cancel: CancellationToken,
    pub(crate) cut: CancellationToken,
    pub(crate) findings: Arc<Findings>,
    /// How long output may go unread.
    pub(crate) patience: Duration,
}

/// The process on a channel, and the task that empties the channel, to be spawned by the connection.
pub(crate) fn process(
    read: ChannelReadHalf,
    write: ChannelWriteHalf<client::Msg>,
    around: Surroundings,
) -> (Process, impl Future<Output = ()> + Send + 'static) {
    let channel = Arc::new(write);
    let ended = CancellationToken::new();
    let (queue_in, queue) = mpsc::channel(QUEUE);
    let (last_in, last) = oneshot::channel();
    let input = ProcessInput {
        channel: Arc::clone(&channel),
        ended: ended.clone(),
        cancel: around.cancel.clone(),
    };
    let drain = async move {
        // Also when the task is dropped half-way.
        let _ended = ended.drop_guard();
        let last = drain(read, &queue_in, &around).await;
        let close = last != Output::Closed;
        let _ = last_in.send(last);
        drop(queue_in);
        if close {
            let _ = tokio::time::timeout(GOODBYE, channel.close()).await;
        }
    };
    (
        Process {
            input,
            output: ProcessOutput { queue, last: Some(last) },
        },
        drain,
    )
}

/// Moves the channel's messages to the reader's queue until the channel ends, and returns what the reader shall see last.
async fn drain(mut channel: ChannelReadHalf, queue: &mpsc::Sender<Output>, around: &Surroundings) -> Output {
    let lost = || Output::Lost(ExecError::ConnectionLost(around.findings.why_lost()));
    loop {
        let message = tokio::select! {
            biased;
            () = around.cancel.cancelled() => return Output::Lost(ExecError::Cancelled),
            () = around.cut.cancelled() => return lost(),
            () = queue.closed() => return Output::Lost(ExecError::Cancelled),
            message = channel.wait() => message,
        };
        let Some(message) = message else { return lost() };
        let output = match meaning(message) {
            None => continue,
            Some(last @ (Output::Closed | Output::Lost(_))) => return last,
            Some(output) => output,
        };
        let Err(mpsc::error::TrySendError::Full(output)) = queue.try_send(output) else {
            continue;
        };
        tokio::select! {
            biased;
            () = around.cancel.cancelled() => return Output::Lost(ExecError::Cancelled),
            () = around.cut.cancelled() => return lost(),
            sent = tokio::time::timeout(around.patience, queue.send(output)) => match sent {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Output::Lost(ExecError::Cancelled),
                Err(_) => return Output::Lost(ExecError::OutputUnread(around.patience)),
            },
        }
    }
}

/// What a message says of the command, if anything.
fn meaning(message: ChannelMsg) -> Option<Output> {
    #[allow(clippy::wildcard_enum_match_arm)] // foreign and non_exhaustive; the rest says nothing about a command
    let output = match message {
        ChannelMsg::Close => Output::Closed,
        ChannelMsg::Failure => Output::Lost(ExecError::Refused("the exec request failed".to_owned())),
        ChannelMsg::Data { data } => Output::Stdout(data),
        ChannelMsg::ExtendedData { data, ext: STDERR } => Output::Stderr(data),
        ChannelMsg::ExitStatus { exit_status } => Output::Exited(exit_status),
        ChannelMsg::ExitSignal { signal_name, .. } => Output::Signalled(signal_name_of(&signal_name)),
        // An end of file is not the end: the exit status may come after it.
        _ => return None,
    };
    if let Output::Stdout(data) | Output::Stderr(data) = &output
        && data.len() > LARGEST_MESSAGE
    {
        let why = "the server sent more at once than it may (RFC 4254, 5.2)".to_owned();
        return Some(Output::Lost(ExecError::ConnectionLost(why)));
    }
    Some(output)
}

fn signal_name_of(signal: &russh::Sig) -> String {
    use russh::Sig;
    match signal {
        Sig::ABRT => "ABRT".to_owned(),
        Sig::ALRM => "ALRM".to_owned(),
        Sig::FPE => "FPE".to_owned(),
        Sig::HUP => "HUP".to_owned(),
        Sig::ILL => "ILL".to_owned(),
        Sig::INT => "INT".to_owned(),
        Sig::KILL => "KILL".to_owned(),
        Sig::PIPE => "PIPE".to_owned(),
        Sig::QUIT => "QUIT".to_owned(),
        Sig::SEGV => "SEGV".to_owned(),
        Sig::TERM => "TERM".to_owned(),
        Sig::USR1 => "USR1".to_owned(),
        Sig::Custom(name) => printable(name.as_bytes()).chars().take(40).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_messages_mean() {
        let largest = Bytes::from(vec![b'x'; LARGEST_MESSAGE]);
        let too_large = Bytes::from(vec![b'x'; LARGEST_MESSAGE + 1]);
        let lost = || {
            let why = "the server sent more at once than it may (RFC 4254, 5.2)".to_owned();
            Some(Output::Lost(ExecError::ConnectionLost(why)))
        };
        let extended = |data: &Bytes, ext| ChannelMsg::ExtendedData { data: data.clone(), ext };
        for (message, meant) in [
            (
                ChannelMsg::Data { data: largest.clone() },
                Some(Output::Stdout(largest.clone())),
            ),
            (ChannelMsg::Data { data: too_large.clone() }, lost()),
            (extended(&largest, STDERR), Some(Output::Stderr(largest.clone()))),
            (extended(&too_large, STDERR), lost()),
            // No standard error (RFC 4254, 5.2): not ours to read.
            (extended(&too_large, 2), None),
            (ChannelMsg::Eof, None),
            (ChannelMsg::ExitStatus { exit_status: 3 }, Some(Output::Exited(3))),
            (ChannelMsg::Close, Some(Output::Closed)),
        ] {
            let text = format!("{message:?}");
            assert_eq!(meaning(message), meant, "{}", text.get(..60).unwrap_or(&text));
        }
    }
}
