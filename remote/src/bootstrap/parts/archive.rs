//! `#cloud-config-archive`: a YAML list of texts, and of mappings with `content` and what MIME has header fields for.

use super::{Declared, Part, declared};
use crate::bootstrap::MAX_PARTS;
use crate::bootstrap::Unsupported;
use crate::bootstrap::cloud_config::field;
use crate::bootstrap::content::Content;
use crate::bootstrap::error::{BootstrapError, BootstrapErrorKind, FieldProblem};
use crate::bootstrap::fields::Fields;
use crate::yaml::{self, Node, Resolved, Value};

const KEYS: [&str; 6] = ["content", "type", "filename", "launch-index", "Merge-Type", "X-Merge-Type"];

/// What an entry without a type is.
const UNDECLARED: Declared = Declared::Perhaps(Content::CloudConfig);

/// Takes an archive apart. Keys that mean nothing are added to `unsupported`.
pub(in crate::bootstrap) fn parts(
    text: &str,
    source: &str,
    unsupported: &mut Vec<Unsupported>,
) -> Result<Vec<Part>, BootstrapError> {
    let documents = yaml::parse(text, source)?;
    let Some(root) = documents.first().map(|document| &document.root) else {
        return Ok(Vec::new());
    };
    if let Some(second) = documents.get(1) {
        let kind = BootstrapErrorKind::SecondDocument;
        return Err(BootstrapError::new(source, second.root.span, kind));
    }
    let items = match &root.value {
        Value::Sequence(items) => items,
        Value::Scalar { .. } if root.resolved() == Some(Resolved::Null) => return Ok(Vec::new()),
        Value::Scalar { .. } | Value::Mapping(_) => {
            let (expected, found) = ("a list", root.kind());
            let problem = FieldProblem::WrongType { expected, found };
            return Err(field(source, root.span, "cloud-config-archive", problem));
        }
    };
    if items.len() > MAX_PARTS {
        let kind = BootstrapErrorKind::TooManyParts { limit: MAX_PARTS };
        return Err(BootstrapError::new(source, root.span, kind));
    }
    let mut parts = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        parts.push(part(item, format!("cloud-config-archive[{index}]"), source, unsupported)?);
    }
    Ok(parts)
}

fn part(item: &Node, path: String, source: &str, unsupported: &mut Vec<Unsupported>) -> Result<Part, BootstrapError> {
    if let Some(Resolved::Str(text)) = item.resolved() {
        return Ok(Part {
            name: None,
            declared: UNDECLARED,
            content: text.into_bytes(),
            merge_type: None,
            has_launch_index: false,
        });
    }
    let fields = Fields::of(source, path, item, "a text, or a mapping with `content`")?;
    unsupported.extend(fields.others(&KEYS));
    let content = match fields.get("content").map(|node| (node, node.resolved())) {
        None | Some((_, Some(Resolved::Null))) => Vec::new(),
        Some((_, Some(Resolved::Str(text)))) => text.into_bytes(),
        Some((_, Some(Resolved::Binary(bytes)))) => bytes,
        Some((node, Some(Resolved::Bool(_) | Resolved::Int(_) | Resolved::Float(_)) | None)) => {
            return Err(fields.wrong_type(node, "content", "a string"));
        }
    };
    let name = fields.text("filename")?.map(|(text, _)| text.to_owned());
    let declared = match fields.text("type")?.filter(|(text, _)| !text.is_empty()) {
        Some((content_type, node)) => declared(content_type).map_err(|kind| BootstrapError::new(source, node.span, kind))?,
        None => UNDECLARED,
    };
    let merge_type = match fields.text("Merge-Type")? {
        Some(merge_type) => Some(merge_type),
        None => fields.text("X-Merge-Type")?,
    };
    Ok(Part {
        merge_type: merge_type.map(|(text, _)| text.to_owned()),
        has_launch_index: fields.present("launch-index").is_some(),
        name,
        declared,
        content,
    })
}
