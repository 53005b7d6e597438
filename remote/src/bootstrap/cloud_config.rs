//! `#cloud-config`: text to top-level keys, and those to their modules.

use super::content::is_header;
use super::error::{BootstrapError, BootstrapErrorKind, FieldProblem};
use super::fields::Fields;
use super::modules::{self, Support};
use super::suggest::did_you_mean;
use super::{Bootstrap, Unsupported, commands, files, settings, template};
use crate::yaml::{self, Node, Resolved, Span, Value};

/// The documents of a text with `#cloud-config` lines in it, each with the number of lines before it: k0smotron appends
/// `customUserData` that way. Such a line counts at its beginning only: inside a file's content it would be indented.
pub(super) fn documents(text: &str) -> Vec<(usize, &str)> {
    let mut documents = Vec::new();
    let (mut start, mut lines_before, mut position) = (0, 0, 0);
    let mut has_content = false;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        if is_header(line) && line.trim_end().len() == "#cloud-config".len() {
            if has_content {
                documents.extend(text.get(start..position).map(|document| (lines_before, document)));
                (start, lines_before) = (position, number);
            }
            has_content = true;
        } else if !line.trim().is_empty() && !line.starts_with('#') {
            has_content = true;
        }
        position += line.len();
    }
    documents.extend(text.get(start..).map(|document| (lines_before, document)));
    documents
}

/// Whether a document ends with a template header, which then belongs to the `#cloud-config` line after it.
pub(super) fn ends_with_template_header(document: &str) -> bool {
    let last = document.lines().rev().find(|line| !line.trim().is_empty());
    last.is_some_and(template::is_header)
}

/// The top-level keys of a document. Nothing if it is only comments. `lines_before` are added to all lines.
pub(super) fn keys(text: &str, source: &str, lines_before: usize) -> Result<Option<Node>, BootstrapError> {
    let mut documents = yaml::parse(text, source)
        .map_err(|mut error| {
            error.span.line = error.span.line.saturating_add(lines_before);
            error
        })?
        .into_iter();
    let Some(mut document) = documents.next() else {
        return Ok(None);
    };
    document.root.move_down(lines_before);
    if let Some(mut second) = documents.next() {
        second.root.move_down(lines_before);
        let kind = BootstrapErrorKind::SecondDocument;
        return Err(BootstrapError::new(source, second.root.span, kind));
    }
    match &document.root.value {
        Value::Mapping(_) => Ok(Some(document.root)),
        Value::Scalar { .. } if document.root.resolved() == Some(Resolved::Null) => Ok(None),
        Value::Scalar { .. } | Value::Sequence(_) => {
            let problem = FieldProblem::WrongType {
                expected: "a mapping of module names to their settings",
                found: document.root.kind(),
            };
            Err(field(source, document.root.span, "cloud-config", problem))
        }
    }
}

/// Reads what all keys ask for.
pub(super) fn read(entries: &[(Node, Node)], source: &str) -> Result<Bootstrap, BootstrapError> {
    let mut bootstrap = Bootstrap::default();
    for (key, value) in entries {
        let name = key.text().unwrap_or_default();
        let module = |name| Module { source, name };
        match name {
            "write_files" => bootstrap.files = files::parse(&module("write_files"), value, &mut bootstrap.unsupported)?,
            "runcmd" => bootstrap.run_commands = commands::parse(&module("runcmd"), value)?,
            "bootcmd" => bootstrap.boot_commands = commands::parse(&module("bootcmd"), value)?,
            // Whether vendor-data is taken, which was asked before.
            "vendor_data" => {}
            _ if settings::has(name) => {}
            _ => bootstrap.unsupported.push(unsupported(name, key.span)),
        }
    }
    settings::read(&Fields::of_document(source, entries), &mut bootstrap)?;
    Ok(bootstrap)
}

fn unsupported(name: &str, span: Span) -> Unsupported {
    let why = match modules::find(name).map(|key| key.support) {
        Some(Support::Ignored(why) | Support::Refused(why)) => why.to_owned(),
        Some(Support::Applied) | None => format!(
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

pub(super) fn field(source: &str, span: Span, path: &str, problem: FieldProblem) -> BootstrapError {
    BootstrapError::new(
        source,
        span,
        BootstrapErrorKind::Field {
            path: path.to_owned(),
            problem,
        },
    )
}
