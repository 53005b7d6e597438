//! Bootstrap data that is a program: the `#!` line, and what stands before it in a boothook.

use super::error::{BootstrapError, BootstrapErrorKind};
use super::{Origin, Script};
use crate::secret::Secret;
use crate::yaml::Span;

/// How a boothook begins, in lower case
/// (<https://docs.cloudinit.io/en/latest/explanation/format.html#cloud-boothook>).
pub(super) const BOOTHOOK: &str = "#cloud-boothook";

/// Takes a program that begins (white space aside) with `#!`; what comes behind that line need not be text.
///
/// A script written with CRLF gets plain line ends, as cloud-init gives it, for the kernel would look for `/bin/sh\r`.
pub(super) fn parse(program: &[u8], source: &str) -> Result<Script, BootstrapError> {
    of("script", program, trimmed(program), source)
}

/// Takes a boothook: a program, behind a line that says so unless its content type does.
pub(super) fn boothook(program: &[u8], source: &str) -> Result<Script, BootstrapError> {
    let body = trimmed(program);
    let is_header = |start: &[u8]| start.eq_ignore_ascii_case(BOOTHOOK.as_bytes());
    let behind = body.split_at_checked(BOOTHOOK.len()).filter(|(start, _)| is_header(start));
    of(
        "boothook",
        program,
        behind.map_or(body, |(_, behind)| trimmed(behind)),
        source,
    )
}

fn of(what: &'static str, program: &[u8], body: &[u8], source: &str) -> Result<Script, BootstrapError> {
    let skipped = program.get(..program.len().saturating_sub(body.len())).unwrap_or_default();
    let line = 1 + skipped.iter().filter(|byte| **byte == b'\n').count();
    let span = Span { line, column: 1 };
    let first_line = body.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let content = if first_line.ends_with(b"\r") {
        without_carriage_returns(body)
    } else {
        body.to_owned()
    };
    let interpreter = std::str::from_utf8(first_line)
        .ok()
        .and_then(interpreter)
        .ok_or_else(|| BootstrapError::new(source, span, BootstrapErrorKind::NoInterpreter))?;
    Ok(Script {
        interpreter,
        content: Secret::new(content),
        origin: Origin::at(what, 0, span),
        before_commands: true,
    })
}

/// Without white space before it.
fn trimmed(program: &[u8]) -> &[u8] {
    match std::str::from_utf8(program) {
        Ok(text) => text.trim_start().as_bytes(),
        Err(_) => program.trim_ascii_start(),
    }
}

fn without_carriage_returns(text: &[u8]) -> Vec<u8> {
    let mut lines = Vec::with_capacity(text.len());
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        match line.strip_suffix(b"\r\n") {
            Some(line) => {
                lines.extend_from_slice(line);
                lines.push(b'\n');
            }
            None => lines.extend_from_slice(line),
        }
    }
    lines
}

/// Splits a `#!` line as Linux does (execve(2), "Interpreter scripts"): a program and the rest as one argument.
fn interpreter(line: &str) -> Option<Vec<String>> {
    const BLANK: [char; 2] = [' ', '\t'];
    let line = line
        .strip_suffix('\r')
        .unwrap_or(line)
        .strip_prefix("#!")?
        .trim_matches(BLANK);
    let (program, argument) = line.split_once(BLANK).unwrap_or((line, ""));
    let argument = argument.trim_start_matches(BLANK);
    if !program.starts_with('/') || line.contains('\0') {
        return None;
    }
    Some(
        [program, argument]
            .into_iter()
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect(),
    )
}
