//! A small YAML document model with positions, for input that people wrote and want errors about.
//!
//! It exists because a typed decoder cannot serve cloud-config: cloud-init reads it with PyYAML, so `0644`, `yes` and `1:30` mean what
//! YAML 1.1 says, the text as written matters as well (`permissions: 0644`), and every error and every ignored key needs its
//! line. The grammar itself is `saphyr-parser`'s; this module adds the tree, the limits, aliases, merge keys and the typing of
//! scalars: PyYAML's ([`Node::resolved`]) for cloud-config and go-yaml's ([`Node::to_json`]) for Kubernetes manifests.
//!
//! No error and no `Debug` output of this module contains a value of the document; keys are named, because without them nobody
//! could find the place.

mod binary;
mod build;
mod error;
mod json;
mod mapping;
mod node;
mod python;
mod scalar;

pub(crate) use binary::decode as decode_base64;
pub(crate) use build::measure;
pub(crate) use error::shown;
pub use error::{YamlError, YamlErrorKind};
pub(crate) use mapping::key_text;
pub use node::{Document, Node, PathSegment, Span, Style, Tag, Value};
pub use scalar::Resolved;

use saphyr_parser::Parser;

/// The largest text accepted, in bytes. A Kubernetes Secret holds at most 1 MiB; the rest is room for gzip.
pub const MAX_BYTES: usize = 16 * 1024 * 1024;

/// How deeply sequences and mappings may nest, aliases included. Schemas of custom resources reach about 60.
pub const MAX_DEPTH: usize = 128;

/// How many nodes a text may hold after its aliases are expanded, over all its documents ("billion laughs").
pub const MAX_NODES: usize = 1_000_000;

/// How many bytes of scalar text there may be after aliases are expanded: few aliases of one large scalar are a bomb too.
pub const MAX_EXPANDED_BYTES: usize = 4 * MAX_BYTES;

/// Parses a text of any number of documents. A text of only comments holds none.
///
/// `source_name` (a file name, the name of a Secret and its key) goes into errors.
///
/// # Errors
///
/// [`YamlError`]: the text is not YAML, is beyond one of the limits of this module, repeats a key in a mapping, has a key
/// that is not a scalar, a tag other than YAML's scalar types or a scalar that does not fit its tag, or uses an alias or a merge
/// key that means nothing.
pub fn parse(text: &str, source_name: &str) -> Result<Vec<Document>, YamlError> {
    if text.len() > MAX_BYTES {
        return Err(YamlError::new(
            source_name,
            Span::START,
            YamlErrorKind::TooLarge { limit: MAX_BYTES },
        ));
    }
    let mut builder = build::Builder::new(source_name, text);
    for event in Parser::new_from_str(text) {
        match event {
            Ok((event, span)) => builder.take(event, span)?,
            Err(error) => {
                return Err(YamlError::new(
                    source_name,
                    Span::of(*error.marker()),
                    YamlErrorKind::syntax(error.info()),
                ));
            }
        }
    }
    Ok(builder.finish())
}
