//! What bootstrap data may be wrapped in: base64, gzip, a byte order mark. [`open`] gives what is inside.

use super::encoding::{GZIP_MAGIC, gunzip};
use super::error::{BootstrapErrorKind, GzipError};
use super::{MAX_DATA_BYTES, MAX_TEXT_BYTES};
use crate::yaml::decode_base64;

/// How bootstrap data of any kind begins, in lower case.
const BEGINNINGS: &[&str] = &[
    "#cloud-config",
    "#!",
    "##",
    "#include",
    "#part-handler",
    "#cloud-boothook",
    "content-type:",
    "mime-version:",
    "{",
];

/// What was inside.
pub(super) enum Unwrapped {
    /// A text, in UTF-8.
    Text(String),
    /// Anything else: only a script may be that.
    Bytes(Vec<u8>),
}

/// Unwraps the data. Base64 around the whole is undone only if all of it is base64 and bootstrap data comes out.
pub(super) fn open(data: &[u8]) -> Result<Unwrapped, BootstrapErrorKind> {
    if data.len() > MAX_DATA_BYTES {
        return Err(BootstrapErrorKind::TooLarge { limit: MAX_DATA_BYTES });
    }
    let decoded = from_base64(data);
    let data = decoded.as_deref().unwrap_or(data);
    let unwrapped = inside(data, MAX_TEXT_BYTES)?;
    match &unwrapped {
        Unwrapped::Text(text) if text.trim().is_empty() => Err(BootstrapErrorKind::Empty),
        Unwrapped::Text(_) | Unwrapped::Bytes(_) => Ok(unwrapped),
    }
}

/// What is in data that may be compressed, at most `limit` bytes of it, without a byte order mark.
pub(super) fn inside(data: &[u8], limit: usize) -> Result<Unwrapped, BootstrapErrorKind> {
    let decompressed = match data.starts_with(&GZIP_MAGIC) {
        true => Some(gunzip(data, limit).map_err(too_large_as_a_whole)?),
        false => None,
    };
    let bytes = decompressed.as_deref().unwrap_or(data);
    if bytes.len() > limit {
        return Err(BootstrapErrorKind::TooLarge { limit: MAX_TEXT_BYTES });
    }
    Ok(match std::str::from_utf8(bytes) {
        Ok(text) => Unwrapped::Text(text.strip_prefix('\u{feff}').unwrap_or(text).to_owned()),
        Err(_) => Unwrapped::Bytes(bytes.to_vec()),
    })
}

fn from_base64(data: &[u8]) -> Option<Vec<u8>> {
    decode_base64(data).filter(|decoded| decoded.starts_with(&GZIP_MAGIC) || is_bootstrap_text(decoded))
}

fn is_bootstrap_text(decoded: &[u8]) -> bool {
    let start: Vec<u8> = decoded.iter().take(64).map(u8::to_ascii_lowercase).collect();
    BEGINNINGS
        .iter()
        .any(|beginning| start.trim_ascii_start().starts_with(beginning.as_bytes()))
}

fn too_large_as_a_whole(error: GzipError) -> BootstrapErrorKind {
    match error {
        GzipError::TooLarge { .. } => BootstrapErrorKind::TooLarge { limit: MAX_TEXT_BYTES },
        GzipError::Invalid | GzipError::Truncated => BootstrapErrorKind::Gzip(error),
    }
}
