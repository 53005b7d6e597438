//! Rendering by minijinja, as jinja2 would.

use std::io;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Value, ValueKind};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior, escape_formatter};

use super::context::{Asked, context};
use super::{Fault, Rendering};
use crate::bootstrap::{MAX_TEXT_BYTES, Variables};

/// How many instructions a template may take. k0smotron's and kubeadm's take a few hundred.
const FUEL: u64 = 1_000_000;

/// Renders a template in this process.
pub(super) fn render(template: &str, variables: &Variables) -> Rendering {
    let asked = Asked::default();
    let rendered = render_body(template, context(variables, &asked), UndefinedBehavior::Strict);
    // Whatever came of it: with the values it may come to something else.
    if !asked.needs().is_empty() {
        // The first variable without a value was the end of that; what else is needed shows if they do no harm.
        let _ = render_body(template, context(variables, &asked), UndefinedBehavior::Chainable);
        return Rendering::Needs(asked.needs());
    }
    match rendered {
        Ok(text) => Rendering::Text(text),
        Err(error) => {
            let line = error.line().unwrap_or(1);
            let source_line = template.lines().nth(line.saturating_sub(1)).unwrap_or_default();
            Rendering::Fault {
                line,
                fault: explain(&error, asked.last_miss(), source_line),
            }
        }
    }
}

fn render_body(template: &str, context: Value, undefined: UndefinedBehavior) -> Result<String, Error> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(undefined);
    environment.set_fuel(Some(FUEL));
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_formatter(python_formatter);
    environment.set_syntax(
        SyntaxConfig::builder()
            .trim_blocks(true)
            .keep_trailing_newline(true)
            .build()?,
    );
    let mut output = Bounded(Vec::new());
    environment
        .template_from_str(template)?
        .render_captured_to(context, &mut output)?;
    String::from_utf8(output.0).map_err(|_| Error::from(ErrorKind::WriteFailure))
}

/// Prints what jinja2 prints where the two differ: Python's names of booleans and null.
// All other kinds of values print alike; the kinds are not a closed set.
#[allow(clippy::wildcard_enum_match_arm)]
fn python_formatter(output: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    match value.kind() {
        ValueKind::Bool => write!(output, "{}", if value.is_true() { "True" } else { "False" }).map_err(Error::from),
        ValueKind::None => write!(output, "None").map_err(Error::from),
        _ => escape_formatter(output, state, value),
    }
}

// The kinds are not a closed set, and those not named differ in what the engine did, not in what the author should change.
#[allow(clippy::wildcard_enum_match_arm)]
fn explain(error: &Error, missed: Option<(String, String)>, line: &str) -> Fault {
    let is_name = |name: &str| name.len() <= 64 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let name = missed
        .filter(|(_, name)| is_name(name) && line.contains(name.as_str()))
        .map(|(path, name)| format!("{path}{name}"));
    match error.kind() {
        ErrorKind::UndefinedError => Fault::NoValue(name),
        // `v1.local-hostname` subtracts `hostname`.
        ErrorKind::InvalidOperation if name.is_some() => Fault::NoValue(name),
        ErrorKind::WriteFailure => Fault::Output,
        ErrorKind::OutOfFuel => Fault::Steps,
        ErrorKind::SyntaxError => Fault::Syntax,
        ErrorKind::UnknownFilter => Fault::Filter,
        ErrorKind::UnknownFunction => Fault::Function,
        ErrorKind::UnknownTest => Fault::Test,
        ErrorKind::UnknownMethod => Fault::Method,
        ErrorKind::TemplateNotFound | ErrorKind::BadInclude => Fault::Include,
        _ => Fault::Other,
    }
}

/// Output of at most [`MAX_TEXT_BYTES`].
struct Bounded(Vec<u8>);

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len().saturating_add(bytes.len()) > MAX_TEXT_BYTES {
            return Err(io::Error::from(io::ErrorKind::FileTooLarge));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
