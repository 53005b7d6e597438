//! Why bootstrap data was refused: [`BootstrapError`]. All of these say "change the input"; none contains a value of it.

use crate::yaml::{Span, YamlError, YamlErrorKind};

/// Bootstrap data that cannot be used, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{source_name}:{line}:{column}: {kind}")]
pub struct BootstrapError {
    /// What the caller called the data.
    pub source_name: String,
    /// Line, from 1; of the text after templates are rendered, unless the template itself is wrong.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What.
    pub kind: BootstrapErrorKind,
}

impl BootstrapError {
    pub(super) fn new(source_name: &str, span: Span, kind: BootstrapErrorKind) -> Self {
        Self {
            source_name: source_name.to_owned(),
            line: span.line,
            column: span.column,
            kind,
        }
    }
}

impl From<YamlError> for BootstrapError {
    fn from(error: YamlError) -> Self {
        Self {
            source_name: error.source_name,
            line: error.span.line,
            column: error.span.column,
            kind: BootstrapErrorKind::Yaml(error.kind),
        }
    }
}

/// The reasons, each with what its message needs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BootstrapErrorKind {
    /// There is nothing.
    #[error("the bootstrap data is empty")]
    Empty,
    /// Beyond [`MAX_DATA_BYTES`](super::MAX_DATA_BYTES) or [`MAX_TEXT_BYTES`](super::MAX_TEXT_BYTES).
    #[error("the bootstrap data is larger than {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The data as a whole is compressed, and damaged.
    #[error("the bootstrap data begins like gzip, but {0}")]
    Gzip(GzipError),
    /// Neither text nor anything known.
    #[error("the bootstrap data is not UTF-8 text")]
    NotUtf8,
    /// `## template: something`
    #[error("the only template language supported is jinja: write `## template: jinja` as the first line")]
    TemplateLanguage,
    /// The template does not parse or cannot be carried out.
    #[error("the template cannot be rendered: {what}")]
    Template {
        /// What is wrong, as a fixed text.
        what: &'static str,
    },
    /// A variable that has no value here.
    #[error("template variable {} has no value here; known are {known}", .name.as_deref().map_or_else(|| "on this line".to_owned(), |name| format!("`{name}`")))]
    UnknownVariable {
        /// The variable's name, if it can be told.
        name: Option<String>,
        /// What could be used instead.
        known: &'static str,
    },
    /// A template uses facts of the machine, and they are not known: ask it, and read the data again.
    #[error("the template uses {} of the machine, which has not been asked yet", .names.join(", "))]
    NeedsFacts {
        /// The variables.
        names: Vec<String>,
    },
    /// There is a template and nobody to render it.
    #[error("templates are not rendered here")]
    NoRenderer,
    /// The Secret's `format` names something else than cloud-config.
    #[error("bootstrap data of format {format} is not supported; {advice}")]
    UnsupportedFormat {
        /// The format, in words.
        format: String,
        /// What to do.
        advice: &'static str,
    },
    /// The data is something known that is not supported.
    #[error("this is {what}, which is not supported; {advice}")]
    UnsupportedContent {
        /// What the data looks like.
        what: &'static str,
        /// What to do.
        advice: &'static str,
    },
    /// The data is nothing known.
    #[error("cannot tell what this is: the first line must be `#cloud-config`, `## template: jinja` or a `#!` line")]
    UnknownContent,
    /// The first line is nearly `#cloud-config`.
    #[error("the first line must be exactly `#cloud-config`")]
    MisspelledHeader,
    /// A MIME message that cannot be taken apart.
    #[error("the MIME message cannot be read: {what}")]
    Mime {
        /// What is wrong, as a fixed text.
        what: &'static str,
    },
    /// A part with a content type for which cloud-init has no handler, so that it ignores the part.
    #[error(
        "cloud-init has no handler for parts with this content type; the usual ones are text/cloud-config and text/x-shellscript"
    )]
    UnknownContentType,
    /// A part that is text/jinja2 and has no header that says so.
    #[error("a part of type text/jinja2 must have `## template: jinja` as its first line")]
    NoTemplateHeader,
    /// A container where there cannot be one.
    #[error(
        "this is {what} inside another container, where cloud-init does not look for one; make its parts parts of the outer one"
    )]
    NestedContainer {
        /// What it is.
        what: &'static str,
    },
    /// A part after the first has a template header, and the text as a whole has none.
    #[error("the header `## template: jinja` must be the first line of the whole text, which it then applies to")]
    LateTemplate,
    /// Beyond [`MAX_PARTS`](super::MAX_PARTS).
    #[error("the bootstrap data has more than {limit} parts")]
    TooManyParts {
        /// The limit.
        limit: usize,
    },
    /// `---` inside cloud-config.
    #[error("cloud-config must be one YAML document; a second one begins here")]
    SecondDocument,
    /// A `#!` line without a program.
    #[error("the #! line names no absolute path of a program")]
    NoInterpreter,
    /// The YAML is wrong.
    #[error("{0}")]
    Yaml(YamlErrorKind),
    /// A key's value cannot be used.
    #[error("{path}: {problem}")]
    Field {
        /// The key with its path: `write_files[0].permissions`.
        path: String,
        /// What is wrong with its value.
        problem: FieldProblem,
    },
}

