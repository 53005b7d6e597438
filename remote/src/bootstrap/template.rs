//! `## template: jinja`: the header and rendering.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Object, Value, ValueKind};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior, escape_formatter};

use super::error::{BootstrapError, BootstrapErrorKind};
use super::{MAX_TEXT_BYTES, Options, Variables};
use crate::yaml::Span;

/// How many instructions a template may take. k0smotron's and kubeadm's take a few hundred.
const FUEL: u64 = 1_000_000;

const KNOWN: &str = "v1.local_hostname, v1.instance_id, ds.meta_data.local_hostname and ds.meta_data.instance_id, once the machine's name is known";

/// Renders a text that begins with a template header; nothing if it does not. An empty line takes the header's place, so that line
/// numbers still count from the first line of the data.
///
/// Variables that have no value are an error, where cloud-init writes `CI_MISSING_JINJA_VAR/name`.
pub(super) fn render(text: &str, options: &Options<'_>) -> Result<Option<String>, BootstrapError> {
    let fail = |line, kind| BootstrapError::new(options.source, Span { line, column: 1 }, kind);
    let body = text.trim_start();
    let (header, template) = body.split_once('\n').unwrap_or((body, ""));
    let lines_before = text.matches('\n').count() - body.matches('\n').count();
    match language(header) {
        None => return Ok(None),
        Some(language) if language == "jinja" => {}
        Some(_) => return Err(fail(lines_before + 1, BootstrapErrorKind::TemplateLanguage)),
    }
    // Jinja itself treats CRLF as a line end and writes a plain one.
    let template = template.replace("\r\n", "\n");
    let misses = Misses::default();
    let rendered = render_body(&template, &options.variables, &misses).map_err(|error| {
        let line = error.line().unwrap_or(1);
        let source_line = template.lines().nth(line.saturating_sub(1)).unwrap_or_default();
        fail(line + lines_before + 1, explain(&error, misses.last(), source_line))
    })?;
    Ok(Some("\n".repeat(lines_before + 1) + &rendered))
}

/// Whether a line is a template header.
pub(super) fn is_header(line: &str) -> bool {
    language(line).is_some()
}

/// The language of a header line (`##`, white space, `template:`, a name, in any letter case); nothing if it is none.
fn language(line: &str) -> Option<String> {
    let lower = line.to_lowercase();
    lower
        .strip_prefix("##")?
        .trim_start()
        .strip_prefix("template:")
        .map(|language| language.trim().to_owned())
}

fn render_body(template: &str, variables: &Variables, misses: &Misses) -> Result<String, Error> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
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
        .render_captured_to(context(variables, misses), &mut output)?;
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

/// cloud-init's instance data, as far as it is known without the machine: <https://docs.cloudinit.io/en/latest/explanation/instancedata.html>.
fn context(variables: &Variables, misses: &Misses) -> Value {
    let namespace = |path: &'static str, entries: Vec<(&'static str, Value)>| {
        Value::from_object(Namespace {
            path,
            entries: entries.into_iter().collect(),
            misses: misses.clone(),
        })
    };
    let name = variables.machine_name.as_deref().map(Value::from);
    let named = |keys: &[&'static str]| -> Vec<(&'static str, Value)> {
        name.iter()
            .flat_map(|name| keys.iter().map(move |key| (*key, name.clone())))
            .collect()
    };
    // The underscored names are aliases of those that have an operator in them.
    const BOTH: &[&str] = &["local_hostname", "instance_id", "local-hostname", "instance-id"];
    let meta_data = namespace("ds.meta_data.", named(BOTH));
    let mut top = named(&["local_hostname", "instance_id"]);
    top.push(("v1", namespace("v1.", named(BOTH))));
    top.push(("ds", namespace("ds.", vec![("meta_data", meta_data)])));
    namespace("", top)
}

/// Variables of one level, which remember what was asked for in vain: the engine's own errors name a variable only together with the
/// values around it.
#[derive(Debug)]
struct Namespace {
    path: &'static str,
    entries: BTreeMap<&'static str, Value>,
    misses: Misses,
}

impl Object for Namespace {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let key = key.as_str()?;
        let value = self.entries.get(key).cloned();
        if value.is_none() {
            self.misses.add(self.path, key);
        }
        value
    }
}

/// The last variable that was not there: its path and its own name.
#[derive(Debug, Clone, Default)]
struct Misses(Arc<Mutex<Option<(&'static str, String)>>>);

impl Misses {
    fn add(&self, path: &'static str, name: &str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((path, name.to_owned()));
    }

    fn last(&self) -> Option<(&'static str, String)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The engine's error in words of our own, because its details quote the template.
// The kinds are not a closed set, and those not named differ in what the engine did, not in what the author should change.
#[allow(clippy::wildcard_enum_match_arm)]
fn explain(error: &Error, missed: Option<(&'static str, String)>, line: &str) -> BootstrapErrorKind {
    let is_name = |name: &str| name.len() <= 64 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let name = missed
        .filter(|(_, name)| is_name(name) && line.contains(name.as_str()))
        .map(|(path, name)| format!("{path}{name}"));
    let what = match error.kind() {
        ErrorKind::UndefinedError => return BootstrapErrorKind::UnknownVariable { name, known: KNOWN },
        // `v1.local-hostname` subtracts `hostname`.
        ErrorKind::InvalidOperation if name.is_some() => return BootstrapErrorKind::UnknownVariable { name, known: KNOWN },
        ErrorKind::WriteFailure => return BootstrapErrorKind::TooLarge { limit: MAX_TEXT_BYTES },
        ErrorKind::OutOfFuel => "it takes too many steps",
        ErrorKind::SyntaxError => "it is not valid jinja here",
        ErrorKind::UnknownFilter => "it uses a filter that is not known",
        ErrorKind::UnknownFunction => "it calls a function that is not known",
        ErrorKind::UnknownTest => "it uses a test that is not known",
        ErrorKind::UnknownMethod => "it calls a method that is not known",
        ErrorKind::TemplateNotFound | ErrorKind::BadInclude => "it includes another template, and there is none",
        _ => "an expression or statement here cannot be carried out",
    };
    BootstrapErrorKind::Template { what }
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
