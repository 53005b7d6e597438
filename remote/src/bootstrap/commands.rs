//! `runcmd` and `bootcmd`: entries to shell text.

use super::cloud_config::Module;
use super::error::{BootstrapError, FieldProblem};
use super::{Command, Origin};
use crate::secret::Secret;
use crate::yaml::{Node, Resolved, Value};

/// Reads the list of commands. Null is no commands; a single string, which cloud-init would take apart into letters, is an error.
pub(super) fn parse(module: &Module<'_>, list: &Node) -> Result<Vec<Command>, BootstrapError> {
    let Some(entries) = module.list(list)? else {
        return Ok(Vec::new());
    };
    let mut commands = Vec::with_capacity(entries.len());
    for (index, entry) in entries.iter().enumerate() {
        let Some(text) = command(module, index, entry)? else {
            continue;
        };
        let origin = Origin::at(module.name, index, entry.span);
        if text.contains('\0') {
            return Err(module.fail(entry.span, &origin.to_string(), FieldProblem::Nul));
        }
        // An entry without a word in it does nothing in cloud-init's script either.
        if !text.trim().is_empty() {
            commands.push(Command {
                text: Secret::new(text),
                origin,
            });
        }
    }
    Ok(commands)
}

/// The text of one entry; nothing for null.
fn command(module: &Module<'_>, index: usize, entry: &Node) -> Result<Option<String>, BootstrapError> {
    let path = format!("{}[{index}]", module.name);
    let not_a_command = |node: &Node, path: &str| module.fail(node.span, path, FieldProblem::NotACommand { found: node.kind() });
    match &entry.value {
        Value::Mapping(_) => Err(not_a_command(entry, &path)),
        Value::Scalar { .. } => match entry.resolved() {
            Some(Resolved::Str(text)) => Ok(Some(text)),
            Some(Resolved::Null) => Ok(None),
            Some(Resolved::Bool(_) | Resolved::Int(_) | Resolved::Float(_) | Resolved::Binary(_)) | None => {
                Err(not_a_command(entry, &path))
            }
        },
        Value::Sequence(items) => {
            let words = items.iter().enumerate().map(|(position, item)| {
                item.python_str()
                    .ok_or_else(|| not_a_command(item, &format!("{path}[{position}]")))
            });
            Ok(Some(shellify(words.collect::<Result<Vec<_>, _>>()?)))
        }
    }
}

/// Arguments to one line of shell: each in single quotation marks, as cloud-init does it.
fn shellify(words: Vec<String>) -> String {
    words
        .iter()
        .map(|word| format!("'{}'", word.replace('\'', r"'\''")))
        .collect::<Vec<_>>()
        .join(" ")
}
