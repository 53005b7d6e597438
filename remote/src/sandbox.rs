//! Templates rendered in a process of their own, which has only so much memory and time: whoever writes a template may ask for more,
//! and then only that process ends.
//!
//! The process is this program again, started with arguments by which it knows to call [`serve`]. It sets its own limits before it
//! reads anything (setrlimit(2)), has nothing of the environment, and is given the template and its variables on standard input.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child as Process, Command, ExitCode, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::Signal;

use crate::bootstrap::{Fault, InProcess, MAX_TEXT_BYTES, Renderer, Rendering, Variables};

/// All memory that the process may have, in bytes: its program, template, variables and output included.
pub const MAX_MEMORY_BYTES: u64 = 512 * 1024 * 1024;

/// The seconds of computing that it may take.
pub const MAX_CPU_SECONDS: u64 = 5;

/// How long it is waited for: on a busy host five seconds of computing take longer.
const DEADLINE: Duration = Duration::from_secs(60);

/// The longest first line of an answer; names of variables are in it, which are bounded themselves.
const MAX_HEAD_BYTES: usize = 64 * 1024;

/// Renders each template in a new process.
#[derive(Clone, Debug)]
pub struct Sandbox {
    program: PathBuf,
    arguments: Vec<OsString>,
}

impl Sandbox {
    /// By this very program, whatever has become of its file meanwhile. With these arguments it must call [`serve`].
    #[must_use]
    pub fn of_this_program<I: IntoIterator<Item: Into<OsString>>>(arguments: I) -> Self {
        Self {
            program: "/proc/self/exe".into(),
            arguments: arguments.into_iter().map(Into::into).collect(),
        }
    }

    fn start(&self) -> std::io::Result<Process> {
        Command::new(&self.program)
            .args(&self.arguments)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
    }
}

impl Renderer for Sandbox {
    fn render(&self, template: &str, variables: &Variables) -> Rendering {
        let fault = |fault| Rendering::Fault { line: 1, fault };
        let (Ok(variables), Ok(mut process)) = (serde_json::to_vec(variables), self.start()) else {
            return fault(Fault::Process);
        };
        // A process that ends before it has read all says by its end why.
        if let Some(mut input) = process.stdin.take() {
            let _ = input
                .write_all(&variables)
                .and_then(|()| input.write_all(b"\n"))
                .and_then(|()| input.write_all(template.as_bytes()));
        }
        let (sender, answers) = channel();
        let output = process.stdout.take();
        let reading = std::thread::spawn(move || {
            let _ = sender.send(output.map(read_answer));
        });
        let answer = answers.recv_timeout(DEADLINE);
        let is_late = matches!(answer, Err(RecvTimeoutError::Timeout));
        if is_late {
            let _ = process.kill();
        }
        let status = process.wait();
        let _ = reading.join();
        match (answer, status) {
            (Ok(Some(Some(rendering))), Ok(status)) if status.success() => rendering,
            (_, Ok(status)) => fault(why(status.signal(), is_late)),
            (_, Err(_)) => fault(Fault::Process),
        }
    }
}

/// What the end of the process means.
fn why(signal: Option<i32>, is_late: bool) -> Fault {
    match signal.map(Signal::try_from) {
        _ if is_late => Fault::Time,
        // Rust's word for memory that it does not get; and the kernel's for a stack that does not grow.
        Some(Ok(Signal::SIGABRT | Signal::SIGSEGV | Signal::SIGBUS)) => Fault::Memory,
        Some(Ok(Signal::SIGXCPU)) => Fault::Time,
        // The kernel's, when all memory is gone.
        Some(Ok(Signal::SIGKILL)) => Fault::Memory,
        Some(Ok(_) | Err(_)) | None => Fault::Process,
    }
}

