//! `## template: jinja`: the header, and what rendering comes to.
//!
//! A template is a program. [`Renderer`] says who runs it: [`InProcess`] bounds its steps, its output and its depth, but not what a
//! step may take of memory; [`crate::sandbox`] does.

mod context;
mod jinja;

use std::fmt;

use serde::{Deserialize, Serialize};

use super::error::{BootstrapError, BootstrapErrorKind};
use super::{MAX_TEXT_BYTES, Options, Variables};
use crate::yaml::Span;

const KNOWN: &str = "v1.instance_id, and v1.local_hostname once the machine's name is known; ds.meta_data with the same; of the machine itself facts.*, v1.distro and others (docs/facts.md)";

/// Who renders templates.
pub trait Renderer: fmt::Debug + Sync {
    /// Renders a template, its header left out.
    fn render(&self, template: &str, variables: &Variables) -> Rendering;
}

/// Renders templates in this process: only for those whose author is trusted, since two dozen of their instructions can ask for all
/// the memory there is.
#[derive(Clone, Copy, Debug, Default)]
pub struct InProcess;

impl Renderer for InProcess {
    fn render(&self, template: &str, variables: &Variables) -> Rendering {
        jinja::render(template, variables)
    }
}

/// What rendering came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rendering {
    /// A text.
    Text(String),
    /// It uses these variables, whose values only the machine can tell.
    Needs(Vec<String>),
    /// It cannot be rendered.
    Fault {
        /// The line of the template, from 1.
        line: usize,
        /// Why.
        fault: Fault,
    },
}

/// Why a template cannot be rendered. Never in the words of the engine, whose details quote the template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fault {
    /// A variable has no value; its name, if it can be told.
    NoValue(Option<String>),
    /// More than [`MAX_TEXT_BYTES`] come out.
    Output,
    /// It takes too many instructions.
    Steps,
    /// It takes more memory than it may.
    Memory,
    /// It takes more time than it may.
    Time,
    /// The process that renders could not be started, or broke down.
    Process,
    /// It is no jinja.
    Syntax,
    /// A filter that does not exist.
    Filter,
    /// A function that does not exist.
    Function,
    /// A test that does not exist.
    Test,
    /// A method that does not exist.
    Method,
    /// Another template is included.
    Include,
    /// Anything else.
    Other,
}

impl Fault {
    fn kind(self) -> BootstrapErrorKind {
        let what = match self {
            Self::NoValue(name) => return BootstrapErrorKind::UnknownVariable { name, known: KNOWN },
            Self::Output => return BootstrapErrorKind::TooLarge { limit: MAX_TEXT_BYTES },
            Self::Steps => "it takes too many steps",
            Self::Memory => "it takes more memory than a template may",
            Self::Time => "it takes more time than a template may",
            Self::Process => "the process that renders templates could not be started, or broke down",
            Self::Syntax => "it is not valid jinja here",
            Self::Filter => "it uses a filter that is not known",
            Self::Function => "it calls a function that is not known",
            Self::Test => "it uses a test that is not known",
            Self::Method => "it calls a method that is not known",
            Self::Include => "it includes another template, and there is none",
            Self::Other => "an expression or statement here cannot be carried out",
        };
        BootstrapErrorKind::Template { what }
    }
}

/// Renders a text that begins with a template header; nothing if it does not. An empty line takes the header's place, so that line
/// numbers still count from the first line of the data.
///
/// Variables that have no value are an error, where cloud-init writes `CI_MISSING_JINJA_VAR/name` and goes on.
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
    let Some(renderer) = options.renderer else {
        return Err(fail(lines_before + 1, BootstrapErrorKind::NoRenderer));
    };
    // Jinja itself treats CRLF as a line end and writes a plain one.
    let template = template.replace("\r\n", "\n");
    match renderer.render(&template, &options.variables) {
        Rendering::Text(rendered) => Ok(Some("\n".repeat(lines_before + 1) + &rendered)),
        Rendering::Needs(names) => Err(fail(lines_before + 1, BootstrapErrorKind::NeedsFacts { names })),
        Rendering::Fault { line, fault } => Err(fail(line + lines_before + 1, fault.kind())),
    }
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
