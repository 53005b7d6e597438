//! A mapping's entries once all are known: unique keys and merge keys.

use std::collections::{HashMap, HashSet};

use super::error::{YamlError, YamlErrorKind, shown};
use super::node::{Node, Span, Style, Value};
use super::python;
use super::scalar::Resolved;

/// Checks that keys are scalars and unique, and applies merge keys (<https://yaml.org/type/merge.html>) as PyYAML does: own keys win
/// over merged ones, in a list of mappings the earlier one wins, and of two `<<` keys the later one.
pub(super) fn finish(source_name: &str, entries: Vec<(Node, Node)>) -> Result<Vec<(Node, Node)>, YamlError> {
    let mut own = Vec::with_capacity(entries.len());
    let mut first_at: HashMap<String, Span> = HashMap::new();
    let mut merged: Vec<(Node, Node)> = Vec::new();
    for (key, value) in entries {
        if is_merge_key(&key) {
            merged.extend(mappings_to_merge(source_name, value)?);
            continue;
        }
        let name = key_text(&key).ok_or_else(|| YamlError::new(source_name, key.span, YamlErrorKind::KeyNotScalar))?;
        if let Some(first) = first_at.get(&name) {
            return Err(YamlError::new(
                source_name,
                key.span,
                YamlErrorKind::DuplicateKey {
                    key: shown(&name),
                    first: *first,
                },
            ));
        }
        first_at.insert(name, key.span);
        own.push((key, value));
    }
    if merged.is_empty() {
        return Ok(own);
    }
    let mut seen: HashSet<String> = first_at.into_keys().collect();
    let mut all: Vec<(Node, Node)> = merged
        .into_iter()
        .rev()
        .filter(|(key, _)| key_text(key).is_some_and(|name| seen.insert(name)))
        .collect();
    all.reverse();
    all.extend(own);
    Ok(all)
}

/// The entries of the mapping or mappings that a `<<` names, the ones that win last.
fn mappings_to_merge(source_name: &str, value: Node) -> Result<Vec<(Node, Node)>, YamlError> {
    let not_mapping = |span| YamlError::new(source_name, span, YamlErrorKind::MergeNotMapping);
    match value.value {
        Value::Mapping(entries) => Ok(entries),
        Value::Sequence(items) => {
            let mut all = Vec::new();
            for item in items.into_iter().rev() {
                match item.value {
                    Value::Mapping(entries) => all.extend(entries),
                    Value::Scalar { .. } | Value::Sequence(_) => return Err(not_mapping(item.span)),
                }
            }
            Ok(all)
        }
        Value::Scalar { .. } => Err(not_mapping(value.span)),
    }
}

fn is_merge_key(key: &Node) -> bool {
    matches!(&key.value, Value::Scalar { text, style: Style::Plain, tag: None } if text == "<<")
}

/// What makes two keys the same: their value as text, so that `1` and `"1"` are (they are in JSON).
pub(crate) fn key_text(key: &Node) -> Option<String> {
    match key.resolved()? {
        Resolved::Null => Some("null".to_owned()),
        Resolved::Bool(value) => Some(value.to_string()),
        Resolved::Int(value) => Some(value.to_string()),
        Resolved::Float(value) => Some(python::float(value)),
        Resolved::Str(text) => Some(text),
        Resolved::Binary(_) => None,
    }
}
