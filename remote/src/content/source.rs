//! Where contents come from: [`Source`], and who looks them up: [`Resolver`].
//!
//! Bootstrap data may come from somebody who must not read what this program can read: a Secret in a cluster, a template of somebody
//! else's. So a source is only a wish; what is granted is the resolver's to decide. [`Denied`] grants nothing, [`super::sources::Sources`] what
//! its policy says.

use std::path::PathBuf;

use futures::future::BoxFuture;

use super::{Content, ContentError, Sha256Hex};
use crate::content::http::FetchError;
use crate::secret::Secret;

/// Where a file's content is to be had: cloud-init's `write_files[].source`
/// (<https://docs.cloud-init.io/en/latest/reference/modules.html#write-files>), and what it shall be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Where.
    pub location: Location,
    /// Header fields of the request, by name; they may hold credentials.
    pub headers: Vec<(String, Secret)>,
    /// What the content must be. Ours, not cloud-init's.
    pub sha256: Option<Sha256Hex>,
    /// Whether there is a content to be written where this one cannot be had.
    pub has_fallback: bool,
}

/// A place.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Location {
    /// `http://…` or `https://…`
    Url(String),
    /// A file of the computer that this program runs on. A relative path is relative to what names it.
    Local(PathBuf),
}

impl Location {
    /// Reads a URL, a `file:` URL or a path.
    ///
    /// # Errors
    /// What it must be, in words.
    pub fn parse(uri: &str) -> Result<Self, &'static str> {
        const EXPECTED: &str = "an http:, https: or file: URL, or a path";
        let scheme = uri.split_once(':').map(|(scheme, rest)| (scheme.to_ascii_lowercase(), rest));
        match scheme.as_ref().map(|(scheme, rest)| (scheme.as_str(), *rest)) {
            Some(("http" | "https", rest)) if rest.starts_with("//") => Ok(Self::Url(uri.to_owned())),
            Some(("file", rest)) => match rest.strip_prefix("//") {
                Some(path) if path.starts_with('/') => Ok(Self::Local(path.into())),
                Some(_) => Err("a file: URL of this computer: file:///PATH or file:PATH"),
                None if rest.is_empty() => Err(EXPECTED),
                None => Ok(Self::Local(rest.into())),
            },
            Some((_, rest)) if rest.starts_with("//") => Err(EXPECTED),
            Some(_) | None if uri.is_empty() => Err(EXPECTED),
            Some(_) | None => Ok(Self::Local(uri.into())),
        }
    }
}

/// Why a content cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// Nobody allowed to read local files, or to fetch.
    #[error("{0} is not fetched: whoever applies this bootstrap data does not allow it to name sources")]
    Denied(String),
    /// A local file that nobody allowed to be read.
    #[error("{} may not be read: allow its folder with --local-files, or give the file itself with --file", .0.display())]
    LocalDenied(PathBuf),
    /// It cannot be read, or is not what was announced.
    #[error(transparent)]
    Content(#[from] ContentError),
    /// It cannot be fetched.
    #[error("{url}: {why}")]
    Fetch {
        /// From where, without what may be secret in it.
        url: String,
        /// Why.
        why: FetchError,
    },
}

impl SourceError {
    /// Whether cloud-init would write `content` instead. Never when somebody might have wanted just that: a denied source, a
    /// wrong hash.
    #[must_use]
    pub fn allows_fallback(&self) -> bool {
        match self {
            Self::Fetch { why, .. } => why.is_outage(),
            Self::Denied(_) | Self::LocalDenied(_) | Self::Content(_) => false,
        }
    }
}

/// Looks contents up. Equal sources give the same content, looked up once.
pub trait Resolver: Send + Sync {
    /// The content at a source, whose location, if local, is an absolute path.
    fn resolve<'a>(&'a self, source: &'a Source) -> BoxFuture<'a, Result<Content, SourceError>>;
}

/// Grants nothing: the right one where nobody asked for anything else.
#[derive(Clone, Copy, Debug, Default)]
pub struct Denied;

impl Resolver for Denied {
    fn resolve<'a>(&'a self, source: &'a Source) -> BoxFuture<'a, Result<Content, SourceError>> {
        let what = match &source.location {
            Location::Url(url) => super::http::shown(url),
            Location::Local(path) => path.display().to_string(),
        };
        Box::pin(std::future::ready(Err(SourceError::Denied(what))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations() {
        let local = |path: &str| Ok(Location::Local(path.into()));
        for (uri, location) in [
            ("https://x/y", Ok(Location::Url("https://x/y".to_owned()))),
            ("HTTP://x", Ok(Location::Url("HTTP://x".to_owned()))),
            ("file:///etc/x", local("/etc/x")),
            ("file:bin/x", local("bin/x")),
            ("./bin/x", local("./bin/x")),
            ("/bin/a:b", local("/bin/a:b")),
        ] {
            assert_eq!(Location::parse(uri), location, "{uri}");
        }
        for uri in ["", "file:", "file://host/x", "ftp://x/y", "s3://x"] {
            assert!(Location::parse(uri).is_err(), "{uri}");
        }
    }

    #[tokio::test]
    async fn denied_grants_nothing_and_shows_no_credentials() {
        let source = Source {
            location: Location::parse("https://example.com/x?signature=hunter2").unwrap(),
            headers: Vec::new(),
            sha256: None,
            has_fallback: true,
        };
        let error = Denied.resolve(&source).await.unwrap_err();
        assert!(!error.to_string().contains("hunter2") && !error.allows_fallback(), "{error}");
    }
}
