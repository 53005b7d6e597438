//! Which addresses may be asked: pure.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Where clouds tell a machine its credentials, besides the link-local addresses: Alibaba's, Azure's and Oracle's, and Amazon's IPv6.
const METADATA: [IpAddr; 4] = [
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
];

/// Which addresses URLs may lead to. Link-local addresses and those where clouds keep credentials are never among them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// For data that others wrote: not this computer itself.
    #[default]
    Others,
    /// For whoever works at this computer: also itself.
    OwnComputer,
}

impl Reach {
    /// Whether this address may be asked.
    #[must_use]
    pub fn allows(self, address: IpAddr) -> bool {
        // An IPv4 address in IPv6's clothes (RFC 4291, 2.5.5.2) is that address.
        let address = address.to_canonical();
        if METADATA.contains(&address) || address.is_unspecified() || address.is_multicast() {
            return false;
        }
        let is_local = match address {
            IpAddr::V4(address) => address.is_link_local() || address.is_broadcast() || address.octets().first() == Some(&0),
            IpAddr::V6(address) => address.is_unicast_link_local(),
        };
        !is_local && (self == Self::OwnComputer || !address.is_loopback())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (address, others, own) in [
            ("192.0.2.1", true, true),
            ("10.0.0.1", true, true),
            ("2001:db8::1", true, true),
            ("127.0.0.1", false, true),
            ("127.3.2.1", false, true),
            ("::1", false, true),
            ("::ffff:127.0.0.1", false, true),
            ("169.254.169.254", false, false),
            ("::ffff:169.254.169.254", false, false),
            ("fe80::1", false, false),
            ("fd00:ec2::254", false, false),
            ("100.100.100.200", false, false),
            ("0.0.0.0", false, false),
            ("0.1.2.3", false, false),
            ("::", false, false),
            ("224.0.0.1", false, false),
            ("255.255.255.255", false, false),
        ] {
            let address: IpAddr = address.parse().unwrap();
            let allowed = (Reach::Others.allows(address), Reach::OwnComputer.allows(address));
            assert_eq!(allowed, (others, own), "{address}");
        }
    }
}
