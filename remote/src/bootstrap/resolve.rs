//! Files whose content is fetched: [`Bootstrap::resolve`].

use std::path::Path;

use super::{Bootstrap, Origin, Unsupported};
use crate::content::source::{Location, Resolver, Source, SourceError};

/// A file's content cannot be had.
#[derive(Debug, thiserror::Error)]
#[error("{place}: {origin}.source: {error}")]
pub struct ResolveError {
    /// Where the file was asked for: text, line and column.
    pub place: String,
    /// Which file.
    pub origin: Origin,
    /// Why.
    pub error: SourceError,
}

impl Bootstrap {
    /// Looks up the contents of all files that have a source; relative paths are below `folder`. As in cloud-init, a file's own `content` stands
    /// in for one that cannot be fetched; that is listed in [`Bootstrap::unsupported`].
    ///
    /// # Errors
    /// See [`ResolveError`].
    pub async fn resolve(&mut self, folder: &Path, resolver: &dyn Resolver) -> Result<(), ResolveError> {
        for file in &mut self.files {
            let Some(source) = &file.source else { continue };
            let location = match &source.location {
                Location::Local(path) => Location::Local(folder.join(path)),
                Location::Url(url) => Location::Url(url.clone()),
            };
            let source = Source {
                location,
                ..source.clone()
            };
            let origin = file.origin;
            match resolver.resolve(&source).await {
                Ok(content) => file.resolved = Some(content),
                Err(error) if source.has_fallback && error.allows_fallback() => {
                    file.source = None;
                    self.unsupported.push(Unsupported {
                        key: format!("{origin}.source"),
                        line: origin.line,
                        column: origin.column,
                        why: format!("{error}; `content` is written instead, as cloud-init does"),
                    });
                }
                Err(error) => {
                    let (name, line) = self.sources.place(origin.line);
                    return Err(ResolveError {
                        place: format!("{name}:{line}:{}", origin.column),
                        origin,
                        error,
                    });
                }
            }
        }
        Ok(())
    }
}
