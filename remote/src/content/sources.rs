//! [`Sources`]: local files below folders that were allowed, and URLs, each fetched once.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use futures::future::BoxFuture;
use tokio::sync::{Mutex, OnceCell};

use super::http::{self, Bounds};
use super::source::{Location, Resolver, Source, SourceError};
use super::{Content, ContentError, Sha256Hex, block};

/// What may be read and fetched.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// Folders whose files, and those below, may be read; without symbolic links in their names. By default none.
    pub folders: Vec<PathBuf>,
    /// What may be fetched.
    pub bounds: Bounds,
}

/// What makes two sources one: where, with which header fields, and what is expected there.
type Key = (Location, Vec<(String, Vec<u8>)>, Option<Sha256Hex>);

/// Contents by where they are from: looked up once, shared by all machines.
#[derive(Debug, Default)]
pub struct Sources {
    policy: Policy,
    found: Mutex<HashMap<Key, Arc<OnceCell<Content>>>>,
}

impl Sources {
    /// Nothing looked up yet.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        Self {
            policy,
            found: Mutex::default(),
        }
    }

    async fn look_up(&self, source: &Source) -> Result<Content, SourceError> {
        let expected = source.sha256.clone();
        match &source.location {
            Location::Local(path) => {
                let (path, folders) = (path.clone(), self.policy.folders.clone());
                blocking(move || open(&path, &folders, expected.as_ref())).await
            }
            Location::Url(url) => {
                let label = http::shown(url);
                let scratch = tempfile::tempfile_in(block::scratch()).map_err(|source| ContentError::Read {
                    label: "a temporary file".to_owned(),
                    source,
                })?;
                let file = http::fetch(url, &source.headers, &self.policy.bounds, scratch).await;
                let file = file.map_err(|why| SourceError::Fetch { url: label.clone(), why })?;
                blocking(move || Ok(Content::of_file(label, file, expected.as_ref())?)).await
            }
        }
    }
}

/// A file below one of the folders, wherever links lead.
fn open(path: &Path, folders: &[PathBuf], expected: Option<&Sha256Hex>) -> Result<Content, SourceError> {
    let denied = || SourceError::LocalDenied(path.to_owned());
    // Without any folder, not even whether the file is there is told.
    if folders.is_empty() {
        return Err(denied());
    }
    let real = path.canonicalize().map_err(|source| ContentError::Read {
        label: path.display().to_string(),
        source,
    });
    let allowed = |path: &Path| folders.iter().any(|folder| path.starts_with(folder));
    match real {
        Ok(real) if allowed(&real) => Ok(Content::open(&real, expected)?),
        Err(error) if allowed(path) && !path.components().any(|part| part == Component::ParentDir) => Err(error.into()),
        Ok(_) | Err(_) => Err(denied()),
    }
}

async fn blocking(work: impl FnOnce() -> Result<Content, SourceError> + Send + 'static) -> Result<Content, SourceError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        let (label, source) = ("a content".to_owned(), std::io::Error::other(error));
        Err(ContentError::Read { label, source }.into())
    })
}

impl Resolver for Sources {
    fn resolve<'a>(&'a self, source: &'a Source) -> BoxFuture<'a, Result<Content, SourceError>> {
        Box::pin(async move {
            let headers = source
                .headers
                .iter()
                .map(|(name, value)| (name.clone(), value.expose().to_vec()));
            let key = (source.location.clone(), headers.collect(), source.sha256.clone());
            let cell = Arc::clone(self.found.lock().await.entry(key).or_default());
            cell.get_or_try_init(|| self.look_up(source)).await.cloned()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(path: &Path) -> Source {
        Source {
            location: Location::Local(path.to_owned()),
            headers: Vec::new(),
            sha256: None,
            has_fallback: false,
        }
    }

    #[tokio::test]
    async fn only_files_below_allowed_folders_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        std::fs::create_dir(root.join("open")).unwrap();
        for name in ["open/x", "secret"] {
            std::fs::write(root.join(name), name).unwrap();
        }
        std::os::unix::fs::symlink(root.join("secret"), root.join("open/link")).unwrap();
        let sources = Sources::new(Policy {
            folders: vec![root.join("open")],
            ..Policy::default()
        });
        let content = sources.resolve(&source(&root.join("open/x"))).await.unwrap();
        assert_eq!(content.size(), 6);
        for name in ["secret", "open/link", "open/../secret", "missing"] {
            let error = sources.resolve(&source(&root.join(name))).await.unwrap_err();
            assert!(matches!(error, SourceError::LocalDenied(_)), "{name}: {error}");
        }
        let error = sources.resolve(&source(&root.join("open/missing"))).await.unwrap_err();
        assert!(matches!(error, SourceError::Content(_)), "{error}");
        let error = Sources::default().resolve(&source(&root.join("open/x"))).await.unwrap_err();
        assert!(matches!(error, SourceError::LocalDenied(_)), "the default: {error}");
    }
}
