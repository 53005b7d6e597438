//! Measures one command with everything it starts, from a process of its own: what the kernel adds up for ended children
//! (getrusage(2), `RUSAGE_CHILDREN`) is then that command's alone.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Command, Stdio};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use nix::sys::prctl::set_child_subreaper;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::signal::{Signal, kill};
use nix::sys::time::TimeValLike;
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;
use serde_json::{Value, json};

/// How long what a command left behind has to end when it is asked to.
const LEAVE: Duration = Duration::from_secs(2);

/// A command and what is around it.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Measured {
    /// Seconds after which it is killed
    #[arg(long)]
    pub(crate) seconds: u64,
    /// Its standard input
    #[arg(long, default_value = "/dev/null")]
    pub(crate) input: PathBuf,
    /// Where its output and its errors go
    #[arg(long)]
    pub(crate) output: PathBuf,
    /// The time counts until the last line of output that holds this text, not until the end
    #[arg(long)]
    pub(crate) until: Option<String>,
    /// The command
    #[arg(last = true, required = true)]
    pub(crate) argv: Vec<String>,
}

/// What one command took.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Usage {
    /// Whether it ended with exit status 0.
    pub(crate) success: bool,
    /// Seconds from its start to its end.
    pub(crate) wall: f64,
    /// Seconds of CPU time, user and system, of it and everything it started.
    pub(crate) cpu: f64,
    /// The most memory that one of its processes had resident, in bytes.
    pub(crate) memory: f64,
}

/// Measures the command in a process of its own, with this environment and no other.
pub(crate) fn measure(command: &Measured, environment: &[(&str, String)]) -> Result<Usage, String> {
    let program = std::env::current_exe().map_err(|error| format!("find this program: {error}"))?;
    let mut measuring = Command::new(program);
    measuring
        .args(["measure", "--seconds", &command.seconds.to_string(), "--input"])
        .arg(&command.input);
    measuring.arg("--output").arg(&command.output);
    if let Some(until) = &command.until {
        measuring.args(["--until", until]);
    }
    let mut child = measuring
        .arg("--")
        .args(&command.argv)
        .env_clear()
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("start this program again: {error}"))?;
    // Held until the end: when this process is killed, the measuring one sees its standard input close.
    let lifeline = child.stdin.take();
    let mut said = Vec::new();
    if let Some(mut stdout) = child.stdout.take() {
        let _ = stdout.read_to_end(&mut said);
    }
    let _ = child.wait();
    drop(lifeline);
    let value: Value = serde_json::from_slice(&said).map_err(|error| format!("the measuring process failed: {error}"))?;
    let number = |name: &str| value.get(name).and_then(Value::as_f64).unwrap_or(f64::NAN);
    Ok(Usage {
        success: value.get("success").and_then(Value::as_bool).unwrap_or(false),
        wall: number("wall"),
        cpu: number("cpu"),
        memory: number("memory"),
    })
}

/// Why the measuring process need not wait any more.
enum Told {
    /// The command has ended.
    Ended,
    /// Whoever wanted to know is gone.
    Orphaned,
}

/// The measuring process: runs the command to its end, ends what it left behind, and gives [`Usage`] as JSON.
pub(crate) fn run(command: &Measured) -> Result<Value, String> {
    let explain = |what: &'static str| move |error: std::io::Error| format!("{what}: {error}");
    // What the command leaves behind (ControlPersist's masters) becomes our child, so it is counted and can be ended.
    set_child_subreaper(true).map_err(|error| format!("become a subreaper: {error}"))?;
    let (program, arguments) = command.argv.split_first().ok_or("no command")?;
    let output = File::create(&command.output).map_err(explain("make the output file"))?;
    let errors = output.try_clone().map_err(explain("share the output file"))?;
    let input = File::open(&command.input).map_err(explain("open the input file"))?;
    let mut started = Command::new(program);
    started.args(arguments).stdin(input).stderr(errors);
    started.stdout(match command.until {
        Some(_) => Stdio::piped(),
        None => output.try_clone().map_err(explain("share the output file"))?.into(),
    });
    let began = Instant::now();
    let mut child = started.spawn().map_err(|error| format!("start {program}: {error}"))?;
    let said = child.stdout.take();
    let copied = command
        .until
        .clone()
        .map(|text| std::thread::spawn(move || copy(said, output, &text, began)));
    let pid = pid_of(child.id())?;
    let (tell, told) = channel();
    let orphaned = tell.clone();
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        let _ = orphaned.send(Told::Orphaned);
    });
    let limit = Duration::from_secs(command.seconds);
    let killer = std::thread::spawn(move || match told.recv_timeout(limit) {
        Ok(Told::Ended) => {}
        Ok(Told::Orphaned) | Err(_) => {
            let _ = kill(pid, Signal::SIGKILL);
        }
    });
    let status = child.wait().map_err(explain("wait for the command"))?;
    let last = copied.and_then(|copied| copied.join().ok().flatten());
    let wall = last.unwrap_or_else(|| began.elapsed()).as_secs_f64();
    let _ = tell.send(Told::Ended);
    let _ = killer.join();
    end_the_rest();
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).map_err(|error| format!("getrusage: {error}"))?;
    let cpu =
        Duration::from_micros(u64::try_from((usage.user_time() + usage.system_time()).num_microseconds()).unwrap_or_default());
    Ok(json!({
        "success": status.success(),
        "wall": wall,
        "cpu": cpu.as_secs_f64(),
        "memory": usage.max_rss() * 1024,
    }))
}

/// Copies what a command says into the file; when the last line came that holds this text, counted from `began`.
fn copy(said: Option<ChildStdout>, mut output: File, text: &str, began: Instant) -> Option<Duration> {
    let mut last = None;
    for line in BufReader::new(said?).lines().map_while(Result::ok) {
        if line.contains(text) {
            last = Some(began.elapsed());
        }
        let _ = writeln!(output, "{line}");
    }
    last
}

/// Ends and reaps all children.
fn end_the_rest() {
    let began = Instant::now();
    loop {
        while let Ok(status) = waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            if status.pid().is_none() {
                break;
            }
        }
        let children = children();
        if children.is_empty() || began.elapsed() > LEAVE * 2 {
            return;
        }
        let signal = if began.elapsed() < LEAVE {
            Signal::SIGTERM
        } else {
            Signal::SIGKILL
        };
        for pid in children {
            let _ = kill(pid, signal);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// This process's children (proc(5), /proc/pid/task/tid/children). Its first thread started the command, and the kernel gives
/// that thread the orphans, too.
fn children() -> Vec<Pid> {
    let own = std::process::id();
    let list = Path::new("/proc/self/task").join(own.to_string()).join("children");
    let text = std::fs::read_to_string(list).unwrap_or_default();
    text.split_whitespace()
        .filter_map(|word| word.parse().ok().map(Pid::from_raw))
        .collect()
}

fn pid_of(id: u32) -> Result<Pid, String> {
    i32::try_from(id)
        .map(Pid::from_raw)
        .map_err(|error| format!("PID {id}: {error}"))
}
