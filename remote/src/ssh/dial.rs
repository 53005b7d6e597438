//! TCP connections to the first hop.

use std::io;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout};

use super::error::{Phase, Unreachable};
use super::target::Hop;

/// When the kernel asks an idle peer whether it is there; backs up the SSH keepalive, which needs the session to be running.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// Connects to the first address of the host that answers. `within` is divided among the addresses, so that a dead one
/// (an IPv6 address without a route, say) does not use up the time of the others.
pub(crate) async fn dial(hop: &Hop, within: Duration) -> Result<TcpStream, Unreachable> {
    let end = Instant::now() + within;
    let addresses: Vec<_> = lookup_host((hop.host.as_str(), hop.port))
        .await
        .map_err(|error| Unreachable::Name(error.to_string()))?
        .collect();
    let mut failure = Unreachable::Name("it has no address".to_owned());
    let mut left = u32::try_from(addresses.len()).unwrap_or(u32::MAX);
    for address in addresses {
        let share = end.saturating_duration_since(Instant::now()) / left.max(1);
        left = left.saturating_sub(1);
        match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                configure(&stream).map_err(|error| Unreachable::from_io(&error, Phase::Connect))?;
                return Ok(stream);
            }
            Ok(Err(error)) => failure = Unreachable::from_io(&error, Phase::Connect),
            Err(_) => failure = Unreachable::NoAnswer(within),
        }
    }
    Err(failure)
}

fn configure(stream: &TcpStream) -> io::Result<()> {
    // Without it each small packet waits for the acknowledgement of the one before.
    stream.set_nodelay(true)?;
    SockRef::from(stream).set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE / 2))
}
