//! The binary while it runs: its lines as they come, and ways to end it.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::Instant;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{Ran, WATCHDOG};

/// A running `anywhere`. Dropping it kills it.
pub(crate) struct Running {
    child: Child,
    lines: Receiver<String>,
    said: String,
    errors: Option<JoinHandle<String>>,
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (sender, lines) = channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let mut err = child.stderr.take().unwrap();
        let errors = std::thread::spawn(move || {
            let mut text = String::new();
            err.read_to_string(&mut text).unwrap();
            text
        });
        Self {
            child,
            lines,
            said: String::new(),
            errors: Some(errors),
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a line of output that holds this text.
    #[track_caller]
    pub(crate) fn until(&mut self, text: &str) {
        assert!(self.says(text), "it ended without saying {text}:\n{}", self.said);
    }

    /// Waits for the beginning of this step (with `-o json`).
    #[track_caller]
    pub(crate) fn until_step(&mut self, number: usize) {
        let end = format!("\"step\":{number}}}");
        let found = self.find(|line| line.contains("\"event\":\"step-began\"") && line.ends_with(&end));
        assert!(found, "it ended before step {number}:\n{}", self.said);
    }

    /// Whether a line of output that holds this text comes before the end.
    #[track_caller]
    pub(crate) fn says(&mut self, text: &str) -> bool {
        self.find(|line| line.contains(text))
    }

    #[track_caller]
    fn find(&mut self, is_it: impl Fn(&str) -> bool) -> bool {
        loop {
            match self.lines.recv_timeout(WATCHDOG) {
                Ok(line) => {
                    self.said += &line;
                    self.said.push('\n');
                    if is_it(&line) {
                        return true;
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return false,
                Err(RecvTimeoutError::Timeout) => panic!("nothing was said for long:\n{}", self.said),
            }
        }
    }

    /// Kills it, as the kernel does when memory is short.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn interrupt(&self) {
        kill(Pid::from_raw(i32::try_from(self.child.id()).unwrap()), Signal::SIGINT).unwrap();
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> Ran {
        while let Ok(line) = self.lines.recv_timeout(WATCHDOG) {
            self.said += &line;
            self.said.push('\n');
        }
        let began = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(began.elapsed() < WATCHDOG, "it does not end:\n{}", self.said);
            std::thread::sleep(std::time::Duration::from_millis(1));
        };
        Ran {
            status: status.code().unwrap_or(-1),
            out: std::mem::take(&mut self.said),
            err: self.errors.take().unwrap().join().unwrap(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
