//! URLs, and where a server redirects to.

use super::url::{Url, shown};

/// A URL, and the same text as the target of a redirection.
pub(crate) fn url(text: &str) {
    let _ = shown(text);
    for url in [
        Url::parse(text),
        Url::parse("https://host:444/a/b?c").and_then(|base| base.join(text)),
    ] {
        let Ok(url) = url else { continue };
        let authority = url.authority();
        let odd = |c: char| c.is_whitespace() || c.is_control() || "/@?#".contains(c);
        assert!(
            !authority.contains(odd),
            "{authority:?} would be more than a host in a request"
        );
        let _ = (url.target(), url.port(), url.is_https(), url.is_same_origin(&url));
    }
}
