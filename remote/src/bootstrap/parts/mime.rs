//! MIME messages (RFC 2045, RFC 2046): header fields and transfer encodings are `mailparse`'s; the boundaries are found here, because
//! they must match whole lines, and parts be bounded before they are made.

use mailparse::{MailHeader, MailHeaderMap, ParsedContentType, parse_content_disposition, parse_content_type, parse_headers};

use super::{Declared, Part, declared, default_name};
use crate::bootstrap::MAX_PARTS;
use crate::bootstrap::content::without_envelope;
use crate::bootstrap::error::BootstrapErrorKind;
use crate::yaml::decode_base64;

/// How deep multiparts may be in one another.
const MAX_DEPTH: usize = 16;

/// Takes a message apart. An error comes with the name of the part that it is about, if it is about one.
pub(in crate::bootstrap) fn parts(text: &str) -> Result<Vec<Part>, (Option<String>, BootstrapErrorKind)> {
    let mut parts = Vec::new();
    walk(without_envelope(text).as_bytes(), 0, &mut parts)?;
    Ok(parts)
}

fn walk(message: &[u8], depth: usize, parts: &mut Vec<Part>) -> Result<(), (Option<String>, BootstrapErrorKind)> {
    let (headers, body_at) = parse_headers(message).map_err(|_| (None, broken("its header fields cannot be read")))?;
    let body = message.get(body_at..).unwrap_or_default();
    let content_type = headers.get_first_value("Content-Type");
    let content_type = content_type.as_deref().map(parse_content_type);
    if let Some(container) = content_type.as_ref().filter(|it| it.mimetype.starts_with("multipart/")) {
        if depth >= MAX_DEPTH {
            return Err((None, broken("its multiparts are nested too deeply")));
        }
        let boundary = container.params.get("boundary").filter(|boundary| !boundary.is_empty());
        let boundary = boundary.ok_or_else(|| (None, broken("its Content-Type has no boundary")))?;
        for part in split(body, boundary).map_err(|kind| (None, kind))? {
            walk(part, depth.saturating_add(1), parts)?;
        }
        return Ok(());
    }
    if parts.len() >= MAX_PARTS {
        return Err((None, BootstrapErrorKind::TooManyParts { limit: MAX_PARTS }));
    }
    let name = file_name(&headers, content_type.as_ref());
    let shown = || name.clone().unwrap_or_else(|| default_name(parts.len().saturating_add(1)));
    let fail = |kind| (Some(shown()), kind);
    let content = decoded(message, body, &headers).map_err(fail)?;
    let is_empty = content.trim_ascii().is_empty();
    let declared = match &content_type {
        // cloud-init ignores a part with nothing in it, whatever it is.
        Some(_) if is_empty => Declared::Nothing,
        Some(content_type) => declared(&content_type.mimetype).map_err(fail)?,
        None => Declared::Nothing,
    };
    parts.push(Part {
        declared,
        content,
        merge_type: ["Merge-Type", "X-Merge-Type"]
            .iter()
            .filter_map(|header| headers.get_first_value(header))
            .find(|value| !value.is_empty()),
        has_launch_index: headers.get_first_header("Launch-Index").is_some(),
        name,
    });
    Ok(())
}

fn broken(what: &'static str) -> BootstrapErrorKind {
    BootstrapErrorKind::Mime { what }
}

/// The parts between lines that are `--boundary`, up to one that is `--boundary--` (RFC 2046, 5.1.1). The end of line before a
/// boundary belongs to the boundary.
fn split<'m>(body: &'m [u8], boundary: &str) -> Result<Vec<&'m [u8]>, BootstrapErrorKind> {
    let mut parts = Vec::new();
    let mut start = None;
    let mut position = 0_usize;
    for line in body.split_inclusive(|byte| *byte == b'\n') {
        let after = position.saturating_add(line.len());
        if let Some(is_last) = delimiter(line, boundary) {
            if let Some(start) = start {
                if parts.len() >= MAX_PARTS {
                    return Err(BootstrapErrorKind::TooManyParts { limit: MAX_PARTS });
                }
                parts.push(without_line_end(body.get(start..position).unwrap_or_default()));
            }
            if is_last {
                return Ok(parts);
            }
            start = Some(after);
        }
        position = after;
    }
    Err(broken(match start {
        None => "none of its lines is the boundary that its Content-Type names",
        Some(_) => "it is cut short: the last boundary, with -- at its end, is missing",
    }))
}

/// Whether a line is a boundary, and if so, whether it is the last one.
fn delimiter(line: &[u8], boundary: &str) -> Option<bool> {
    match line.strip_prefix(b"--")?.strip_prefix(boundary.as_bytes())?.trim_ascii_end() {
        b"" => Some(false),
        b"--" => Some(true),
        _ => None,
    }
}

fn without_line_end(part: &[u8]) -> &[u8] {
    let part = part.strip_suffix(b"\n").unwrap_or(part);
    part.strip_suffix(b"\r").unwrap_or(part)
}

/// The file name of a part, by `Content-Disposition` or else by the `name` of its `Content-Type`.
fn file_name(headers: &[MailHeader<'_>], content_type: Option<&ParsedContentType>) -> Option<String> {
    let disposition = headers.get_first_value("Content-Disposition");
    let disposition = disposition.map(|value| parse_content_disposition(&value).params);
    let file_name = disposition.and_then(|mut params| params.remove("filename"));
    file_name
        .or_else(|| content_type?.params.get("name").cloned())
        .filter(|name| !name.is_empty())
}

/// Undoes the transfer encoding (RFC 2045, 6).
fn decoded(message: &[u8], body: &[u8], headers: &[MailHeader<'_>]) -> Result<Vec<u8>, BootstrapErrorKind> {
    let encoding = headers.get_first_value("Content-Transfer-Encoding").unwrap_or_default();
    match encoding.trim().to_ascii_lowercase().as_str() {
        "" | "7bit" | "8bit" | "binary" => Ok(body.to_vec()),
        "base64" => decode_base64(body)
            .ok_or_else(|| broken("the part is no valid base64, which its Content-Transfer-Encoding says it is")),
        "quoted-printable" => mailparse::parse_mail(message)
            .and_then(|mail| mail.get_body_raw())
            .map_err(|_| broken("the part is no valid quoted-printable text")),
        _ => Err(broken(
            "the part has a Content-Transfer-Encoding other than 7bit, 8bit, binary, base64 and quoted-printable",
        )),
    }
}
