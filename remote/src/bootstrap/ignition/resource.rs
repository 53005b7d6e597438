//! What a `source` names: data: URLs (RFC 2397), decompressed and verified.

use sha2::{Digest, Sha256, Sha512};

use crate::bootstrap::MAX_FILE_BYTES;
use crate::bootstrap::encoding::gunzip;
use crate::bootstrap::error::{BootstrapError, FieldProblem, GzipError};
use crate::bootstrap::fields::Fields;
use crate::yaml::decode_base64;

/// The content that a mapping with `source`, `compression` and `verification` stands for, at most `limit` bytes; nothing without a
/// source.
pub(super) fn read(fields: &Fields<'_>, limit: usize) -> Result<Option<Vec<u8>>, BootstrapError> {
    let Some((url, node)) = fields.text("source")?.filter(|(url, _)| !url.is_empty()) else {
        return Ok(None);
    };
    let fail = |problem| fields.fail(node, "source", problem);
    let encoded = after_scheme(url).ok_or_else(|| fail(FieldProblem::NotADataUrl))?;
    let invalid = FieldProblem::Invalid {
        expected: "a data: URL (RFC 2397): `data:,text` or `data:;base64,...`",
    };
    let content = decoded(encoded).ok_or_else(|| fail(invalid))?;
    let too_large = FieldProblem::TooLarge { limit: MAX_FILE_BYTES };
    let content = match fields.text("compression")? {
        None | Some(("", _)) => content,
        Some(("gzip", node)) => gunzip(&content, limit).map_err(|error| match error {
            GzipError::TooLarge { .. } => fail(too_large.clone()),
            GzipError::Invalid | GzipError::Truncated => fields.fail(node, "compression", FieldProblem::NotCompressed(error)),
        })?,
        Some((_, node)) => return Err(fields.fail(node, "compression", FieldProblem::Invalid { expected: "gzip" })),
    };
    if content.len() > limit {
        return Err(fail(too_large));
    }
    if let Some(verification) = fields.mapping("verification")? {
        verify(&verification, &content)?;
    }
    Ok(Some(content))
}

fn after_scheme(url: &str) -> Option<&str> {
    let scheme = url.get(..5)?;
    scheme.eq_ignore_ascii_case("data:").then(|| url.get(5..))?
}

/// `[mediatype][;base64],data`, with `%` and two hexadecimal digits for any byte.
fn decoded(encoded: &str) -> Option<Vec<u8>> {
    let (media_type, data) = encoded.split_once(',')?;
    let bytes = percent_decoded(data)?;
    match media_type.rsplit(';').next() {
        Some(last) if last.trim().eq_ignore_ascii_case("base64") => decode_base64(&bytes),
        Some(_) | None => Some(bytes),
    }
}

fn percent_decoded(text: &str) -> Option<Vec<u8>> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                let high = char::from(bytes.next()?).to_digit(16)?;
                let low = char::from(bytes.next()?).to_digit(16)?;
                u8::try_from(high * 16 + low).ok()?
            }
            _ => byte,
        });
    }
    Some(decoded)
}

/// `sha512-...` or `sha256-...` of the decompressed content.
fn verify(verification: &Fields<'_>, content: &[u8]) -> Result<(), BootstrapError> {
    let Some((hash, node)) = verification.text("hash")?.filter(|(hash, _)| !hash.is_empty()) else {
        return Ok(());
    };
    let actual = match hash.split_once('-').map(|(function, _)| function) {
        Some("sha512") => hex(&Sha512::digest(content)),
        Some("sha256") => hex(&Sha256::digest(content)),
        Some(_) | None => {
            let expected = "sha512- or sha256- and the hash in hexadecimal";
            return Err(verification.fail(node, "hash", FieldProblem::Invalid { expected }));
        }
    };
    let expected = hash.split_once('-').map_or("", |(_, digits)| digits);
    if expected.eq_ignore_ascii_case(&actual) {
        Ok(())
    } else {
        Err(verification.fail(node, "hash", FieldProblem::WrongHash))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
