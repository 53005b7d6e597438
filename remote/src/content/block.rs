//! Blocks of a content, as they are or compressed.
//!
//! Each compressed block is a gzip member of its own (RFC 1952): a host needs nothing but gzip(1), and sending can begin again anywhere.
//! A block that many machines are sent is compressed once, and kept in a temporary file without a name.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::sync::OnceCell;

use super::{Content, ContentError};

/// The size of a block that is compressed, in bytes: what a machine costs in memory is a few of these.
pub const BLOCK: usize = 2 << 20;

/// Samples that tell whether a content gets smaller, and the size of each.
const SAMPLES: u64 = 8;
const SAMPLE: usize = 64 * 1024;

/// Compressing pays from here on: the part of the size that is left.
const PAYS: f64 = 0.85;

/// How a block is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As it is.
    Plain,
    /// As a gzip member.
    Gzip,
}

/// A block that is ready to be sent.
#[derive(Clone, Debug)]
pub struct Block {
    /// How it is sent.
    pub form: Form,
    /// What is sent.
    pub bytes: Bytes,
    /// How many bytes of the content it stands for.
    pub length: usize,
}

/// The blocks that were compressed so far.
pub(super) struct Packed {
    blocks: Box<[OnceCell<Slot>]>,
    store: std::sync::Mutex<Store>,
}

/// Where a compressed block is in the temporary file.
#[derive(Clone, Copy, Debug)]
enum Slot {
    At {
        offset: u64,
        length: usize,
    },
    /// There is no room for it.
    Nowhere,
}

#[derive(Default)]
struct Store {
    file: Option<std::sync::Arc<File>>,
    end: u64,
}

impl Packed {
    pub(super) fn new(size: u64) -> Self {
        let count = usize::try_from(size.div_ceil(BLOCK as u64)).unwrap_or(usize::MAX);
        Self {
            blocks: (0..count).map(|_| OnceCell::new()).collect(),
            store: std::sync::Mutex::default(),
        }
    }

    fn keep(&self, packed: &[u8]) -> Slot {
        let mut store = self.store.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let offset = store.end;
        let kept = match &store.file {
            Some(file) => file.write_all_at(packed, offset),
            None => tempfile::tempfile_in(scratch()).and_then(|file| {
                file.write_all_at(packed, offset)?;
                store.file = Some(std::sync::Arc::new(file));
                Ok(())
            }),
        };
        if kept.is_err() {
            return Slot::Nowhere;
        }
        store.end = offset.saturating_add(packed.len() as u64);
        Slot::At {
            offset,
            length: packed.len(),
        }
    }

    fn read(&self, offset: u64, length: usize) -> io::Result<Bytes> {
        let store = self.store.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let file = store.file.clone();
        drop(store);
        let mut bytes = vec![0; length];
        file.ok_or(io::ErrorKind::NotFound)?.read_exact_at(&mut bytes, offset)?;
        Ok(bytes.into())
    }
}

/// Where large temporary files go (file-hierarchy(7)): `/tmp` is often kept in memory.
pub(super) fn scratch() -> std::path::PathBuf {
    match std::env::var_os("TMPDIR") {
        Some(folder) => folder.into(),
        None => ["/var/tmp", "/tmp"]
            .into_iter()
            .map(std::path::PathBuf::from)
            .find(|folder| folder.is_dir())
            .unwrap_or_else(std::env::temp_dir),
    }
}

/// Whether samples from all over a file become notably smaller. Blocks.
pub(super) fn gets_smaller(file: &File, size: u64) -> io::Result<bool> {
    let (mut before, mut after) = (0, 0);
    let mut at = 0;
    let step = (size / SAMPLES).max(SAMPLE as u64);
    while at < size {
        let length = usize::try_from(size - at).unwrap_or(SAMPLE).min(SAMPLE);
        let mut sample = vec![0; length];
        file.read_exact_at(&mut sample, at)?;
        before += length;
        after += pack(&sample)?.len();
        at += step;
    }
    Ok((after as f64) < PAYS * before as f64)
}

/// A gzip member, at the fastest level: a link that is slower than that gains, and no other asks for it.
fn pack(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 2), Compression::fast());
    encoder.write_all(bytes)?;
    encoder.finish()
}

impl Content {
    /// So many bytes from this one on, as they are.
    ///
    /// # Errors
    /// [`ContentError::Read`]; [`ContentError::Changed`], also if there are not so many.
    pub async fn plain(&self, at: u64, length: usize) -> Result<Block, ContentError> {
        let content = self.clone();
        let bytes = blocking(move || content.bytes(at, length))
            .await
            .map_err(|source| self.unreadable(source))?;
        self.check()?;
        Ok(Block {
            form: Form::Plain,
            bytes,
            length,
        })
    }

