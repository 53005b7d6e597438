//! The `encoding` of a file's content, and gzip.

use std::io::{ErrorKind, Read as _};

use flate2::read::MultiGzDecoder;

use super::MAX_FILE_BYTES;
use super::error::{FieldProblem, GzipError};
use super::suggest::nearest;
use crate::yaml::decode_base64;

/// How gzip begins (RFC 1952 section 2.3.1).
pub(super) const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// The spellings of cloud-init's `write_files[].encoding`.
const SPELLINGS: &[&str] = &[
    "gz",
    "gzip",
    "gz+base64",
    "gzip+base64",
    "gz+b64",
    "gzip+b64",
    "b64",
    "base64",
    "text/plain",
];

/// How a file's content is encoded: base64 outside, gzip inside.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Encoding {
    base64: bool,
    gzip: bool,
}

impl Encoding {
    pub(super) const PLAIN: Self = Self {
        base64: false,
        gzip: false,
    };

    /// Reads an `encoding`: letter case and white space around it do not matter, as in cloud-init. cloud-init takes an unknown one for
    /// plain text, and so writes garbage; here it is an error.
    pub(super) fn parse(text: &str) -> Result<Self, FieldProblem> {
        let name = text.trim().to_lowercase();
        match name.as_str() {
            "" | "text/plain" => Ok(Self::PLAIN),
            "gz" | "gzip" => Ok(Self {
                base64: false,
                gzip: true,
            }),
            "b64" | "base64" => Ok(Self {
                base64: true,
                gzip: false,
            }),
            "gz+base64" | "gzip+base64" | "gz+b64" | "gzip+b64" => Ok(Self {
                base64: true,
                gzip: true,
            }),
            _ => Err(FieldProblem::UnknownEncoding {
                suggestion: nearest(&name, SPELLINGS.iter().copied()),
            }),
        }
    }

    /// Undoes the encoding. `limit` bounds what comes out, in bytes.
    pub(super) fn decode(self, content: Vec<u8>, limit: usize) -> Result<Vec<u8>, FieldProblem> {
        let too_large = FieldProblem::TooLarge { limit: MAX_FILE_BYTES };
        let content = if self.base64 {
            decode_base64(&content).ok_or(FieldProblem::Base64)?
        } else {
            content
        };
        let content = match self.gzip {
            true => gunzip(&content, limit).map_err(|error| match error {
                GzipError::TooLarge { .. } => too_large.clone(),
                GzipError::Invalid | GzipError::Truncated => FieldProblem::Gzip(error),
            })?,
            false => content,
        };
        if content.len() > limit { Err(too_large) } else { Ok(content) }
    }
}

/// Decompresses gzip (RFC 1952, one or several members) of at most `limit` bytes.
pub(super) fn gunzip(data: &[u8], limit: usize) -> Result<Vec<u8>, GzipError> {
    if !data.starts_with(&GZIP_MAGIC) {
        return Err(GzipError::Invalid);
    }
    let mut bytes = Vec::new();
    let with_one_more = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    match MultiGzDecoder::new(data).take(with_one_more).read_to_end(&mut bytes) {
        Ok(_) if bytes.len() > limit => Err(GzipError::TooLarge { limit }),
        Ok(_) => Ok(bytes),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Err(GzipError::Truncated),
        Err(_) => Err(GzipError::Invalid),
    }
}
