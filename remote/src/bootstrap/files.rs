//! `write_files`: entries to [`File`]s.

use super::cloud_config::Module;
use super::encoding::Encoding;
use super::error::{BootstrapError, FieldProblem};
use super::fields::Fields;
use super::{File, MAX_FILE_BYTES, Origin, Owner, Unsupported, owner, path, permissions};
use crate::content::Sha256Hex;
use crate::content::source::{Location, Source};
use crate::secret::Secret;
use crate::yaml::{Node, Resolved};

/// The keys of an entry that are applied.
const KEYS: [&str; 8] = [
    "path",
    "content",
    "encoding",
    "owner",
    "permissions",
    "append",
    "defer",
    "source",
];

/// The keys of a `source` that are applied; `sha256` is ours.
const SOURCE_KEYS: [&str; 3] = ["uri", "headers", "sha256"];

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
    origin: Origin,
    fields: Fields<'a>,
}

impl<'a> Entry<'a> {
    fn new(module: &Module<'a>, index: usize, node: &'a Node) -> Result<Self, BootstrapError> {
        let origin = Origin::at(module.name, index, node.span);
        let fields = Fields::of(module.source, origin.to_string(), node, "a mapping with a `path`")?;
        Ok(Self { origin, fields })
    }

    fn file(&self, limit: usize) -> Result<File, BootstrapError> {
        let Self { origin, fields } = self;
        let encoding = match fields.text("encoding")? {
            Some((text, node)) => Encoding::parse(text).map_err(|problem| fields.fail(node, "encoding", problem))?,
            None => Encoding::PLAIN,
        };
        Ok(File {
            path: self.path()?,
            content: self.content(encoding, limit)?,
            source: self.source()?,
            resolved: None,
            owner: self.owner()?,
            permissions: match fields.text("permissions")? {
                Some((text, node)) => permissions::parse(text).map_err(|problem| fields.fail(node, "permissions", problem))?,
                None => permissions::DEFAULT,
            },
            append: fields.flag("append")?.unwrap_or(false),
            defer: fields.flag("defer")?.unwrap_or(false),
            origin: *origin,
        })
    }

    fn path(&self) -> Result<String, BootstrapError> {
        let Self { fields, .. } = self;
        let (_, node) = fields.required("path")?;
        match node.resolved() {
            Some(Resolved::Str(text)) => path::absolute(&text).map_err(|problem| fields.fail(node, "path", problem)),
            Some(Resolved::Null | Resolved::Bool(_) | Resolved::Int(_) | Resolved::Float(_) | Resolved::Binary(_)) | None => {
                Err(fields.wrong_type(node, "path", "a string"))
            }
        }
    }

    /// Numbers and booleans are taken as they are written; a missing or null content is an empty file.
    fn content(&self, encoding: Encoding, limit: usize) -> Result<Secret, BootstrapError> {
        let Self { fields, .. } = self;
        let Some(node) = fields.get("content") else {
            return Ok(Secret::default());
        };
        let bytes = match node.resolved() {
            Some(Resolved::Str(text)) => text.into_bytes(),
            Some(Resolved::Binary(bytes)) => bytes,
            Some(Resolved::Null) => return Ok(Secret::default()),
            Some(Resolved::Bool(_) | Resolved::Int(_) | Resolved::Float(_)) => {
                node.text().unwrap_or_default().as_bytes().to_vec()
            }
            None => return Err(fields.wrong_type(node, "content", "a string")),
        };
        encoding
            .decode(bytes, limit)
            .map(Secret::new)
            .map_err(|problem| fields.fail(node, "content", problem))
    }

    /// An `owner` that is present and empty changes nothing, as in cloud-init.
    fn owner(&self) -> Result<Owner, BootstrapError> {
        let Self { fields, .. } = self;
        match (fields.get("owner"), fields.text("owner")?) {
            (None, _) => Ok(Owner::default()),
            (Some(_), None) => Ok(Owner { user: None, group: None }),
            (Some(node), Some((text, _))) => owner::parse(text).map_err(|problem| fields.fail(node, "owner", problem)),
        }
    }

    /// Without a `uri` there is none, as in cloud-init.
    fn source(&self) -> Result<Option<Source>, BootstrapError> {
        let Some(source) = self.fields.mapping("source")? else {
            return Ok(None);
        };
        let Some((uri, node)) = source.text("uri")?.filter(|(uri, _)| !uri.is_empty()) else {
            return Ok(None);
        };
        let location = Location::parse(uri).map_err(|expected| source.fail(node, "uri", FieldProblem::Invalid { expected }))?;
        let sha256 = match source.text("sha256")? {
            None => None,
            Some((text, node)) => Some(Sha256Hex::parse(text.trim()).ok_or_else(|| {
                let expected = "the 64 hexadecimal digits of a SHA-256";
                source.fail(node, "sha256", FieldProblem::Invalid { expected })
            })?),
        };
        let mut headers = Vec::new();
        if let Some(fields) = source.mapping("headers")? {
            for (name, _, node) in fields.entries() {
                headers.push((name.to_owned(), Secret::from(fields.item(&fields.key(name), node)?)));
            }
        }
        Ok(Some(Source {
            location,
            headers,
            sha256,
            has_fallback: self.fields.present("content").is_some(),
        }))
    }

    fn unsupported(&self) -> Vec<Unsupported> {
        let mut others = self.fields.others(&KEYS);
        if let Ok(Some(source)) = self.fields.mapping("source") {
            others.extend(source.others(&SOURCE_KEYS));
        }
        others
    }
}
