//! Names of accounts and hashed passwords: what the modules about users accept.

use crate::bootstrap::error::{BootstrapError, FieldProblem};
use crate::bootstrap::fields::Fields;
use crate::yaml::{Node, Span};

/// What a name of a user or a group must look like. The host's own rules (useradd(8)) may be stricter.
const NAME: FieldProblem = FieldProblem::Invalid {
    expected: "a name of letters, digits and `_`, `-`, `.`, `@`, with a letter in it and not beginning with `-`",
};

/// The name of a user or a group, or else the error about it.
pub(in crate::bootstrap) fn name<'a>(
    fields: &Fields<'_>,
    path: &str,
    text: &'a str,
    span: Span,
) -> Result<&'a str, BootstrapError> {
    let body = text.strip_suffix('$').unwrap_or(text);
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '@');
    // A name without a letter would be taken for a number.
    let sensible = body.chars().any(|c| c.is_ascii_alphabetic() || c == '_') && !body.starts_with(['-', '.']);
    if sensible && text.len() <= 256 && body.chars().all(allowed) {
        Ok(text)
    } else {
        Err(fields.error(span, path, NAME))
    }
}

/// A name as an item of a list.
pub(in crate::bootstrap) fn item<'a>(fields: &Fields<'a>, path: &str, node: &'a Node) -> Result<&'a str, BootstrapError> {
    name(fields, path, fields.item(path, node)?.trim(), node.span)
}

/// The names in a text with commas.
pub(in crate::bootstrap) fn names<'a>(
    fields: &Fields<'_>,
    path: &str,
    text: &'a str,
    span: Span,
) -> Result<Vec<&'a str>, BootstrapError> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    parts.map(|part| name(fields, path, part, span)).collect()
}

/// A text that a line of passwd(5) or of chpasswd(8) can hold.
pub(in crate::bootstrap) fn one_line<'a>(
    fields: &Fields<'_>,
    path: &str,
    text: &'a str,
    span: Span,
) -> Result<&'a str, BootstrapError> {
    if text.contains(char::is_control) {
        let problem = FieldProblem::Invalid {
            expected: "a text without line breaks and control characters",
        };
        return Err(fields.error(span, path, problem));
    }
    Ok(text)
}

/// A hashed password as shadow(5) has it: crypt(5)'s form with `$`, or `*` and `!`, which no password matches. A clear text here would
/// be readable in the file, and nobody could log in with it. DES hashes, which look like words, are not accepted.
pub(in crate::bootstrap) fn hash<'a>(
    fields: &Fields<'_>,
    path: &str,
    text: &'a str,
    span: Span,
) -> Result<&'a str, BootstrapError> {
    let allowed = |c: char| c.is_ascii_graphic() && c != ':';
    if text.starts_with(['$', '*', '!']) && text.chars().all(allowed) {
        return Ok(text);
    }
    let problem = FieldProblem::Invalid {
        expected: "a hashed password as crypt(5) has it, such as the output of `openssl passwd -6`",
    };
    Err(fields.error(span, path, problem))
}
