//! `[user@]host[:port]`, as people write it: pure.

use std::net::Ipv6Addr;

/// A machine named on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Named {
    /// If it was said.
    pub(crate) user: Option<String>,
    /// Name or address, without brackets.
    pub(crate) host: String,
    /// If it was said.
    pub(crate) port: Option<u16>,
}

/// Why a text names no machine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is no machine: {why}; write [USER@]HOST[:PORT], and an IPv6 address with a port in brackets")]
pub(crate) struct BadName {
    text: String,
    why: &'static str,
}

/// Reads `[user@]host[:port]`, `ssh://` in front or not, IPv6 in brackets or, without a port, bare.
///
/// # Errors
/// [`BadName`].
pub(crate) fn parse(text: &str) -> Result<Named, BadName> {
    let bad = |why| BadName {
        text: text.to_owned(),
        why,
    };
    let rest = text.strip_prefix("ssh://").map_or(text, |rest| rest.trim_end_matches('/'));
    let (user, rest) = match rest.rsplit_once('@') {
        Some((user, rest)) => (Some(user), rest),
        None => (None, rest),
    };
    let (host, port) = if let Some(rest) = rest.strip_prefix('[') {
        let (host, rest) = rest.split_once(']').ok_or_else(|| bad("the bracket is not closed"))?;
        match rest.strip_prefix(':') {
            Some(port) => (host, Some(port)),
            None if rest.is_empty() => (host, None),
            None => return Err(bad("there is something after the bracket")),
        }
    } else if rest
        .split('%')
        .next()
        .is_some_and(|address| address.parse::<Ipv6Addr>().is_ok())
    {
        (rest, None)
    } else {
        match rest.rsplit_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (rest, None),
        }
    };
    if host.is_empty() {
        return Err(bad("there is no host"));
    }
    if !is_host(host) {
        return Err(bad("that is no host name"));
    }
    if user.is_some_and(str::is_empty) {
        return Err(bad("the user is empty"));
    }
    let port = match port {
        Some(port) => Some(
            port.parse()
                .ok()
                .filter(|port| *port != 0)
                .ok_or_else(|| bad("the port is not between 1 and 65535"))?,
        ),
        None => None,
    };
    Ok(Named {
        user: user.map(str::to_owned),
        host: host.to_owned(),
        port,
    })
}

/// Whether this is an IPv6 address, perhaps with a zone, or may be a name or an IPv4 address. What a resolver makes of it is
/// another matter; what could be taken for an option, a path, a user or a port is neither.
pub(crate) fn is_host(text: &str) -> bool {
    let (address, zone) = text.split_once('%').unwrap_or((text, ""));
    let is_odd = |c: char| c.is_whitespace() || c.is_control() || "/@:[]*?\"'".contains(c);
    match address.parse::<Ipv6Addr>() {
        Ok(_) => !zone.contains(is_odd),
        Err(_) => !text.is_empty() && !text.starts_with('-') && !text.contains(is_odd),
    }
}

#[cfg(test)]
mod tests {
    use super::{Named, parse};

    #[test]
    fn names_people_write() {
        for (text, user, host, port) in [
            ("10.0.0.5", None, "10.0.0.5", None),
            ("root@10.0.0.5", Some("root"), "10.0.0.5", None),
            ("ubuntu@10.0.0.6:2222", Some("ubuntu"), "10.0.0.6", Some(2222)),
            ("ssh://ubuntu@box.example:2222/", Some("ubuntu"), "box.example", Some(2222)),
            ("user@realm@box", Some("user@realm"), "box", None),
            ("::1", None, "::1", None),
            ("root@fe80::1%eth0", Some("root"), "fe80::1%eth0", None),
            ("root@[2001:db8::1]:22", Some("root"), "2001:db8::1", Some(22)),
            ("[::1]", None, "::1", None),
            // As known_hosts has it.
            ("[10.0.0.5]:2222", None, "10.0.0.5", Some(2222)),
        ] {
            let named = Named {
                user: user.map(str::to_owned),
                host: host.to_owned(),
                port,
            };
            assert_eq!(parse(text), Ok(named), "{text}");
        }
    }

    #[test]
    fn texts_that_name_no_machine() {
        for text in [
            "",
            "@",
            "root@",
            "@host",
            "host:",
            "host:0",
            "host:65536",
            "host:ssh",
            "[::1",
            "[::1]x",
            "-oProxyCommand=x",
            "a b",
            "host:22:33",
            "[host:22]:22",
            "*",
            "a\u{1b}[31m",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
