//! The processes of one control plane and its files, which end with this process however it ends.
//!
//! As with machines: a shell that is PID 1 of a PID namespace reads its orders from a pipe, and ends when that closes.

use super::options::Part;
use super::pki::write_private;
use crate::error::TestbedError;
use crate::program::{PATH, poll, wait};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The folder of a control plane, as its own processes see it.
pub(super) const INSIDE: &str = "/mnt";
/// How much of a log an error shows, in lines.
const TAIL: usize = 25;

/// A running PID 1 with a folder in memory.
#[derive(Debug)]
pub(super) struct Cage {
    outermost: Child,
    orders: Mutex<Option<ChildStdin>>,
}

impl Cage {
    pub(super) fn new() -> Result<Self, TestbedError> {
        let mut outermost = Command::new("/usr/bin/unshare")
            .args(["--mount", "--propagation", "private", "--pid", "--fork", "--kill-child"])
            .args(["/bin/sh", "-c", include_str!("../scripts/control-plane.sh"), "control-plane"])
            .env_clear()
            .env("PATH", PATH)
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .map_err(TestbedError::io("start unshare"))?;
        let (orders, said) = (outermost.stdin.take(), outermost.stdout.take());
        let cage = Self {
            outermost,
            orders: Mutex::new(orders),
        };
        let mut line = String::new();
        if let Some(said) = said {
            BufReader::new(said)
                .read_line(&mut line)
                .map_err(TestbedError::io("read from a control plane's first process"))?;
        }
        match line.trim_end() {
            "ready" => Ok(cage),
            _ => Err(TestbedError::Spec(
                "a control plane's namespaces could not be made".to_owned(),
            )),
        }
    }

    /// The folder as everybody on the host sees it.
    pub(super) fn folder(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root{INSIDE}", self.outermost.id()))
    }

    /// Starts a program with these arguments.
    pub(super) fn start(&self, part: Part, program: &Path, arguments: &[String]) -> Result<(), TestbedError> {
        let words: Vec<String> = arguments.iter().map(|word| quoted(word)).collect();
        let text = format!("exec {} {}\n", quoted(&program.display().to_string()), words.join(" "));
        write_private(&self.folder().join(format!("{}.sh", part.program())), &text)?;
        self.order("start", part)
    }

    /// Starts a program again as it was started before.
    pub(super) fn start_again(&self, part: Part) -> Result<(), TestbedError> {
        let _ = std::fs::remove_file(self.ended_file(part));
        self.order("start", part)
    }

    /// Kills a program and waits for its end.
    pub(super) fn stop(&self, part: Part) -> Result<(), TestbedError> {
        self.order("stop", part)?;
        let ended = poll(Duration::from_secs(20), || self.ended(part));
        ended.map_or_else(|| Err(self.failed(part, "ended")), |_| Ok(()))
    }

    /// A program's exit status, once it has ended.
    pub(super) fn ended(&self, part: Part) -> Option<String> {
        std::fs::read_to_string(self.ended_file(part)).ok()
    }

    /// What a program wrote so far.
    pub(super) fn log(&self, part: Part) -> String {
        let bytes = std::fs::read(self.folder().join(format!("{}.log", part.program())));
        String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned()
    }

    /// Waits until the question has an answer, or the program ended.
    pub(super) fn wait_for<T>(
        &self,
        part: Part,
        state: &'static str,
        limit: Duration,
        mut question: impl FnMut() -> Option<T>,
    ) -> Result<T, TestbedError> {
        let answer = poll(limit, || match self.ended(part) {
            Some(_) => Some(None),
            None => question().map(Some),
        });
        answer.flatten().ok_or_else(|| self.failed(part, state))
    }

    fn failed(&self, part: Part, state: &'static str) -> TestbedError {
        let log = self.log(part);
        let lines: Vec<&str> = log.lines().collect();
        TestbedError::Component {
            component: part.program(),
            state,
            ended: self
                .ended(part)
                .map_or_else(|| "running".to_owned(), |status| format!("ended with {}", status.trim())),
            log: lines.get(lines.len().saturating_sub(TAIL)..).unwrap_or_default().join("\n"),
        }
    }

    fn ended_file(&self, part: Part) -> PathBuf {
        self.folder().join(format!("{}.ended", part.program()))
    }

    fn order(&self, verb: &str, part: Part) -> Result<(), TestbedError> {
        let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(orders) = orders.as_mut() else { return Ok(()) };
        writeln!(orders, "{verb} {}", part.program()).map_err(TestbedError::io("write to a control plane's first process"))
    }
}

impl Drop for Cage {
    fn drop(&mut self) {
        drop(self.orders.get_mut().unwrap_or_else(PoisonError::into_inner).take());
        if wait(&mut self.outermost, Duration::from_secs(20)).is_none() {
            let _ = self.outermost.kill();
            let _ = self.outermost.wait();
        }
    }
}

/// The word for a POSIX shell.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn words_stay_words() {
        assert_eq!(quoted("*,a b"), "'*,a b'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
