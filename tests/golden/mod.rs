//! Expected output in files: what the binary printed, with what differs from run to run replaced by placeholders.
//!
//! `UPDATE_GOLDEN=1` writes the files instead of comparing them; read the difference before committing it.
#![allow(dead_code)] // each test file is its own crate and uses what it needs
#![allow(clippy::unwrap_used, clippy::panic)] // a test that cannot be set up fails

pub(crate) mod case;

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

/// The text that a run leaves behind: command, exit status, both outputs.
pub(crate) fn transcript(command: &str, status: i32, out: &str, err: &str) -> String {
    let mut text = format!("$ {command}\nexit status: {status}\n");
    for (name, output) in [("stdout", out), ("stderr", err)] {
        if !output.is_empty() {
            let _ = writeln!(text, "--- {name}\n{}", output.trim_end());
        }
    }
    text
}

/// What stands for texts that differ from run to run.
#[derive(Default)]
pub(crate) struct Placeholders(Vec<(String, String)>);

impl Placeholders {
    /// This text becomes that placeholder. Longer texts go first, whatever the order in which they are given.
    pub(crate) fn hide(&mut self, text: impl ToString, placeholder: &str) {
        self.0.push((text.to_string(), placeholder.to_owned()));
        self.0.sort_by_key(|(text, _)| std::cmp::Reverse(text.len()));
    }

    /// The text with all placeholders in it: those that were given, and those for fingerprints, times, process IDs and the
    /// names of temporary folders on machines.
    pub(crate) fn apply(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (from, to) in &self.0 {
            text = text.replace(from, to);
        }
        for (before, is_part, placeholder) in [
            (
                "SHA256:",
                (|c| c.is_ascii_alphanumeric() || "+/".contains(c)) as fn(char) -> bool,
                "<FINGERPRINT>",
            ),
            (" pid ", |c| c.is_ascii_digit(), "<PID>"),
            ("/program: ", |c| c.is_ascii_digit(), "<LINE>"),
            ("/run.", |c| c.is_ascii_alphanumeric() || c == '.', "<RUN>"),
            ("\"seconds\":", |c| c.is_ascii_digit() || c == '.', "<SECONDS>"),
            ("\"bytesSent\":", |c| c.is_ascii_digit(), "<BYTES>"),
            ("\"bytesReceived\":", |c| c.is_ascii_digit(), "<BYTES>"),
        ] {
            text = replace_after(&text, before, is_part, placeholder);
        }
        seconds(&text)
    }
}

/// What follows `before`, as far as `is_part` holds, becomes the placeholder.
pub(crate) fn replace_after(text: &str, before: &str, is_part: fn(char) -> bool, placeholder: &str) -> String {
    let mut parts = text.split(before);
    let mut replaced = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(is_part);
        replaced.push_str(before);
        replaced.push_str(if rest.len() < part.len() { placeholder } else { "" });
        replaced.push_str(rest);
    }
    replaced
}

/// `1.2 s`, a time that something took, becomes `<SECONDS> s`.
fn seconds(text: &str) -> String {
    let replace = |line: &str| {
        let words: Vec<_> = line.split(' ').collect();
        let replaced = words.iter().enumerate().map(|(index, word)| {
            let unit = words
                .get(index + 1)
                .is_some_and(|next| next.trim_end_matches([',', ';', ')']) == "s");
            let is_time = word.contains('.') && word.chars().all(|c| c.is_ascii_digit() || c == '.');
            if unit && is_time { "<SECONDS>" } else { word }
        });
        replaced.collect::<Vec<_>>().join(" ")
    };
    text.lines().map(|line| replace(line) + "\n").collect()
}

/// Compares with the file, or writes it; `Err` says how they differ.
pub(crate) fn compare(file: &Path, actual: &str) -> Result<(), String> {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, actual).unwrap();
        return Ok(());
    }
    let expected = fs::read_to_string(file).unwrap_or_default();
    if expected == actual {
        return Ok(());
    }
    Err(format!(
        "{} (UPDATE_GOLDEN=1 rewrites it)\n=== expected\n{expected}=== actual\n{actual}",
        file.display()
    ))
}

/// The folders of cases below `tests/`, by name.
pub(crate) fn cases(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder);
    let mut cases: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    cases.sort();
    assert!(!cases.is_empty(), "no cases in {}", folder.display());
    cases
}

/// Fails with all that differs.
#[track_caller]
pub(crate) fn report(failures: &[String]) {
    assert!(
        failures.is_empty(),
        "{} cases differ:\n{}",
        failures.len(),
        failures.join("\n")
    );
}
