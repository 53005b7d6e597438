//! The lines of a `known_hosts` file: which of them speak of a host, and what they say about a key. Pure: no file is read here.
//!
//! Source of every rule: sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT". As with OpenSSH, a line that cannot be understood
//! is passed over, and host names are compared without regard to case.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;

use super::host_key::{HostKey, HostName};

/// What one file says about a host, in the order of its lines.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Entries {
    /// Keys that the host may have, each with the number of its line (from 1).
    pub(crate) keys: Vec<(usize, HostKey)>,
    /// Keys that must never be accepted for this host (`@revoked`), neither as its own nor as an authority's.
    pub(crate) revoked: Vec<(usize, HostKey)>,
    /// Keys of those whose certificates are believed for this host (`@cert-authority`).
    pub(crate) authorities: Vec<(usize, HostKey)>,
}

/// The names under which a host is looked up and remembered: `host`, or `[host]:port` when the port is not 22.
pub(crate) fn host_name(host: &str, port: u16) -> HostName {
    let host = host.to_ascii_lowercase();
    let lookup = if port == 22 {
        host.clone()
    } else {
        format!("[{host}]:{port}")
    };
    HostName { lookup, host }
}

/// The lines of `text` that speak of `name`.
///
/// What is marked is said of a host whatever its port is: ssh(1), too, looks for authorities without the port in the end.
pub(crate) fn entries_for(text: &str, name: &HostName) -> Entries {
    let mut entries = Entries::default();
    for (index, line) in text.lines().enumerate() {
        let Some(line) = Line::parse(line) else { continue };
        let matches = line.matches(&name.lookup) || (line.marker != Marker::None && line.matches(&name.host));
        if !matches {
            continue;
        }
        let Some(key) = HostKey::parse(line.key) else { continue };
        match line.marker {
            Marker::None => entries.keys.push((index + 1, key)),
            Marker::Revoked => entries.revoked.push((index + 1, key)),
            Marker::CertAuthority => entries.authorities.push((index + 1, key)),
        }
    }
    entries
}

/// The line that makes `key` known for `name`.
pub(crate) fn line_for(name: &str, key: &HostKey) -> String {
    format!("{name} {}\n", key.openssh())
}

#[derive(Debug, PartialEq, Eq)]
enum Marker {
    None,
    Revoked,
    CertAuthority,
}

struct Line<'a> {
    marker: Marker,
    hosts: &'a str,
    key: &'a str,
}

impl<'a> Line<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            return None;
        }
        let (marker, rest) = match line.strip_prefix('@') {
            None => (Marker::None, line),
            Some(rest) => {
                let (word, rest) = rest.split_once([' ', '\t'])?;
                let marker = match word {
                    "revoked" => Marker::Revoked,
                    "cert-authority" => Marker::CertAuthority,
                    // An unknown marker may restrict the key in a way not understood here: the line gives no trust.
                    _ => return None,
                };
                (marker, rest.trim_start())
            }
        };
        let (hosts, key) = rest.split_once([' ', '\t'])?;
        Some(Self {
            marker,
            hosts,
            key: key.trim_start(),
        })
    }

    fn matches(&self, name: &str) -> bool {
        if self.hosts.starts_with('|') {
            hashed_name_matches(self.hosts, name)
        } else {
            patterns_match(self.hosts, name)
        }
    }
}

/// `|1|base64(salt)|base64(HMAC-SHA1(salt, name))`, as `ssh-keygen -H` writes it.
fn hashed_name_matches(field: &str, name: &str) -> bool {
    let Some((salt, hash)) = field.strip_prefix("|1|").and_then(|rest| rest.split_once('|')) else {
        return false;
    };
    let (Ok(salt), Ok(hash)) = (STANDARD.decode(salt), STANDARD.decode(hash)) else {
        return false;
    };
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(&salt) else {
        return false;
    };
    mac.update(name.as_bytes());
    mac.verify_slice(&hash).is_ok()
}

/// A comma-separated list of patterns; a negated one that matches rules the whole line out.
fn patterns_match(patterns: &str, name: &str) -> bool {
    let mut matched = false;
    for pattern in patterns.split(',') {
        match pattern.strip_prefix('!') {
            Some(negated) if glob_matches(negated, name) => return false,
            Some(_) => {}
            None => matched |= glob_matches(pattern, name),
        }
    }
    matched
}