/// One line of JSON, and behind it the text, if there is one; bounded, and nothing if it is neither.
fn read_answer(output: impl Read) -> Option<Rendering> {
    let mut bytes = Vec::new();
    let most = (MAX_TEXT_BYTES + MAX_HEAD_BYTES) as u64;
    output.take(most + 1).read_to_end(&mut bytes).ok()?;
    let head = bytes.iter().take(MAX_HEAD_BYTES).position(|byte| *byte == b'\n')?;
    let text = bytes.split_off(head.checked_add(1)?);
    match serde_json::from_slice(&bytes).ok()? {
        Rendering::Text(_) if text.len() > MAX_TEXT_BYTES => None,
        Rendering::Text(_) => String::from_utf8(text).ok().map(Rendering::Text),
        other @ (Rendering::Needs(_) | Rendering::Fault { .. }) => Some(other),
    }
}

/// What the process does: limits itself, reads, renders, answers, ends.
#[must_use]
pub fn serve() -> ExitCode {
    let done = limit().and_then(|()| {
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes).ok()?;
        answer(&bytes, std::io::stdout().lock())
    });
    if done.is_some() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn limit() -> Option<()> {
    for (resource, most) in [
        (Resource::RLIMIT_AS, MAX_MEMORY_BYTES),
        (Resource::RLIMIT_CPU, MAX_CPU_SECONDS),
        // What it was given may be secret, and must not be left in a file.
        (Resource::RLIMIT_CORE, 0),
    ] {
        // Whoever started us may have set narrower limits, which nobody can widen.
        let (_, hard) = getrlimit(resource).ok()?;
        let most = most.min(hard);
        setrlimit(resource, most, most.saturating_add(u64::from(most > 0)).min(hard)).ok()?;
    }
    Some(())
}

fn answer(bytes: &[u8], mut output: impl Write) -> Option<()> {
    let head = bytes.iter().position(|byte| *byte == b'\n')?;
    let (variables, template) = bytes.split_at_checked(head)?;
    let variables: Variables = serde_json::from_slice(variables).ok()?;
    let template = std::str::from_utf8(template.get(1..)?).ok()?;
    let mut rendering = InProcess.render(template, &variables);
    let text = match &mut rendering {
        Rendering::Text(text) => std::mem::take(text),
        Rendering::Needs(_) | Rendering::Fault { .. } => String::new(),
    };
    let mut head = serde_json::to_vec(&rendering).ok()?;
    head.push(b'\n');
    output.write_all(&head).ok()?;
    output.write_all(text.as_bytes()).ok()?;
    output.flush().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn through(template: &str) -> Option<Rendering> {
        let mut output = Vec::new();
        answer(format!("{{}}\n{template}").as_bytes(), &mut output)?;
        read_answer(output.as_slice())
    }

    #[test]
    fn what_goes_through_comes_out_as_it_is() {
        assert_eq!(through("a\n{{ 1 + 1 }}\n\n"), Some(Rendering::Text("a\n2\n\n".to_owned())));
        assert_eq!(through(""), Some(Rendering::Text(String::new())));
        assert_eq!(
            through("{{ v1.distro }}"),
            Some(Rendering::Needs(vec!["v1.distro".to_owned()]))
        );
        let fault = Fault::Syntax;
        assert_eq!(through("\n{{ a b }}"), Some(Rendering::Fault { line: 2, fault }));
    }

    #[test]
    fn answers_that_are_none() {
        for answer in [
            "",
            "{}",
            "{}\n",
            "\"Text\"\nx",
            "{\"Text\":\"\"}",
            &"x".repeat(2 * MAX_HEAD_BYTES),
            &format!("{{\"Text\":\"\"}}\n{}", "x".repeat(MAX_TEXT_BYTES + 1)),
        ] {
            assert_eq!(read_answer(answer.as_bytes()), None);
        }
        assert_eq!(read_answer(&b"{\"Text\":\"\"}\n\xff"[..]), None);
    }

    #[test]
    fn a_program_that_is_none() {
        let sandbox = Sandbox {
            program: "/nonexistent".into(),
            arguments: Vec::new(),
        };
        let fault = Fault::Process;
        assert_eq!(
            sandbox.render("x", &Variables::default()),
            Rendering::Fault { line: 1, fault }
        );
    }
}
