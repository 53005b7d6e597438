//! The keys of a mapping, typed: what every module reads its settings with.

use super::Unsupported;
use super::error::{BootstrapError, BootstrapErrorKind, FieldProblem};
use super::suggest::did_you_mean;
use crate::yaml::{Node, Resolved, Span, shown};

/// A mapping in the document, and where it is.
pub(super) struct Fields<'a> {
    source: &'a str,
    /// `write_files[0]`; nothing for the document itself.
    path: String,
    span: Span,
    keys: &'a [(Node, Node)],
}

impl<'a> Fields<'a> {
    /// The document itself.
    pub(super) fn of_document(source: &'a str, keys: &'a [(Node, Node)]) -> Self {
        Self {
            source,
            path: String::new(),
            span: Span::START,
            keys,
        }
    }

    /// A mapping; `expected` says in words what it should be, if it is none.
    pub(super) fn of(source: &'a str, path: String, node: &'a Node, expected: &'static str) -> Result<Self, BootstrapError> {
        match node.entries() {
            Some(keys) => Ok(Self {
                source,
                path,
                span: node.span,
                keys,
            }),
            None => {
                let problem = FieldProblem::WrongType {
                    expected,
                    found: node.kind(),
                };
                Err(BootstrapError::new(
                    source,
                    node.span,
                    BootstrapErrorKind::Field { path, problem },
                ))
            }
        }
    }

