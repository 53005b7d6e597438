//! Parser events to nodes: limits, tags, aliases.

use std::borrow::Cow;
use std::collections::HashMap;

use saphyr_parser::{Event, Marker, ScalarStyle};

use super::error::{YamlError, YamlErrorKind};
use super::node::{Document, Node, Span, Style, Tag, Value};
use super::scalar::{DoesNotFit, resolve};
use super::{MAX_DEPTH, MAX_EXPANDED_BYTES, MAX_NODES, mapping};

/// Takes events one by one; the open sequences and mappings are a stack of its own, so that nesting costs no call depth.
pub(super) struct Builder<'a> {
    source_name: &'a str,
    documents: Vec<Document>,
    open: Vec<Open>,
    /// What `&anchor` named, by the parser's number for it.
    anchors: HashMap<usize, Anchored>,
    /// What was built so far, copies for anchors and aliases included.
    spent: Size,
    /// How long the text is, in characters, if its last line has no end.
    open_end: Option<usize>,
}

/// A sequence or mapping whose end has not been seen.
struct Open {
    span: Span,
    /// The parser's number of its anchor, 0 for none.
    anchor: usize,
    content: Content,
}

enum Content {
    Sequence(Vec<Node>),
    Mapping { entries: Vec<(Node, Node)>, key: Option<Node> },
}

struct Anchored {
    node: Node,
    size: Size,
}

/// How large a tree is.
#[derive(Clone, Copy, Default)]
pub(crate) struct Size {
    /// How many nodes it has.
    pub(crate) nodes: usize,
    /// The bytes of its scalars.
    pub(crate) bytes: usize,
    depth: usize,
}

impl<'a> Builder<'a> {
    pub(super) fn new(source_name: &'a str, text: &str) -> Self {
        Self {
            source_name,
            documents: Vec::new(),
            open: Vec::new(),
            anchors: HashMap::new(),
            spent: Size::default(),
            open_end: (!text.ends_with(['\n', '\r'])).then(|| text.chars().count()),
        }
    }

    pub(super) fn finish(self) -> Vec<Document> {
        self.documents
    }

