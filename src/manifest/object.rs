//! What every object has: where it was read, its kind and its name.

use std::fmt;

use remote::yaml::{Node, Span};

use crate::input::Problem;

/// Namespace and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    /// `default` where the manifest has none.
    pub(crate) namespace: String,
    /// The name.
    pub(crate) name: String,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// Where something was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    source: String,
    span: Span,
}

impl Place {
    /// The place of a node.
    pub(crate) fn of(source: &str, node: &Node) -> Self {
        Self {
            source: source.to_owned(),
            span: node.span,
        }
    }

    /// The file.
    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    /// What is wrong there.
    pub(crate) fn problem(&self, what: impl fmt::Display) -> Problem {
        Problem(format!("{self}: {what}"))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.source, self.span)
    }
}

/// An object's head.
pub(crate) struct Head<'a> {
    pub(crate) api_version: &'a str,
    pub(crate) kind: &'a str,
    pub(crate) key: Key,
    pub(crate) place: Place,
}

impl<'a> Head<'a> {
    /// Reads `apiVersion`, `kind` and `metadata`.
    ///
    /// # Errors
    /// What is missing, and where.
    pub(crate) fn read(node: &'a Node, source: &str) -> Result<Self, Problem> {
        let place = Place::of(source, node);
        if node.entries().is_none() {
            return Err(place.problem("this is no object, which is a mapping with apiVersion, kind and metadata"));
        }
        let text = |node: Option<&'a Node>| node.and_then(Node::text).filter(|text| !text.is_empty());
        let api_version = text(node.get("apiVersion")).ok_or_else(|| place.problem("an object without apiVersion"))?;
        let kind = text(node.get("kind")).ok_or_else(|| place.problem("an object without kind"))?;
        let metadata = node.get("metadata");
        let name = text(metadata.and_then(|metadata| metadata.get("name")))
            .unwrap_or_default()
            .to_owned();
        let namespace = text(metadata.and_then(|metadata| metadata.get("namespace")))
            .unwrap_or("default")
            .to_owned();
        Ok(Self {
            api_version,
            kind,
            key: Key { namespace, name },
            place,
        })
    }
}
