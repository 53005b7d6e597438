//! Where a machine is, so that one machine described twice is noticed.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// An address and the port of the SSH server there. Two of the same machine are equal however they are written: the letters of a
/// DNS name have no case (RFC 4343), its final dot says nothing here, and an IPv6 address has one text (RFC 5952).
///
/// A name and the address that it resolves to are not seen as the same: that would need a resolver. The host's own owner record
/// keeps two claims apart there.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Endpoint {
    address: String,
    port: u16,
}

impl Endpoint {
    /// From an IP address or a DNS name, as a person wrote it.
    pub fn new(address: &str, port: u16) -> Self {
        let bare = address.trim().trim_start_matches('[').trim_end_matches(']');
        let (host, zone) = match bare.split_once('%') {
            Some((host, zone)) => (host, Some(zone)),
            None => (bare, None),
        };
        let address = match (host.parse::<IpAddr>(), zone) {
            (Ok(ip), None) => ip.to_canonical().to_string(),
            // An address with a zone is of one link only; which one, the zone says.
            (Ok(ip), Some(zone)) => format!("{ip}%{zone}"),
            (Err(_), _) => bare.trim_end_matches('.').to_ascii_lowercase(),
        };
        Self { address, port }
    }

    /// The IP address, without brackets, or the DNS name.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The port of the SSH server.
    pub fn port(&self) -> u16 {
        self.port
    }
}

/// Text that is no endpoint.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NoEndpoint;

impl fmt::Display for NoEndpoint {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("no address and port: write it as 192.0.2.1:22, [2001:db8::1]:22 or worker-1.example.com:22")
    }
}

impl std::error::Error for NoEndpoint {}

/// The way back from its text, exactly.
impl FromStr for Endpoint {
    type Err = NoEndpoint;

    fn from_str(text: &str) -> Result<Self, NoEndpoint> {
        let (address, port) = text.rsplit_once(':').ok_or(NoEndpoint)?;
        let inner = address
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            .filter(|inner| inner.contains(':'));
        let address = match inner {
            Some(inner) => inner,
            None if address.contains(':') => return Err(NoEndpoint),
            None => address,
        };
        Ok(Self {
            address: address.to_owned(),
            port: port.parse().map_err(|_| NoEndpoint)?,
        })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.address.contains(':') {
            write!(to, "[{}]:{}", self.address, self.port)
        } else {
            write!(to, "{}:{}", self.address, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Endpoint;

    #[test]
    fn one_machine_has_one_endpoint() {
        for (one, other) in [
            ("Worker-1.Example.COM.", "worker-1.example.com"),
            ("2001:DB8:0:0::1", "[2001:db8::1]"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            (" 192.0.2.1", "192.0.2.1"),
            ("FE80::1%eth0", "fe80::1%eth0"),
        ] {
            assert_eq!(Endpoint::new(one, 22), Endpoint::new(other, 22), "{one} and {other}");
        }
    }

    #[test]
    fn two_machines_have_two() {
        assert_ne!(Endpoint::new("192.0.2.1", 22), Endpoint::new("192.0.2.1", 2222));
        assert_ne!(Endpoint::new("192.0.2.1", 22), Endpoint::new("192.0.2.10", 22));
        assert_ne!(Endpoint::new("fe80::1%eth0", 22), Endpoint::new("fe80::1%eth1", 22));
    }

    #[test]
    fn its_text_is_read_back() {
        for address in [
            "192.0.2.1",
            "2001:db8::1",
            "fe80::1%eth0",
            "a.example.com",
            "[[a:b]]",
            "[a]",
            "a]",
            "",
        ] {
            let endpoint = Endpoint::new(address, 2222);
            assert_eq!(endpoint.to_string().parse(), Ok(endpoint));
        }
        for text in ["", "192.0.2.1", "2001:db8::1:22", "a:b", "a:65536", "a:-1"] {
            assert_eq!(text.parse::<Endpoint>(), Err(super::NoEndpoint), "{text}");
        }
    }

    #[test]
    fn an_ipv6_address_is_shown_in_brackets() {
        assert_eq!(Endpoint::new("2001:db8::1", 22).to_string(), "[2001:db8::1]:22");
        assert_eq!(Endpoint::new("a.example.com", 22).to_string(), "a.example.com:22");
    }
}