    /// The mapping at a key; nothing if it is missing or null.
    pub(super) fn mapping(&self, key: &str) -> Result<Option<Fields<'a>>, BootstrapError> {
        self.present(key)
            .map(|node| Self::of(self.source, self.key(key), node, "a mapping"))
            .transpose()
    }

    /// A mapping in this one; see [`Fields::of`].
    pub(super) fn inside(&self, path: String, node: &'a Node, expected: &'static str) -> Result<Fields<'a>, BootstrapError> {
        Self::of(self.source, path, node, expected)
    }

    /// The items of the list at a key, each with its path; nothing if it is missing or null.
    pub(super) fn list(&self, key: &str) -> Result<Vec<(String, &'a Node)>, BootstrapError> {
        let Some(node) = self.present(key) else {
            return Ok(Vec::new());
        };
        let items = node.items().ok_or_else(|| self.wrong_type(node, key, "a list"))?;
        Ok(items
            .iter()
            .enumerate()
            .map(|(index, item)| (format!("{}[{index}]", self.key(key)), item))
            .collect())
    }

    /// A mapping within this one, such as an item of a list.
    pub(super) fn within(&self, path: String, node: &'a Node, expected: &'static str) -> Result<Self, BootstrapError> {
        Self::of(self.source, path, node, expected)
    }

    /// The keys with their values, in the order of the document.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&'a str, Span, &'a Node)> {
        let entries = self.keys.iter();
        entries.filter_map(|(key, value)| key.text().map(|name| (name, key.span, value)))
    }

    /// The text of a scalar within this mapping, such as an item of a list. Neither null nor with a NUL in it.
    pub(super) fn item(&self, path: &str, node: &'a Node) -> Result<&'a str, BootstrapError> {
        match node.resolved() {
            Some(Resolved::Str(_) | Resolved::Int(_) | Resolved::Bool(_) | Resolved::Float(_)) => {
                let text = node.text().unwrap_or_default();
                if text.contains('\0') {
                    Err(self.error(node.span, path, FieldProblem::Nul))
                } else {
                    Ok(text)
                }
            }
            Some(Resolved::Binary(_) | Resolved::Null) | None => {
                let problem = FieldProblem::WrongType {
                    expected: "a string",
                    found: node.kind(),
                };
                Err(self.error(node.span, path, problem))
            }
        }
    }

    /// The texts at a key that holds one, or a list of them, each with its path; nothing if it is missing or null.
    pub(super) fn texts(&self, key: &str) -> Result<Vec<(String, &'a str, Span)>, BootstrapError> {
        let text = |(path, node): (String, &'a Node)| {
            let text = self.item(&path, node)?;
            Ok((path, text, node.span))
        };
        match self.present(key) {
            Some(node) if node.text().is_some() => Ok(vec![text((self.key(key), node))?]),
            Some(_) | None => self.list(key)?.into_iter().map(text).collect(),
        }
    }

    /// A boolean as cloud-init reads one: YAML's, or one of the words in any letter case; missing and null are nothing.
    pub(super) fn flag(&self, key: &str) -> Result<Option<bool>, BootstrapError> {
        let Some(node) = self.get(key) else { return Ok(None) };
        let word = match node.resolved() {
            Some(Resolved::Bool(value)) => return Ok(Some(value)),
            Some(Resolved::Null) => return Ok(None),
            Some(Resolved::Str(text)) => text.trim().to_lowercase(),
            Some(Resolved::Int(number)) => number.to_string(),
            Some(Resolved::Float(_) | Resolved::Binary(_)) | None => return Err(self.wrong_type(node, key, "a boolean")),
        };
        match word.as_str() {
            "true" | "yes" | "on" | "1" => Ok(Some(true)),
            "false" | "no" | "off" | "0" | "" => Ok(Some(false)),
            _ => Err(self.wrong_type(node, key, "a boolean")),
        }
    }

    /// The text of a scalar as written, whatever type YAML gives it; nothing if it is missing or null. Never with a NUL in it.
    pub(super) fn text(&self, key: &str) -> Result<Option<(&'a str, &'a Node)>, BootstrapError> {
        let Some(node) = self.get(key) else { return Ok(None) };
        match node.resolved() {
            Some(Resolved::Null) => Ok(None),
            Some(Resolved::Str(_) | Resolved::Int(_) | Resolved::Bool(_) | Resolved::Float(_)) => {
                let text = node.text().unwrap_or_default();
                if text.contains('\0') {
                    Err(self.fail(node, key, FieldProblem::Nul))
                } else {
                    Ok(Some((text, node)))
                }
            }
            Some(Resolved::Binary(_)) | None => Err(self.wrong_type(node, key, "a string")),
        }
    }

    /// The text of a scalar that must be there.
    pub(super) fn required(&self, key: &str) -> Result<(&'a str, &'a Node), BootstrapError> {
        match self.text(key)? {
            Some((text, node)) if !text.is_empty() => Ok((text, node)),
            Some((_, node)) => Err(self.fail(node, key, FieldProblem::Missing)),
            None => Err(self.error(self.span, &self.key(key), FieldProblem::Missing)),
        }
    }

    /// The value at a key, whatever it is.
    pub(super) fn get(&self, key: &str) -> Option<&'a Node> {
        self.keys
            .iter()
            .find(|(name, _)| name.text() == Some(key))
            .map(|(_, value)| value)
    }

    /// The value at a key, unless it is null.
    pub(super) fn present(&self, key: &str) -> Option<&'a Node> {
        self.get(key).filter(|node| node.resolved() != Some(Resolved::Null))
    }

    /// Where a key's value is, or else the mapping.
    pub(super) fn span(&self, key: &str) -> Span {
        self.get(key).map_or(self.span, |node| node.span)
    }

    /// `write_files[0].path`
    pub(super) fn key(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    /// Keys that are none of `known`: listed, with what they may have meant.
    pub(super) fn others(&self, known: &[&'static str]) -> Vec<Unsupported> {
        let others = self
            .keys
            .iter()
            .filter_map(|(key, _)| key.text().map(|name| (name, key.span)));
        others
            .filter(|(name, _)| !known.contains(name))
            .map(|(name, span)| Unsupported {
                key: self.key(&shown(name)),
                line: span.line,
                column: span.column,
                why: format!("cloud-init knows no such key{}", did_you_mean(name, known.iter().copied())),
            })
            .collect()
    }

    /// A key that is understood and not applied, if it is there and not null.
    pub(super) fn not_applied(&self, key: &str, why: &str) -> Option<Unsupported> {
        let (name, _) = self.keys.iter().find(|(name, _)| name.text() == Some(key))?;
        self.present(key).map(|_| Unsupported {
            key: self.key(key),
            line: name.span.line,
            column: name.span.column,
            why: why.to_owned(),
        })
    }

    /// What is wrong with the value at a key.
    pub(super) fn fail(&self, node: &Node, key: &str, problem: FieldProblem) -> BootstrapError {
        self.error(node.span, &self.key(key), problem)
    }

    /// The value at a key is of another type.
    pub(super) fn wrong_type(&self, node: &Node, key: &str, expected: &'static str) -> BootstrapError {
        self.fail(
            node,
            key,
            FieldProblem::WrongType {
                expected,
                found: node.kind(),
            },
        )
    }

    /// What is wrong at a place.
    pub(super) fn error(&self, span: Span, path: &str, problem: FieldProblem) -> BootstrapError {
        BootstrapError::new(
            self.source,
            span,
            BootstrapErrorKind::Field {
                path: path.to_owned(),
                problem,
            },
        )
    }
}
