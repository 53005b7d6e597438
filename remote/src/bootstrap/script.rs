//! Bootstrap data that is a program: the `#!` line.

use super::error::{BootstrapError, BootstrapErrorKind};
use super::{Origin, Script};
use crate::secret::Secret;
use crate::yaml::Span;

/// Takes a text that begins (white space aside) with `#!`.
///
/// A script written with CRLF gets plain line ends, as cloud-init gives it, for the kernel would look for `/bin/sh\r`.
pub(super) fn parse(text: &str, source: &str) -> Result<Script, BootstrapError> {
    let body = text.trim_start();
    let line = text
        .len()
        .checked_sub(body.len())
        .and_then(|skipped| text.get(..skipped))
        .map_or(1, |skipped| 1 + skipped.matches('\n').count());
    let span = Span { line, column: 1 };
    let first_line = body.split('\n').next().unwrap_or_default();
    let content = if first_line.ends_with('\r') {
        body.replace("\r\n", "\n")
    } else {
        body.to_owned()
    };
    let interpreter =
        interpreter(first_line).ok_or_else(|| BootstrapError::new(source, span, BootstrapErrorKind::NoInterpreter))?;
    Ok(Script {
        interpreter,
        content: Secret::new(content),
        origin: Origin::at("script", 0, span),
        before_commands: true,
    })
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
