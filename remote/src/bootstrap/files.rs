//! `write_files`: entries to [`File`]s.

use super::cloud_config::Module;
use super::encoding::Encoding;
use super::error::{BootstrapError, FieldProblem};
use super::suggest::did_you_mean;
use super::{File, MAX_FILE_BYTES, Origin, Owner, Unsupported, owner, path, permissions};
use crate::secret::Secret;
use crate::yaml::{Node, Resolved, Span, shown};

/// The keys of an entry that are applied.
const KEYS: &[&str] = &["path", "content", "encoding", "owner", "permissions", "append", "defer"];

/// Reads the list of files. Keys that are not applied are added to `unsupported`.
pub(super) fn parse(module: &Module<'_>, list: &Node, unsupported: &mut Vec<Unsupported>) -> Result<Vec<File>, BootstrapError> {
    let Some(entries) = module.list(list)? else {
        return Ok(Vec::new());
    };
    let mut files = Vec::with_capacity(entries.len());
    let mut remaining = MAX_FILE_BYTES;
    for (index, node) in entries.iter().enumerate() {
        let entry = Entry::new(module, index, node)?;
        let file = entry.file(remaining)?;
        remaining = remaining.saturating_sub(file.content.len());
        files.push(file);
        unsupported.extend(entry.unsupported());
    }
    Ok(files)
}

/// One entry of the list.
struct Entry<'a> {
    module: &'a Module<'a>,
    origin: Origin,
    keys: &'a [(Node, Node)],
}

impl<'a> Entry<'a> {
    fn new(module: &'a Module<'a>, index: usize, node: &'a Node) -> Result<Self, BootstrapError> {
        let origin = Origin::at(module.name, index, node.span);
        let Some(keys) = node.entries() else {
            let problem = FieldProblem::WrongType {
                expected: "a mapping with a `path`",
                found: node.kind(),
            };
            return Err(module.fail(node.span, &origin.to_string(), problem));
        };
        Ok(Self { module, origin, keys })
    }

    fn file(&self, limit: usize) -> Result<File, BootstrapError> {
        let encoding = match self.text("encoding")? {
            Some((text, node)) => Encoding::parse(text).map_err(|problem| self.fail(node, "encoding", problem))?,
            None => Encoding::PLAIN,
        };
        Ok(File {
            path: self.path()?,
            content: self.content(encoding, limit)?,
            owner: self.owner()?,
            permissions: match self.text("permissions")? {
                Some((text, node)) => permissions::parse(text).map_err(|problem| self.fail(node, "permissions", problem))?,
                None => permissions::DEFAULT,
            },
            append: self.flag("append")?,
            defer: self.flag("defer")?,
            origin: self.origin,
        })
    }

    fn path(&self) -> Result<String, BootstrapError> {
        let here = Span {
            line: self.origin.line,
            column: self.origin.column,
        };
        let missing = || self.module.fail(here, &self.key("path"), FieldProblem::Missing);
        let node = self.get("path").ok_or_else(missing)?;
        match node.resolved() {
            Some(Resolved::Str(text)) => path::absolute(&text).map_err(|problem| self.fail(node, "path", problem)),
            Some(Resolved::Null) => Err(self.fail(node, "path", FieldProblem::Missing)),
            Some(Resolved::Bool(_) | Resolved::Int(_) | Resolved::Float(_) | Resolved::Binary(_)) | None => {
                Err(self.wrong_type(node, "path", "a string"))
            }
        }
    }

