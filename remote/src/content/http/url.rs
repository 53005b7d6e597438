//! URLs of `http` and `https`, and where redirections lead (RFC 3986, 5.2): pure.

use hyper::Uri;
use hyper::http::uri::{PathAndQuery, Scheme};

const NO_URL: &str = "this is no http: or https: URL";

/// A URL that can be fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Url {
    uri: Uri,
    https: bool,
    host: String,
}

impl Url {
    /// Reads a URL; what stands behind `#` is left out.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let text = text.split('#').next().unwrap_or_default();
        let uri: Uri = text.parse().map_err(|_| NO_URL)?;
        let https = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            Some(scheme) if *scheme == Scheme::HTTP => false,
            Some(_) | None => return Err(NO_URL),
        };
        let authority = uri.authority().ok_or(NO_URL)?;
        if authority.as_str().contains('@') {
            return Err("a user name or password in a URL ends up in logs; give a header field `Authorization` instead");
        }
        let host = authority
            .host()
            .trim_start_matches('[')
            .trim_end_matches(']')
            .to_ascii_lowercase();
        if host.is_empty() {
            return Err(NO_URL);
        }
        Ok(Self { uri, https, host })
    }

    /// Name or address, without brackets.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    pub(super) fn is_https(&self) -> bool {
        self.https
    }

    pub(super) fn port(&self) -> u16 {
        self.uri.port_u16().unwrap_or(if self.https { 443 } else { 80 })
    }

    /// What goes into the header field `Host`.
    pub(super) fn authority(&self) -> String {
        self.uri.authority().map_or_else(String::new, ToString::to_string)
    }

    /// What goes into the first line of a request: path and query.
    pub(super) fn target(&self) -> Uri {
        let target = self.uri.path_and_query().cloned();
        Uri::from(target.unwrap_or_else(|| PathAndQuery::from_static("/")))
    }

    /// Scheme, host and port are the same (RFC 6454).
    pub(super) fn is_same_origin(&self, other: &Self) -> bool {
        (self.https, self.host(), self.port()) == (other.https, other.host(), other.port())
    }

    /// Where a redirection from here leads.
    pub(super) fn join(&self, location: &str) -> Result<Self, &'static str> {
        let scheme = if self.https { "https" } else { "http" };
        let authority = self.authority();
        let text = if location.starts_with("//") {
            format!("{scheme}:{location}")
        } else if location.starts_with('/') {
            format!("{scheme}://{authority}{location}")
        } else if location.starts_with('?') {
            format!("{scheme}://{authority}{}{location}", self.uri.path())
        } else if location
            .split(['/', '?', '#'])
            .next()
            .is_some_and(|first| first.contains(':'))
        {
            location.to_owned()
        } else {
            let folder = self.uri.path().rsplit_once('/').map_or("", |(folder, _)| folder);
            format!("{scheme}://{authority}{folder}/{location}")
        };
        let next = Self::parse(&text).map_err(|_| "leads to something that is no http: or https: URL")?;
        if self.https && !next.https {
            return Err("leads from https: to http:, where anybody could change the content");
        }
        Ok(next)
    }
}

/// A URL for people: without user, query and fragment, which may be secret.
#[must_use]
pub fn shown(url: &str) -> String {
    let bare = url.split(['?', '#']).next().unwrap_or_default();
    let text = match bare.split_once("://") {
        Some((scheme, rest)) => {
            let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
            format!("{scheme}://{host}{path}")
        }
        None => bare.to_owned(),
    };
    crate::event::printable(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirections() {
        let from = Url::parse("https://host:8443/a/b?c#d").unwrap();
        for (location, to) in [
            ("https://other/x", Ok("https://other/x")),
            ("//other/x", Ok("https://other/x")),
            ("/x", Ok("https://host:8443/x")),
            ("x/y", Ok("https://host:8443/a/x/y")),
            ("?q", Ok("https://host:8443/a/b?q")),
            ("http://host:8443/x", Err(())),
            ("file:///etc/passwd", Err(())),
            ("gopher://x", Err(())),
        ] {
            let found = from.join(location);
            assert_eq!(
                found.clone().map(|url| url.uri.to_string()).map_err(|_| ()),
                to.map(str::to_owned),
                "{location}"
            );
        }
    }

    #[test]
    fn urls() {
        let url = Url::parse("http://[::1]:81").unwrap();
        assert_eq!(
            (url.host(), url.port(), url.target().to_string()),
            ("::1", 81, "/".to_owned())
        );
        for text in ["", "x", "/x", "ftp://x", "http://", "http://user:password@host/"] {
            assert!(Url::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn nothing_secret_is_shown() {
        assert_eq!(shown("https://user:pass@host/x?token=y#z"), "https://host/x");
    }
}