    pub(super) fn take(&mut self, event: Event<'_>, range: saphyr_parser::Span) -> Result<(), YamlError> {
        let span = Span::of(range.start);
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
            Event::DocumentStart(_) => {
                self.anchors.clear();
                Ok(())
            }
            Event::Alias(anchor) => self.alias(anchor, span),
            Event::Scalar(text, style, anchor, tag) => {
                let text = self.without_added_newline(text, style, range.end);
                let value = self.scalar(text, style, tag.as_deref(), span)?;
                self.complete(Node { span, value }, anchor)
            }
            Event::SequenceStart(anchor, tag) => self.begin(span, anchor, tag.as_deref(), "seq", Content::Sequence(Vec::new())),
            Event::MappingStart(anchor, tag) => self.begin(
                span,
                anchor,
                tag.as_deref(),
                "map",
                Content::Mapping {
                    entries: Vec::new(),
                    key: None,
                },
            ),
            Event::SequenceEnd | Event::MappingEnd => self.end(),
        }
    }

    fn fail(&self, span: Span, kind: YamlErrorKind) -> YamlError {
        YamlError::new(self.source_name, span, kind)
    }

    /// Accounts for nodes before they are made. `size.depth` is their height; they hang below what is open now.
    fn charge(&mut self, span: Span, size: Size) -> Result<(), YamlError> {
        self.spent.nodes = self.spent.nodes.saturating_add(size.nodes);
        self.spent.bytes = self.spent.bytes.saturating_add(size.bytes);
        if self.open.len().saturating_add(size.depth) > MAX_DEPTH {
            return Err(self.fail(span, YamlErrorKind::TooDeep { limit: MAX_DEPTH }));
        }
        if self.spent.nodes > MAX_NODES {
            return Err(self.fail(span, YamlErrorKind::TooManyNodes { limit: MAX_NODES }));
        }
        if self.spent.bytes > MAX_EXPANDED_BYTES {
            return Err(self.fail(
                span,
                YamlErrorKind::TooMuchText {
                    limit: MAX_EXPANDED_BYTES,
                },
            ));
        }
        Ok(())
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Result<(), YamlError> {
        if self.open.iter().any(|open| open.anchor == anchor) {
            return Err(self.fail(span, YamlErrorKind::RecursiveAlias));
        }
        let Some(size) = self.anchors.get(&anchor).map(|anchored| anchored.size) else {
            return Err(self.fail(span, YamlErrorKind::UnknownAnchor));
        };
        self.charge(span, size)?;
        match self.anchors.get(&anchor).map(|anchored| anchored.node.clone()) {
            Some(node) => self.complete(node, 0),
            None => Err(self.fail(span, YamlErrorKind::UnknownAnchor)),
        }
    }

    /// A block scalar whose last line has no end has none in its value either: the parser adds one, PyYAML does not.
    fn without_added_newline<'t>(&self, text: Cow<'t, str>, style: ScalarStyle, end: Marker) -> Cow<'t, str> {
        let is_block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
        match text.strip_suffix('\n') {
            Some(stripped) if is_block && self.open_end.is_some_and(|length| end.index() >= length) => {
                Cow::Owned(stripped.to_owned())
            }
            Some(_) | None => text,
        }
    }

    fn scalar(
        &mut self,
        text: Cow<'_, str>,
        style: ScalarStyle,
        tag: Option<&saphyr_parser::Tag>,
        span: Span,
    ) -> Result<Value, YamlError> {
        self.charge(
            span,
            Size {
                nodes: 1,
                bytes: text.len(),
                depth: 0,
            },
        )?;
        let style = match style {
            ScalarStyle::Plain => Style::Plain,
            ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted | ScalarStyle::Literal | ScalarStyle::Folded => Style::Quoted,
        };
        let tag = match tag {
            None => None,
            Some(tag) => Some(scalar_tag(tag).ok_or_else(|| self.fail(span, YamlErrorKind::UnsupportedTag))?),
        };
        if tag.is_some() {
            resolve(&text, style, tag).map_err(|DoesNotFit(tag)| self.fail(span, YamlErrorKind::DoesNotFitTag { tag }))?;
        }
        Ok(Value::Scalar {
            text: text.into_owned(),
            style,
            tag,
        })
    }

    fn begin(
        &mut self,
        span: Span,
        anchor: usize,
        tag: Option<&saphyr_parser::Tag>,
        own_tag: &str,
        content: Content,
    ) -> Result<(), YamlError> {
        if tag.is_some_and(|tag| !(is_non_specific(tag) || tag.is_yaml_core_schema() && tag.suffix == own_tag)) {
            return Err(self.fail(span, YamlErrorKind::UnsupportedTag));
        }
        self.charge(
            span,
            Size {
                nodes: 1,
                bytes: 0,
                depth: 1,
            },
        )?;
        self.open.push(Open { span, anchor, content });
        Ok(())
    }

    fn end(&mut self) -> Result<(), YamlError> {
        let Some(Open { span, anchor, content }) = self.open.pop() else {
            return Ok(());
        };
        let value = match content {
            Content::Sequence(items) => Value::Sequence(items),
            Content::Mapping { entries, .. } => Value::Mapping(mapping::finish(self.source_name, entries)?),
        };
        self.complete(Node { span, value }, anchor)
    }

    /// Gives a finished node to its anchor and to what contains it.
    fn complete(&mut self, node: Node, anchor: usize) -> Result<(), YamlError> {
        if anchor > 0 {
            let size = measure(&node);
            self.charge(node.span, Size { depth: 0, ..size })?;
            self.anchors.insert(
                anchor,
                Anchored {
                    node: node.clone(),
                    size,
                },
            );
        }
        match self.open.last_mut().map(|open| &mut open.content) {
            None => self.documents.push(Document { root: node }),
            Some(Content::Sequence(items)) => items.push(node),
            Some(Content::Mapping { entries, key }) => match key.take() {
                None => *key = Some(node),
                Some(key) => entries.push((key, node)),
            },
        }
        Ok(())
    }
}

/// A lone `!`: "do not guess the type".
fn is_non_specific(tag: &saphyr_parser::Tag) -> bool {
    tag.handle.is_empty() && tag.suffix == "!"
}

fn scalar_tag(tag: &saphyr_parser::Tag) -> Option<Tag> {
    if is_non_specific(tag) {
        return Some(Tag::Str);
    }
    // `!<tag:yaml.org,2002:str>` arrives in one piece.
    let full = format!("{}{}", tag.handle, tag.suffix);
    match full.strip_prefix("tag:yaml.org,2002:")? {
        "str" => Some(Tag::Str),
        "int" => Some(Tag::Int),
        "float" => Some(Tag::Float),
        "bool" => Some(Tag::Bool),
        "null" => Some(Tag::Null),
        "binary" => Some(Tag::Binary),
        "timestamp" => Some(Tag::Timestamp),
        _ => None,
    }
}

/// Counts a tree. Recursion is bounded by [`MAX_DEPTH`].
pub(crate) fn measure(node: &Node) -> Size {
    let children: Vec<Size> = match &node.value {
        Value::Scalar { text, .. } => {
            return Size {
                nodes: 1,
                bytes: text.len(),
                depth: 0,
            };
        }
        Value::Sequence(items) => items.iter().map(measure).collect(),
        Value::Mapping(entries) => entries
            .iter()
            .flat_map(|(key, value)| [measure(key), measure(value)])
            .collect(),
    };
    children.iter().fold(
        Size {
            nodes: 1,
            bytes: 0,
            depth: 1,
        },
        |sum, child| Size {
            nodes: sum.nodes.saturating_add(child.nodes),
            bytes: sum.bytes.saturating_add(child.bytes),
            depth: sum.depth.max(child.depth.saturating_add(1)),
        },
    )
}
