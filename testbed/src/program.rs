//! Running the host's programs, each with a deadline.

use crate::error::TestbedError;
use std::io::Write;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

/// Where the host's programs are searched, whatever the test process's own environment is.
pub(crate) const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Deadline of one program on the host or in a machine, in seconds, kept by coreutils' timeout(1).
const DEADLINE_SECONDS: &str = "120";

/// A command that is killed at the deadline, with a clean environment.
pub(crate) fn with_deadline(program: &str) -> Command {
    let mut command = Command::new("/usr/bin/timeout");
    command
        .args(["--signal=KILL", DEADLINE_SECONDS, program])
        .env_clear()
        .env("PATH", PATH);
    command
}

/// Runs the command with this standard input to its end.
pub(crate) fn output(command: &mut Command, stdin: &[u8], action: &str) -> Result<Output, TestbedError> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(TestbedError::io(action))?;
    let pipe = child.stdin.take();
    // The program may end without reading, or write much before it reads: feed it from a thread while reading.
    std::thread::scope(|scope| {
        if let Some(mut pipe) = pipe {
            scope.spawn(move || pipe.write_all(stdin));
        }
        child.wait_with_output().map_err(TestbedError::io(action))
    })
}

/// Runs the command and fails if it does.
pub(crate) fn succeed(command: &mut Command, stdin: &[u8], program: &str) -> Result<Output, TestbedError> {
    let output = output(command, stdin, program)?;
    if output.status.success() {
        return Ok(output);
    }
    let stderr = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(TestbedError::Program {
        program: program.to_owned(),
        status: output.status.to_string(),
        stderr,
    })
}

/// Asks the question until it has an answer or the time is over. The pause grows from 1 ms to 20 ms.
pub(crate) fn poll<T>(limit: Duration, mut question: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + limit;
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(answer) = question() {
            return Some(answer);
        }
        if Instant::now() >= end {
            return None;
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

/// Waits until the child ends, at most this long.
pub(crate) fn wait(child: &mut Child, limit: Duration) -> Option<ExitStatus> {
    poll(limit, || child.try_wait().ok().flatten())
}
