//! A case made of files alone: inputs, `command` (one command line a line) and `expected.txt`.
//!
//! In inputs and commands, `@NAME@` stands for what is only known when the test runs. If there is a file `stdin`, it is the
//! standard input of each command; else that is empty.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use testbed::{ClientKeyType, Keys};

use super::{Placeholders, compare, transcript};
use crate::lab::{Lab, Ran};

/// Addresses where something listens and nobody answers: a connection that is made is there to be seen.
pub(crate) struct Untouched {
    listeners: Vec<TcpListener>,
    port: u16,
}

/// Two addresses that no machine of the testbed has.
const ADDRESSES: [&str; 2] = ["127.33.0.1", "127.33.0.2"];

impl Untouched {
    pub(crate) fn new() -> Self {
        loop {
            let first = TcpListener::bind((ADDRESSES[0], 0)).unwrap();
            let port = first.local_addr().unwrap().port();
            // Somebody else may have the port on the other address.
            if let Ok(second) = TcpListener::bind((ADDRESSES[1], port)) {
                let listeners = vec![first, second];
                listeners.iter().for_each(|listener| listener.set_nonblocking(true).unwrap());
                return Self { listeners, port };
            }
        }
    }

    /// Connections since the last call.
    fn connections(&self) -> usize {
        let taken = |listener: &TcpListener| std::iter::from_fn(|| listener.accept().ok()).count();
        self.listeners.iter().map(taken).sum()
    }
}

/// The keys that cases use.
pub(crate) struct CaseKeys {
    plain: String,
    encrypted: String,
}

impl CaseKeys {
    pub(crate) fn new() -> Self {
        let keys = Keys::of_this_process().unwrap();
        let encrypted = keys.make("encrypted", ClientKeyType::Ed25519, Some("correct horse")).unwrap();
        Self {
            plain: keys.private_key().unwrap(),
            encrypted: fs::read_to_string(encrypted).unwrap(),
        }
    }
}

/// Runs a case's commands; `Err` says what is not as expected. `may_end` says whether a command may end so.
pub(crate) fn run(
    case: &Path,
    untouched: &Untouched,
    keys: &CaseKeys,
    may_end: fn(command: &str, status: i32) -> bool,
) -> Result<(), String> {
    let lab = Lab::new();
    let values = [
        ("@ADDRESS@", ADDRESSES[0].to_owned()),
        ("@ADDRESS2@", ADDRESSES[1].to_owned()),
        ("@PORT@", untouched.port.to_string()),
        ("@KEY@", STANDARD.encode(&keys.plain)),
        ("@ENCRYPTED_KEY@", STANDARD.encode(&keys.encrypted)),
    ];
    let fill = |text: String| values.iter().fold(text, |text, (name, value)| text.replace(name, value));
    copy(case, lab.path("").as_path(), &fill);
    lab.file("key", &keys.plain);
    lab.file("encrypted-key", &keys.encrypted);
    let before = lab.files();
    let mut placeholders = Placeholders::default();
    placeholders.hide(lab.path("").display().to_string().trim_end_matches('/'), "<FOLDER>");
    placeholders.hide(untouched.port, "<PORT>");
    let commands = fs::read_to_string(case.join("command")).unwrap();
    let (mut text, mut failures) = (String::new(), Vec::new());
    for command in commands.lines() {
        let filled = fill(command.to_owned());
        let words = words(&filled);
        let args: Vec<_> = words.iter().map(String::as_str).collect();
        let process = lab.anywhere(args.strip_prefix(&["anywhere"]).unwrap());
        // Without a terminal, whoever runs the tests: nothing may be asked.
        let mut process = without_terminal(&process);
        if let Ok(stdin) = fs::File::open(lab.path("stdin")) {
            process.stdin(Stdio::from(stdin));
        }
        let ran = Ran::of(process.output().unwrap());
        if !may_end(command, ran.status) {
            failures.push(format!("{command}: exit status {}", ran.status));
        }
        for secret in ["hunter2", "correct horse"] {
            if ran.all().contains(secret) {
                failures.push(format!("{command}: a secret was shown"));
            }
        }
        text.push_str(&transcript(command, ran.status, &ran.out, &ran.err));
    }
    if untouched.connections() > 0 {
        failures.push("a machine was touched".to_owned());
    }
    if lab.files() != before {
        failures.push(format!("files were changed: {:?}", lab.files()));
    }
    failures.extend(compare(&case.join("expected.txt"), &placeholders.apply(&text)).err());
    if failures.is_empty() {
        Ok(())
    } else {
        Err(format!("{}: {}", case.display(), failures.join("\n")))
    }
}

/// The same command in a session of its own, by setsid(1) of util-linux.
fn without_terminal(command: &Command) -> Command {
    let mut wrapped = Command::new("/usr/bin/setsid");
    wrapped.arg("--wait").arg(command.get_program()).args(command.get_args());
    wrapped.current_dir(command.get_current_dir().unwrap()).env_clear();
    wrapped.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    wrapped.stdin(Stdio::null());
    wrapped
}

fn copy(from: &Path, to: &Path, fill: &dyn Fn(String) -> String) {
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            fs::create_dir(&target).unwrap();
            copy(&path, &target, fill);
        } else if !matches!(
            path.file_name().and_then(|name| name.to_str()),
            Some("command" | "expected.txt")
        ) {
            match String::from_utf8(fs::read(&path).unwrap()) {
                Ok(text) => fs::write(target, fill(text)).unwrap(),
                Err(binary) => fs::write(target, binary.into_bytes()).unwrap(),
            }
        }
    }
}

/// The words of a command line; single quotation marks hold a word together.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (index, part) in line.split('\'').enumerate() {
        if index % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}
