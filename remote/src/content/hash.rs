//! SHA-256 of files, without holding them in memory.

use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use sha2::{Digest, Sha256};

/// How much is read at a time.
const PIECE: usize = 256 * 1024;

/// A SHA-256 as sha256sum(1) writes it: 64 hexadecimal digits in lower case.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sha256Hex(String);

impl Sha256Hex {
    /// Reads 64 hexadecimal digits of either case; nothing if it is anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| Self(text.to_ascii_lowercase()))
    }

    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn of(digest: &[u8]) -> Self {
        Self(crate::plan::hex(digest, 64))
    }
}

impl fmt::Display for Sha256Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Sha256Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The SHA-256 of the first `length` bytes of a file. Blocks.
///
/// # Errors
/// Those of reading; [`io::ErrorKind::UnexpectedEof`] if the file is shorter.
pub fn prefix(file: &File, length: u64) -> io::Result<Sha256Hex> {
    let mut hash = Sha256::new();
    let mut piece = vec![0; PIECE];
    let mut at = 0;
    while at < length {
        let want = usize::try_from(length - at).unwrap_or(PIECE).min(PIECE);
        let piece = piece.get_mut(..want).unwrap_or_default();
        file.read_exact_at(piece, at)?;
        hash.update(&*piece);
        at += want as u64;
    }
    Ok(Sha256Hex::of(&hash.finalize()))
}

#[cfg(test)]
mod tests {
    use super::Sha256Hex;

    #[test]
    fn only_whole_hashes_are_read() {
        assert_eq!(Sha256Hex::parse(&"AB".repeat(32)).unwrap().as_str(), "ab".repeat(32));
        for text in ["", "ab", &"g".repeat(64), &"a".repeat(65)] {
            assert_eq!(Sha256Hex::parse(text), None, "{text}");
        }
    }
}