    /// The bytes from this one on, up to the next multiple of [`BLOCK`] or the end, compressed; plain if they do not get smaller.
    ///
    /// # Errors
    /// [`ContentError::Read`], [`ContentError::Changed`].
    pub async fn packed(&self, at: u64) -> Result<Block, ContentError> {
        let size = BLOCK as u64;
        let end = (at / size).saturating_add(1).saturating_mul(size).min(self.size());
        let length = usize::try_from(end.saturating_sub(at)).unwrap_or(BLOCK);
        let is_whole = at.is_multiple_of(BLOCK as u64);
        let index = usize::try_from(at / BLOCK as u64).unwrap_or(usize::MAX);
        let make = || {
            let content = self.clone();
            blocking(move || pack(&content.bytes(at, length)?))
        };
        let slot = match self.0.packed.blocks.get(index).filter(|_| is_whole) {
            Some(cell) => {
                let keep = async || {
                    let packed = make().await?;
                    Ok(self.0.packed.keep(&packed))
                };
                *cell.get_or_try_init(keep).await.map_err(|source| self.unreadable(source))?
            }
            None => Slot::Nowhere,
        };
        let bytes = match slot {
            Slot::At { offset, length } => {
                let content = self.clone();
                blocking(move || content.0.packed.read(offset, length)).await
            }
            Slot::Nowhere => make().await.map(Bytes::from),
        };
        let bytes = bytes.map_err(|source| self.unreadable(source))?;
        if bytes.len() >= length {
            return self.plain(at, length).await;
        }
        self.check()?;
        Ok(Block {
            form: Form::Gzip,
            bytes,
            length,
        })
    }

    fn bytes(&self, at: u64, length: usize) -> io::Result<Bytes> {
        let mut bytes = vec![0; length];
        self.0.file.read_exact_at(&mut bytes, at)?;
        Ok(bytes.into())
    }
}

/// Runs what waits for a disk, or computes for long, where it keeps nobody waiting.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::MultiGzDecoder;

    use super::*;

    fn content(bytes: &[u8]) -> Content {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        Content::of_file("test".to_owned(), file, None).unwrap()
    }

    fn noise(length: usize) -> Vec<u8> {
        let mut state = 1_u64;
        std::iter::repeat_with(|| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as u8
        })
        .take(length)
        .collect()
    }

    async fn all(content: &Content, mut at: u64, form: Form) -> Vec<u8> {
        let mut all = Vec::new();
        while at < content.size() {
            let left = usize::try_from(content.size() - at).unwrap();
            let block = match form {
                Form::Plain => content.plain(at, left.min(100_000)).await.unwrap(),
                Form::Gzip => content.packed(at).await.unwrap(),
            };
            at += block.length as u64;
            match block.form {
                Form::Plain => all.extend_from_slice(&block.bytes),
                Form::Gzip => {
                    MultiGzDecoder::new(&*block.bytes).read_to_end(&mut all).unwrap();
                }
            }
        }
        all
    }

    #[tokio::test]
    async fn blocks_are_the_content_in_either_form_from_any_byte() {
        let text = b"some text that repeats itself\n".repeat(100_000);
        for bytes in [vec![], vec![7], noise(BLOCK), noise(BLOCK + 1), text] {
            let content = content(&bytes);
            for at in [0, 1, bytes.len() / 2, BLOCK - 1, BLOCK, bytes.len()] {
                let rest = bytes.get(at..).unwrap_or_default();
                // The second time from what was kept.
                for form in [Form::Plain, Form::Gzip, Form::Gzip] {
                    assert!(all(&content, at as u64, form).await == rest, "{} {at} {form:?}", bytes.len());
                }
            }
        }
    }

    #[test]
    fn samples_tell_whether_compressing_pays() {
        assert!(!content(b"").is_compressible());
        assert!(!content(&noise(3 * BLOCK)).is_compressible());
        assert!(content(&[0; 100]).is_compressible());
        assert!(content(&b"text\n".repeat(1_000_000)).is_compressible());
    }

    #[tokio::test]
    async fn noise_comes_plain_also_if_gzip_was_asked_for() {
        let block = content(&noise(1000)).packed(0).await.unwrap();
        assert_eq!((block.form, block.bytes.len()), (Form::Plain, 1000));
    }
}
