//! Loopback addresses for machines and proxies, so that many test processes at once do not get in each other's way.
//!
//! Linux answers on all of 127.0.0.0/8 without set-up. A reservation is a Unix socket in the abstract namespace
//! (unix(7)): the kernel grants each name once, per network namespace like the addresses themselves, and takes it back
//! when the process ends in whatever way, so no lock file can stay behind.

use crate::error::TestbedError;
use std::hash::{BuildHasher, RandomState};
use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// How many addresses are tried before giving up: far more than machines fit on a host.
const TRIES: u32 = 10_000;

/// An address that no other machine or proxy on this host uses while this value lives.
#[derive(Debug)]
pub(crate) struct ReservedAddress {
    address: Ipv4Addr,
    _reservation: Option<UnixDatagram>,
}

impl ReservedAddress {
    /// Reserves a random address on which the port can be bound.
    pub(crate) fn new(port: u16) -> Result<Self, TestbedError> {
        let random = RandomState::new();
        for n in 0..TRIES {
            let address = candidate(random.hash_one(n));
            let name = SocketAddr::from_abstract_name(format!("anywhere-testbed-{address}"))
                .map_err(TestbedError::io("name the reservation of a loopback address"))?;
            match UnixDatagram::bind_addr(&name) {
                // The machine of a process that was just killed may hold its port for a moment longer than its name.
                Ok(reservation) if TcpListener::bind((address, port)).is_ok() => {
                    return Ok(Self {
                        address,
                        _reservation: Some(reservation),
                    });
                }
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::AddrInUse => {}
                Err(source) => {
                    return Err(TestbedError::Io {
                        action: format!("reserve {address}"),
                        source,
                    });
                }
            }
        }
        Err(TestbedError::NoAddress { tried: TRIES })
    }

    /// An address of a network that nobody else takes addresses from.
    pub(crate) fn of_own_network(address: Ipv4Addr) -> Self {
        Self {
            address,
            _reservation: None,
        }
    }

    pub(crate) fn get(&self) -> Ipv4Addr {
        self.address
    }
}

/// An address in 127.64.0.0/10 whose last two bytes are neither 0 nor 255. Below are the addresses that distributions
/// use (127.0.0.1, 127.0.1.1, 127.0.0.53).
fn candidate(random: u64) -> Ipv4Addr {
    let byte = |shift: u32, modulus: u64| u8::try_from((random >> shift) % modulus).unwrap_or_default();
    Ipv4Addr::new(127, 64 + byte(0, 64), 1 + byte(16, 254), 1 + byte(32, 254))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates_are_ordinary_loopback_addresses() {
        for random in [0, u64::MAX, 0x1234_5678_9abc_def0] {
            let [first, second, third, fourth] = candidate(random).octets();
            assert_eq!(first, 127);
            assert!((64..128).contains(&second));
            assert!((1..255).contains(&third) && (1..255).contains(&fourth));
        }
    }

    #[test]
    fn an_address_is_given_once() {
        let many: Vec<_> = (0..200).map(|_| ReservedAddress::new(22).unwrap()).collect();
        let distinct: std::collections::HashSet<_> = many.iter().map(ReservedAddress::get).collect();
        assert_eq!(distinct.len(), many.len());
    }
}
