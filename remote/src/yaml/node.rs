//! The tree: [`Node`].

use std::fmt;

/// A place in a text. Both numbers count from 1; columns are characters, not bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl Span {
    /// The beginning of a text.
    pub const START: Self = Self { line: 1, column: 1 };

    pub(super) fn of(marker: saphyr_parser::Marker) -> Self {
        Self {
            line: marker.line().max(1),
            column: marker.col().saturating_add(1),
        }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// One document of a text.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// Its content; null if it is empty (`---` with nothing after it).
    pub root: Node,
}

/// A value and where it begins. What an alias stands for keeps the place of the anchor, where its text is.
#[derive(Clone, PartialEq)]
pub struct Node {
    /// Where it begins.
    pub span: Span,
    /// What it is.
    pub value: Value,
}

/// What a node is.
#[derive(Clone, PartialEq)]
pub enum Value {
    /// A text that has yet to be typed: see [`Node::resolved`].
    Scalar {
        /// The text, escapes and folding resolved.
        text: String,
        /// Whether it was quoted, which decides about its type.
        style: Style,
        /// Its explicit type, if any.
        tag: Option<Tag>,
    },
    /// `[a, b]`
    Sequence(Vec<Node>),
    /// `{a: b}`: in the order written, keys that were merged in first. Keys are scalars and unique.
    Mapping(Vec<(Node, Node)>),
}

/// How a scalar was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Without quotation marks: may be a number, a boolean or null.
    Plain,
    /// In quotation marks or as a block (`|`, `>`): text.
    Quoted,
}

/// An explicit scalar type (<https://yaml.org/type/>).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tag {
    /// `!!str` or `!`
    Str,
    /// `!!int`
    Int,
    /// `!!float`
    Float,
    /// `!!bool`
    Bool,
    /// `!!null`
    Null,
    /// `!!binary`: base64
    Binary,
    /// `!!timestamp`: kept as text
    Timestamp,
}

/// One step down the tree: see [`Node::at`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathSegment<'a> {
    /// The value of this key of a mapping.
    Key(&'a str),
    /// This item of a sequence, counted from 0.
    Index(usize),
}

impl Node {
    /// The text of a scalar as written, whatever its type.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } => Some(text),
            Value::Sequence(_) | Value::Mapping(_) => None,
        }
    }

    /// The items of a sequence.
    #[must_use]
    pub fn items(&self) -> Option<&[Node]> {
        match &self.value {
            Value::Sequence(items) => Some(items),
            Value::Scalar { .. } | Value::Mapping(_) => None,
        }
    }

    /// The keys and values of a mapping.
    #[must_use]
    pub fn entries(&self) -> Option<&[(Node, Node)]> {
        match &self.value {
            Value::Mapping(entries) => Some(entries),
            Value::Scalar { .. } | Value::Sequence(_) => None,
        }
    }

    /// The value of a mapping's key, compared with the key's text as written.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries()?
            .iter()
            .find(|(name, _)| name.text() == Some(key))
            .map(|(_, value)| value)
    }

    /// The node at a path, for the position of a value that a typed decoder refused.
    #[must_use]
    pub fn at(&self, path: &[PathSegment<'_>]) -> Option<&Node> {
        path.iter().try_fold(self, |node, segment| match segment {
            PathSegment::Key(key) => node.get(key),
            PathSegment::Index(index) => node.items()?.get(*index),
        })
    }
}

impl Node {
    /// Moves the node and all below it so many lines down. Recursion is bounded by [`MAX_DEPTH`](super::MAX_DEPTH).
    pub(crate) fn move_down(&mut self, lines: usize) {
        self.span.line = self.span.line.saturating_add(lines);
        match &mut self.value {
            Value::Scalar { .. } => {}
            Value::Sequence(items) => items.iter_mut().for_each(|item| item.move_down(lines)),
            Value::Mapping(entries) => {
                for (key, value) in entries {
                    key.move_down(lines);
                    value.move_down(lines);
                }
            }
        }
    }
}

/// Shows the shape only: values may be secrets.
impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} at {}", self.value, self.span)
    }
}

/// Shows the shape only: values may be secrets.
impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scalar { text, style, tag } => write!(f, "Scalar({} bytes, {style:?}, {tag:?})", text.len()),
            Self::Sequence(items) => write!(f, "Sequence({} items)", items.len()),
            Self::Mapping(entries) => write!(f, "Mapping({} entries)", entries.len()),
        }
    }
}