/// `*` stands for any run of characters, `?` for exactly one (ssh_config(5), "PATTERNS").
///
/// Takes at most pattern x name steps: on a mismatch only the last `*` is tried again, one character further.
fn glob_matches(pattern: &str, name: &str) -> bool {
    let (mut pattern, mut name) = (pattern.as_bytes(), name.as_bytes());
    let mut last_star: Option<(&[u8], &[u8])> = None;
    loop {
        match (pattern.split_first(), name.split_first()) {
            (None, None) => return true,
            (Some((b'*', after)), _) => {
                last_star = Some((after, name));
                pattern = after;
                continue;
            }
            (Some((p, pattern_rest)), Some((n, name_rest))) if *p == b'?' || p.eq_ignore_ascii_case(n) => {
                (pattern, name) = (pattern_rest, name_rest);
                continue;
            }
            (Some(_) | None, Some(_)) | (Some(_), None) => {}
        }
        let Some((after_star, (_, shorter))) = last_star.and_then(|(p, n)| Some((p, n.split_first()?))) else {
            return false;
        };
        last_star = Some((after_star, shorter));
        (pattern, name) = (after_star, shorter);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";
    const B: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIP/+/fz7+vn49/b19PPy8fDv7u3s6+rp6Ofm5eTj4uHg";

    /// `(hosts field, name looked up, whether the line speaks of it)`
    const CASES: &[(&str, &str, bool)] = &[
        ("host", "host", true),
        ("host", "hos", false),
        ("host", "hostt", false),
        ("HOST.example", "host.EXAMPLE", true),
        ("a,b,c", "b", true),
        ("a,b,c", "d", false),
        ("*", "anything", true),
        ("*", "[anything]:2222", true),
        ("*.example.com", "a.example.com", true),
        ("*.example.com", "example.com", false),
        ("*.example.com", "[a.example.com]:2222", false),
        ("10.0.0.?", "10.0.0.7", true),
        ("10.0.0.?", "10.0.0.17", false),
        ("*,!bad", "good", true),
        ("*,!bad", "bad", false),
        ("!bad,*", "bad", false),
        ("!bad", "good", false),
        ("[host]:2222", "[host]:2222", true),
        ("[host]:2222", "host", false),
        ("host", "[host]:2222", false),
        ("a*b*c", "a-b-b-c", true),
        ("a*b*c", "a-b-b-d", false),
        ("**", "", true),
        ("|1|AAECAwQFBgcICQoLDA0ODxAREhM=|not base64|", "host", false),
        ("|2|AAECAwQFBgcICQoLDA0ODxAREhM=|AAAA", "host", false),
        ("|1|", "host", false),
    ];

    fn named(lookup: &str) -> HostName {
        HostName {
            lookup: lookup.to_ascii_lowercase(),
            host: String::new(),
        }
    }

    #[test]
    fn hosts_fields() {
        for (hosts, name, expected) in CASES {
            let entries = entries_for(&format!("{hosts} {A} comment"), &named(name));
            assert_eq!(entries.keys.len() == 1, *expected, "{hosts} for {name}");
        }
    }

    #[test]
    fn a_star_pattern_takes_no_exponential_time() {
        assert!(!glob_matches(&"*a".repeat(500), &"a".repeat(499).replace('a', "ab")));
    }

    #[test]
    fn markers_comments_and_broken_lines() {
        let text = format!(
            "# comment\n\n  host {A}\n@revoked * {B} stolen\n@cert-authority * {B}\n@unheard-of host {B}\nhost\nhost ssh-ed25519\n\
             host ssh-ed25519 !!!\nhost ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\n"
        );
        let entries = entries_for(&text, &host_name("host", 22));
        assert_eq!(entries.keys.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [3]);
        assert_eq!(entries.revoked.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [4]);
        assert_eq!(entries.authorities.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [5]);
    }

    #[test]
    fn marked_lines_hold_for_every_port() {
        let text = format!("@cert-authority *.example {A}\n@revoked *.example {B}\n*.example {A}\n");
        let entries = entries_for(&text, &host_name("a.example", 2222));
        assert_eq!(
            (entries.authorities.len(), entries.revoked.len(), entries.keys.len()),
            (1, 1, 0)
        );
    }

    #[test]
    fn names() {
        for (host, port, lookup) in [
            ("Host.Example", 22, "host.example"),
            ("Host.Example", 2222, "[host.example]:2222"),
            ("::1", 22, "::1"),
            ("::1", 2222, "[::1]:2222"),
            ("fe80::1%eth0", 2222, "[fe80::1%eth0]:2222"),
        ] {
            assert_eq!(host_name(host, port).lookup, lookup);
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read(text: String, name: String) {
            let _ = entries_for(&text, &named(&name));
        }
    }
}
