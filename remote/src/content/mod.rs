//! Contents too large to be part of a program: known by their hash, read block by block, sent beside the program.
//!
//! A [`Content`] is a handle on an open file: cloning it costs nothing, and a hundred machines that receive the same content read the same
//! file. It never holds more than a block in memory. What it reads is what was hashed: a file that changes afterwards is an error, not
//! another content. This module knows neither hosts nor SSH; `engine` sends, [`source`] finds.

mod block;
mod hash;
pub mod http;
mod pace;
pub mod source;
pub mod sources;

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

pub use block::{BLOCK, Block, Form};
pub use hash::{Sha256Hex, prefix};
pub use pace::Pace;

use block::Packed;

/// Why a content cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ContentError {
    /// The file cannot be opened or read.
    #[error("{label}: {}", in_words(.source))]
    Read {
        /// What the content is called.
        label: String,
        /// Why.
        source: std::io::Error,
    },
    /// A directory, a device or a pipe.
    #[error("{label}: not a regular file")]
    NotAFile {
        /// What the content is called.
        label: String,
    },
    /// It is not what its author announced.
    #[error("{label}: its SHA-256 is {found}, not {expected} as announced")]
    WrongHash {
        /// What the content is called.
        label: String,
        /// What was announced.
        expected: Sha256Hex,
        /// What it is.
        found: Sha256Hex,
    },
    /// The file is another one than when it was hashed.
    #[error("{label} has changed since it was read for the plan; run the same command again")]
    Changed {
        /// What the content is called.
        label: String,
    },
}

/// An error of the operating system without its number.
fn in_words(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error ").next().unwrap_or(&text).to_owned()
}

/// What tells whether a file is still what it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    size: u64,
    modified: Option<SystemTime>,
}

impl Stamp {
    fn of(file: &File) -> std::io::Result<Self> {
        let metadata = file.metadata()?;
        Ok(Self {
            size: metadata.len(),
            modified: metadata.modified().ok(),
        })
    }
}

/// A content: a handle on an open file, with the hash and size of what is in it. Two are equal when their bytes are.
#[derive(Clone)]
pub struct Content(Arc<Inner>);

struct Inner {
    label: String,
    sha256: Sha256Hex,
    file: File,
    stamp: Stamp,
    compressible: bool,
    packed: Packed,
}

impl Content {
    /// Opens and hashes a file. Blocks; a minute for some ten GB.
    ///
    /// # Errors
    /// See [`ContentError`]; [`ContentError::WrongHash`] if it is not what is `expected`.
    pub fn open(path: &Path, expected: Option<&Sha256Hex>) -> Result<Self, ContentError> {
        let label = path.display().to_string();
        // Of a pipe, opening would wait for a writer.
        let is_file = std::fs::metadata(path).map(|metadata| metadata.is_file());
        match is_file.and_then(|is_file| is_file.then(|| File::open(path)).transpose()) {
            Ok(Some(file)) => Self::of_file(label, file, expected),
            Ok(None) => Err(ContentError::NotAFile { label }),
            Err(source) => Err(ContentError::Read { label, source }),
        }
    }

    /// Hashes an open file from its beginning. Blocks, as [`Content::open`].
    ///
    /// # Errors
    /// As [`Content::open`].
    pub fn of_file(label: String, file: File, expected: Option<&Sha256Hex>) -> Result<Self, ContentError> {
        let read = |source| ContentError::Read {
            label: label.clone(),
            source,
        };
        if !file.metadata().map_err(read)?.is_file() {
            return Err(ContentError::NotAFile { label });
        }
        let stamp = Stamp::of(&file).map_err(read)?;
        let sha256 = hash::prefix(&file, stamp.size).map_err(read)?;
        if let Some(expected) = expected.filter(|expected| **expected != sha256) {
            return Err(ContentError::WrongHash {
                label,
                expected: expected.clone(),
                found: sha256,
            });
        }
        let compressible = block::gets_smaller(&file, stamp.size).map_err(read)?;
        let content = Self(Arc::new(Inner {
            packed: Packed::new(if compressible { stamp.size } else { 0 }),
            label,
            sha256,
            file,
            stamp,
            compressible,
        }));
        content.check()?;
        Ok(content)
    }

    /// The SHA-256 of all its bytes.
    #[must_use]
    pub fn sha256(&self) -> &Sha256Hex {
        &self.0.sha256
    }

    /// Its size, in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.0.stamp.size
    }

    /// Where it comes from, for people: a path or a URL.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.0.label
    }

    /// Whether samples of it became notably smaller when compressed, so that it may be sent compressed.
    #[must_use]
    pub fn is_compressible(&self) -> bool {
        self.0.compressible
    }

    /// The SHA-256 of its first `length` bytes. Blocks.
    ///
    /// # Errors
    /// [`ContentError::Read`], [`ContentError::Changed`].
    pub fn prefix(&self, length: u64) -> Result<Sha256Hex, ContentError> {
        let hash = hash::prefix(&self.0.file, length.min(self.size())).map_err(|source| self.unreadable(source))?;
        self.check()?;
        Ok(hash)
    }

    /// Fails if the file was changed since it was hashed.
    ///
    /// # Errors
    /// [`ContentError::Read`], [`ContentError::Changed`].
    pub fn check(&self) -> Result<(), ContentError> {
        let now = Stamp::of(&self.0.file).map_err(|source| self.unreadable(source))?;
        if now == self.0.stamp {
            Ok(())
        } else {
            Err(ContentError::Changed {
                label: self.0.label.clone(),
            })
        }
    }

    fn unreadable(&self, source: std::io::Error) -> ContentError {
        if source.kind() == std::io::ErrorKind::UnexpectedEof {
            ContentError::Changed {
                label: self.0.label.clone(),
            }
        } else {
            ContentError::Read {
                label: self.0.label.clone(),
                source,
            }
        }
    }
}

impl PartialEq for Content {
    fn eq(&self, other: &Self) -> bool {
        self.sha256() == other.sha256() && self.size() == other.size()
    }
}

impl Eq for Content {}

impl std::fmt::Debug for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Content({}, {} bytes, {})", self.label(), self.size(), self.sha256())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, Write};

    use super::*;

    fn file(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    #[test]
    fn it_is_known_by_its_hash() {
        let content = Content::of_file("x".to_owned(), file(b"abc"), None).unwrap();
        let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!((content.sha256().as_str(), content.size()), (sha256, 3));
        let other = Sha256Hex::parse(&"0".repeat(64)).unwrap();
        let error = Content::of_file("x".to_owned(), file(b"abc"), Some(&other)).unwrap_err();
        assert!(matches!(error, ContentError::WrongHash { .. }), "{error}");
    }

    #[test]
    fn what_is_no_file_is_no_content() {
        let error = Content::open(Path::new("/dev/null"), None).unwrap_err();
        assert_eq!(error.to_string(), "/dev/null: not a regular file");
        let error = Content::open(Path::new("/nowhere/at/all"), None).unwrap_err();
        assert_eq!(error.to_string(), "/nowhere/at/all: No such file or directory");
    }

    #[test]
    fn a_change_is_seen() {
        let original = file(b"abc");
        let mut writer = original.try_clone().unwrap();
        let content = Content::of_file("x".to_owned(), original, None).unwrap();
        writer.rewind().unwrap();
        writer.write_all(b"abcd").unwrap();
        assert!(matches!(content.check(), Err(ContentError::Changed { .. })));
    }
}