/// What is wrong with a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FieldProblem {
    /// Another type is needed.
    #[error("must be {expected}, not {found}")]
    WrongType {
        /// What is needed.
        expected: &'static str,
        /// What is there.
        found: &'static str,
    },
    /// A command that YAML read as something else, usually because of `: `.
    #[error("must be a string or a list of strings, not {found}; put the command in quotation marks")]
    NotACommand {
        /// What is there.
        found: &'static str,
    },
    /// The key is needed.
    #[error("is missing or empty")]
    Missing,
    /// Of the right type, but not something that it can be.
    #[error("must be {expected}")]
    Invalid {
        /// What it can be.
        expected: &'static str,
    },
    /// A merger that appends to lists met something else.
    #[error("asks to add {found} to a list")]
    NotMergedIntoList {
        /// What is there.
        found: &'static str,
    },
    /// A merger that appends to text met something else.
    #[error("asks to add {found} to a text")]
    NotMergedIntoText {
        /// What is there.
        found: &'static str,
    },
    /// A NUL byte in a path, a name or a command.
    #[error("contains a NUL character")]
    Nul,
    /// The path is `/`.
    #[error("names the root directory, not a file")]
    RootDirectory,
    /// `C:\`
    #[error("is a Windows path; only hosts with a POSIX shell are supported")]
    WindowsPath,
    /// Not octal, or beyond 7777.
    #[error("must be an octal mode between 0 and 7777, such as \"0644\"")]
    Permissions,
    /// `owner` is no `user:group`.
    #[error("must be `user` or `user:group`, without spaces, slashes or control characters")]
    Owner,
    /// `encoding` is none of cloud-init's.
    #[error("is not an encoding that cloud-init knows{}", did_you_mean(.suggestion))]
    UnknownEncoding {
        /// The known one that is nearest.
        suggestion: Option<&'static str>,
    },
    /// `content` is not what `encoding` says.
    #[error("is not valid base64, which its `encoding` says it is")]
    Base64,
    /// `content` is not what `encoding` says.
    #[error("is declared as gzip by its `encoding`, but {0}")]
    Gzip(GzipError),
    /// An Ignition source that would have to be fetched.
    #[error("is fetched from elsewhere, which is not supported: put the content into a data: URL, or fetch it in a systemd unit")]
    NotADataUrl,
    /// Compressed content that is none.
    #[error("says that the content is gzip, but it {0}")]
    NotCompressed(GzipError),
    /// `verification.hash` is that of something else.
    #[error("is not the hash of the content")]
    WrongHash,
    /// What Ignition does to disks.
    #[error(
        "can only be set up before a host's first start, by Ignition itself, and not on a host that is up: set it up when the host is imaged, and remove it here"
    )]
    FirstStart,
    /// Beyond [`MAX_FILE_BYTES`](super::MAX_FILE_BYTES), together with the files before it.
    #[error("makes the files larger than {limit} bytes together")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
}

/// Compressed data that cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GzipError {
    /// Not gzip (RFC 1952), or its checksum is wrong.
    #[error("is not valid gzip")]
    Invalid,
    /// It ends too early.
    #[error("is cut short")]
    Truncated,
    /// More comes out than is accepted.
    #[error("holds more than {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
}

fn did_you_mean(suggestion: &Option<&'static str>) -> String {
    suggestion.map_or_else(String::new, |word| format!("; did you mean `{word}`?"))
}
