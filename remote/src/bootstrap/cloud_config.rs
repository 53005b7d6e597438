//! `#cloud-config`: top-level keys to their modules.

use super::content::is_header;
use super::error::{BootstrapError, BootstrapErrorKind, FieldProblem};
use super::fields::Fields;
use super::modules;
use super::suggest::did_you_mean;
use super::{Bootstrap, Unsupported, commands, files, settings};
use crate::yaml::{self, Node, Resolved, Span, Value};

/// Reads cloud-config text. A document of only comments asks for nothing.
pub(super) fn parse(text: &str, source: &str) -> Result<Bootstrap, BootstrapError> {
    if let Some(line) = second_header(text) {
        let span = Span { line, column: 1 };
        return Err(BootstrapError::new(
            source,
            span,
            BootstrapErrorKind::SecondCloudConfig { line },
        ));
    }
    let mut documents = yaml::parse(text, source)?.into_iter();
    let Some(document) = documents.next() else {
        return Ok(Bootstrap::default());
    };
    if let Some(second) = documents.next() {
        return Err(BootstrapError::new(
            source,
            second.root.span,
            BootstrapErrorKind::SecondDocument,
        ));
    }
    match &document.root.value {
        Value::Mapping(entries) => top_level(entries, source),
        Value::Scalar { .. } if document.root.resolved() == Some(Resolved::Null) => Ok(Bootstrap::default()),
        Value::Scalar { .. } | Value::Sequence(_) => {
            let problem = FieldProblem::WrongType {
                expected: "a mapping of module names to their settings",
                found: document.root.kind(),
            };
            Err(field(source, document.root.span, "cloud-config", problem))
        }
    }
}

/// The line of a `#cloud-config` that comes after other content. It stands at the beginning of the line: inside a file's content it
/// would be indented.
fn second_header(text: &str) -> Option<usize> {
    let mut content_before = false;
    for (index, line) in text.lines().enumerate() {
        if is_header(line) && line.trim_end().len() == "#cloud-config".len() {
            if content_before {
                return Some(index + 1);
            }
            content_before = true;
        } else if !line.trim().is_empty() && !line.starts_with('#') {
            content_before = true;
        }
    }
    None
}

fn top_level(entries: &[(Node, Node)], source: &str) -> Result<Bootstrap, BootstrapError> {
    let mut bootstrap = Bootstrap::default();
    for (key, value) in entries {
        let name = key.text().unwrap_or_default();
        let module = |name| Module { source, name };
        match name {
            "write_files" => bootstrap.files = files::parse(&module("write_files"), value, &mut bootstrap.unsupported)?,
            "runcmd" => bootstrap.run_commands = commands::parse(&module("runcmd"), value)?,
            "bootcmd" => bootstrap.boot_commands = commands::parse(&module("bootcmd"), value)?,
            _ if settings::has(name) => {}
            _ => bootstrap.unsupported.push(unsupported(name, key.span)),
        }
    }
    settings::read(&Fields::of_document(source, entries), &mut bootstrap)?;
    bootstrap.unsupported.sort_by_key(|key| (key.line, key.column));
    Ok(bootstrap)
}

fn unsupported(name: &str, span: Span) -> Unsupported {
    let why = match modules::find(name).map(|key| key.module) {
        Some(modules::BASE) => "it configures cloud-init itself, which does not run here".to_owned(),
        Some(module) => format!("cloud-init's module {module} is not supported yet"),
        None => format!(
            "cloud-init knows no such key{}",
            did_you_mean(name, modules::KEYS.iter().map(|key| key.name))
        ),
    };
    Unsupported {
        key: yaml::shown(name),
        line: span.line,
        column: span.column,
        why,
    }
}

/// A top-level key whose value is being read.
pub(super) struct Module<'a> {
    pub(super) source: &'a str,
    pub(super) name: &'static str,
}

impl Module<'_> {
    pub(super) fn fail(&self, span: Span, path: &str, problem: FieldProblem) -> BootstrapError {
        field(self.source, span, path, problem)
    }

    /// The entries of a list; nothing for null.
    pub(super) fn list<'n>(&self, node: &'n Node) -> Result<Option<&'n [Node]>, BootstrapError> {
        match node.items() {
            Some(items) => Ok(Some(items)),
            None if node.resolved() == Some(Resolved::Null) => Ok(None),
            None => Err(self.fail(
                node.span,
                self.name,
                FieldProblem::WrongType {
                    expected: "a list",
                    found: node.kind(),
                },
            )),
        }
    }
}

fn field(source: &str, span: Span, path: &str, problem: FieldProblem) -> BootstrapError {
    BootstrapError::new(
        source,
        span,
        BootstrapErrorKind::Field {
            path: path.to_owned(),
            problem,
        },
    )
}
