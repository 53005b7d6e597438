//! Addresses where no SSH server answers: a third refuses, a third never answers a connection, a third takes it and says nothing.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use socket2::{Domain, Socket, Type};

/// Dead addresses, as long as this value lives.
#[derive(Debug, Default)]
pub(crate) struct Dead {
    addresses: Vec<IpAddr>,
    /// What makes them silent.
    sockets: Vec<Socket>,
}

impl Dead {
    /// This many; all below 127.0.0.0/10, where the testbed has no machines.
    pub(crate) fn new(count: usize) -> Result<Self, String> {
        let mut dead = Self::default();
        for index in 0..count {
            let number = u8::try_from(index % 250).unwrap_or_default();
            let block = u8::try_from(index / 250).unwrap_or_default();
            let address = IpAddr::V4(Ipv4Addr::new(127, 32 + block, 77, number + 2));
            let silent = |backlog| silent(SocketAddr::new(address, 22), backlog).map_err(|error| format!("{address}: {error}"));
            match index % 3 {
                0 => {}
                1 => {
                    // Nobody accepts, and one connection is all that fits: the kernel drops what comes later (listen(2)).
                    dead.sockets.push(silent(0)?);
                    dead.sockets
                        .push(fill(SocketAddr::new(address, 22)).map_err(|error| format!("{address}: {error}"))?);
                }
                _ => dead.sockets.push(silent(1000)?),
            }
            dead.addresses.push(address);
        }
        Ok(dead)
    }

    /// The addresses.
    pub(crate) fn addresses(&self) -> &[IpAddr] {
        &self.addresses
    }
}

fn silent(address: SocketAddr, backlog: i32) -> std::io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(backlog)?;
    Ok(socket)
}

fn fill(address: SocketAddr) -> std::io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.connect(&address.into())?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test that cannot be set up fails

    use std::io::ErrorKind;
    use std::net::{SocketAddr, TcpStream};
    use std::time::Duration;

    use super::Dead;

    #[test]
    fn none_of_them_answers() {
        let dead = Dead::new(3).unwrap();
        let limit = Duration::from_millis(50);
        let connect = |index: usize| {
            let address = SocketAddr::new(*dead.addresses().get(index).unwrap(), 22);
            TcpStream::connect_timeout(&address, limit).map_err(|error| error.kind())
        };
        assert_eq!(connect(0).unwrap_err(), ErrorKind::ConnectionRefused);
        assert_eq!(connect(1).unwrap_err(), ErrorKind::TimedOut);
        let silent = connect(2).unwrap();
        silent.set_read_timeout(Some(limit)).unwrap();
        let heard = std::io::Read::read(&mut &silent, &mut [0]).map_err(|error| error.kind());
        assert_eq!(heard, Err(ErrorKind::WouldBlock));
    }
}
