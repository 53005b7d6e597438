//! Why a text was refused: [`YamlError`]. Never quotes a value of the document.

use super::node::Span;

/// A text that cannot be used, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{source_name}:{span}: {kind}")]
pub struct YamlError {
    /// What the caller called the text.
    pub source_name: String,
    /// Where.
    pub span: Span,
    /// What.
    pub kind: YamlErrorKind,
}

impl YamlError {
    pub(super) fn new(source_name: &str, span: Span, kind: YamlErrorKind) -> Self {
        Self {
            source_name: source_name.to_owned(),
            span,
            kind,
        }
    }
}

/// The reasons, each with what its message needs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum YamlErrorKind {
    /// More than [`MAX_BYTES`](super::MAX_BYTES).
    #[error("the text is larger than {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// More than [`MAX_DEPTH`](super::MAX_DEPTH).
    #[error("nested more than {limit} levels deep")]
    TooDeep {
        /// The limit, in levels.
        limit: usize,
    },
    /// More than [`MAX_NODES`](super::MAX_NODES).
    #[error("more than {limit} nodes once aliases are expanded")]
    TooManyNodes {
        /// The limit, in nodes.
        limit: usize,
    },
    /// More than [`MAX_EXPANDED_BYTES`](super::MAX_EXPANDED_BYTES).
    #[error("more than {limit} bytes once aliases are expanded")]
    TooMuchText {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The text is not YAML.
    #[error("not valid YAML: {what}")]
    Syntax {
        /// The parser's description of what it expected.
        what: String,
    },
    /// `*name` without an `&name` before it in the same document.
    #[error("an alias refers to an anchor that this document does not define before it")]
    UnknownAnchor,
    /// `&a [*a]`.
    #[error("an alias refers to the node that contains it")]
    RecursiveAlias,
    /// A mapping has one key twice. cloud-init would silently take the last one.
    #[error("key `{key}` is given twice in one mapping; the first one is at {first}")]
    DuplicateKey {
        /// The key, shortened and with control characters escaped.
        key: String,
        /// Where the key was first given.
        first: Span,
    },
    /// A sequence, a mapping or binary data as a key.
    #[error("a mapping key must be text, a number, a boolean or null")]
    KeyNotScalar,
    /// `<<:` with something else than a mapping or a sequence of mappings.
    #[error("the merge key `<<` needs a mapping or a sequence of mappings")]
    MergeNotMapping,
    /// `!something`.
    #[error(
        "unsupported tag; use one of YAML's own (!!str, !!int, !!float, !!bool, !!null, !!binary, !!timestamp, !!seq, !!map)"
    )]
    UnsupportedTag,
    /// `!!int abc`.
    #[error("the value does not fit its tag {tag}")]
    DoesNotFitTag {
        /// The tag.
        tag: &'static str,
    },
}

impl YamlErrorKind {
    /// Takes over the parser's description, all of which are fixed texts but for one, which quotes a character of the document
    /// between a backtick and a quotation mark: that is cut off.
    pub(super) fn syntax(info: &str) -> Self {
        let fixed = info.split('`').next().unwrap_or_default();
        Self::Syntax {
            what: fixed.trim_end_matches([' ', ':']).to_owned(),
        }
    }
}

/// A key as it may be shown in a message: one line, at most 64 characters.
pub(crate) fn shown(key: &str) -> String {
    const MAX: usize = 64;
    let mut shown: String = key.chars().take(MAX).flat_map(char::escape_debug).collect();
    if key.chars().count() > MAX {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::{YamlErrorKind, shown};

    #[test]
    fn a_quoted_character_is_cut_off() {
        assert_eq!(
            YamlErrorKind::syntax("unexpected character: `%'"),
            YamlErrorKind::Syntax {
                what: "unexpected character".to_owned()
            }
        );
    }

    #[test]
    fn keys_are_shown_on_one_line_and_shortened() {
        assert_eq!(shown("a\nb"), "a\\nb");
        assert_eq!(shown(&"k".repeat(65)).chars().count(), 65);
    }
}