    /// Numbers and booleans are taken as they are written; a missing or null content is an empty file.
    fn content(&self, encoding: Encoding, limit: usize) -> Result<Secret, BootstrapError> {
        let Some(node) = self.get("content") else {
            return Ok(Secret::default());
        };
        let bytes = match node.resolved() {
            Some(Resolved::Str(text)) => text.into_bytes(),
            Some(Resolved::Binary(bytes)) => bytes,
            Some(Resolved::Null) => return Ok(Secret::default()),
            Some(Resolved::Bool(_) | Resolved::Int(_) | Resolved::Float(_)) => {
                node.text().unwrap_or_default().as_bytes().to_vec()
            }
            None => return Err(self.wrong_type(node, "content", "a string")),
        };
        encoding
            .decode(bytes, limit)
            .map(Secret::new)
            .map_err(|problem| self.fail(node, "content", problem))
    }

    /// An `owner` that is present and empty changes nothing, as in cloud-init.
    fn owner(&self) -> Result<Owner, BootstrapError> {
        match (self.get("owner"), self.text("owner")?) {
            (None, _) => Ok(Owner::default()),
            (Some(_), None) => Ok(Owner { user: None, group: None }),
            (Some(node), Some((text, _))) => owner::parse(text).map_err(|problem| self.fail(node, "owner", problem)),
        }
    }

    /// A boolean as cloud-init reads one: YAML's, or one of the words in any letter case; missing and null are false.
    fn flag(&self, key: &'static str) -> Result<bool, BootstrapError> {
        let Some(node) = self.get(key) else { return Ok(false) };
        let word = match node.resolved() {
            Some(Resolved::Bool(value)) => return Ok(value),
            Some(Resolved::Null) => return Ok(false),
            Some(Resolved::Str(text)) => text.trim().to_lowercase(),
            Some(Resolved::Int(number)) => number.to_string(),
            Some(Resolved::Float(_) | Resolved::Binary(_)) | None => return Err(self.wrong_type(node, key, "a boolean")),
        };
        match word.as_str() {
            "true" | "yes" | "on" | "1" => Ok(true),
            "false" | "no" | "off" | "0" | "" => Ok(false),
            _ => Err(self.wrong_type(node, key, "a boolean")),
        }
    }

    /// The text of a scalar as written, whatever type YAML gives it; nothing if it is missing or null.
    fn text(&self, key: &'static str) -> Result<Option<(&'a str, &'a Node)>, BootstrapError> {
        let Some(node) = self.get(key) else { return Ok(None) };
        match node.resolved() {
            Some(Resolved::Null) => Ok(None),
            Some(Resolved::Str(_) | Resolved::Int(_) | Resolved::Bool(_) | Resolved::Float(_)) => {
                Ok(node.text().map(|text| (text, node)))
            }
            Some(Resolved::Binary(_)) | None => Err(self.wrong_type(node, key, "a string")),
        }
    }

    fn get(&self, key: &str) -> Option<&'a Node> {
        self.keys
            .iter()
            .find(|(name, _)| name.text() == Some(key))
            .map(|(_, value)| value)
    }

    fn unsupported(&self) -> Vec<Unsupported> {
        let others = self
            .keys
            .iter()
            .filter_map(|(key, _)| key.text().map(|name| (name, key.span)));
        others
            .filter(|(name, _)| !KEYS.contains(name))
            .map(|(name, span)| Unsupported {
                key: self.key(&shown(name)),
                line: span.line,
                column: span.column,
                why: match name {
                    "source" => "content is not fetched from a URL yet; only `content` is used".to_owned(),
                    _ => format!(
                        "cloud-init knows no such key{}",
                        did_you_mean(name, KEYS.iter().copied().chain(["source"]))
                    ),
                },
            })
            .collect()
    }

    /// `write_files[0].path`
    fn key(&self, key: &str) -> String {
        format!("{}.{key}", self.origin)
    }

    fn fail(&self, node: &Node, key: &str, problem: FieldProblem) -> BootstrapError {
        self.module.fail(node.span, &self.key(key), problem)
    }

    fn wrong_type(&self, node: &Node, key: &str, expected: &'static str) -> BootstrapError {
        self.fail(
            node,
            key,
            FieldProblem::WrongType {
                expected,
                found: node.kind(),
            },
        )
    }
}
