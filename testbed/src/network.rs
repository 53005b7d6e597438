//! A network of its own for machines and whatever talks to them: a bridge in a network namespace.
//!
//! The kernel ends the namespace with the last process in it, and with it every link, route and packet filter.

use crate::error::TestbedError;
use crate::program::{succeed, with_deadline};
use nix::sched::{CloneFlags, unshare};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// The bridge in the network of the thread that made it.
const BRIDGE: &str = "lab0";
/// The bridge's own address; machines have those after it.
const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 99, 0, 1);
/// A bridge has at most this many ports (BR_MAX_PORTS).
const MACHINES: u32 = 1000;

/// A network that a thread moved to, with a bridge to which machines are attached that have this network in their
/// specification. What the thread starts afterwards, threads too, is in it as well, and reaches the machines.
#[derive(Debug)]
pub struct Network {
    machines: AtomicU32,
}

impl Network {
    /// Moves the calling thread to a new network. There is no way back for it, so begin a test with this.
    ///
    /// # Errors
    /// When this process may not, or `ip` fails.
    pub fn new() -> Result<Arc<Self>, TestbedError> {
        unshare(CloneFlags::CLONE_NEWNET).map_err(|error| TestbedError::Io {
            action: "make a network namespace".to_owned(),
            source: error.into(),
        })?;
        let address = format!("addr add {ADDRESS}/16 dev {BRIDGE}");
        let bridge = format!("link add {BRIDGE} type bridge");
        ip(&["link set lo up", &bridge, &address, &format!("link set {BRIDGE} up")], None)?;
        Ok(Arc::new(Self {
            machines: AtomicU32::new(0),
        }))
    }

    /// The address that machines reach this thread's programs at, for [`ControlPlaneOptions`](crate::ControlPlaneOptions).
    pub fn address(&self) -> Ipv4Addr {
        ADDRESS
    }

    /// The address for one more machine.
    pub(crate) fn next(&self) -> Result<Ipv4Addr, TestbedError> {
        let number = self.machines.fetch_add(1, Ordering::Relaxed);
        if number >= MACHINES {
            return Err(TestbedError::NoAddress { tried: MACHINES });
        }
        Ok(Ipv4Addr::from(u32::from(ADDRESS) + 1 + number))
    }

    /// Connects the network namespace of this process to the bridge, with this address in it.
    pub(crate) fn attach(&self, process: u32, address: Ipv4Addr) -> Result<(), TestbedError> {
        let link = format!("m{}", u32::from(address) - u32::from(ADDRESS));
        let pair = format!("link add {link} type veth peer name host0 netns {process}");
        ip(&[&pair, &format!("link set {link} master {BRIDGE} up")], None)?;
        let own = format!("addr add {address}/16 dev host0");
        let route = format!("route add default via {ADDRESS}");
        ip(&["link set lo up", &own, "link set host0 up", &route], Some(process))
    }
}

/// Runs ip(8) with these lines, in this thread's network or that of a process.
fn ip(lines: &[&str], process: Option<u32>) -> Result<(), TestbedError> {
    let text = lines.join("\n") + "\n";
    let mut command = match process {
        None => with_deadline("ip"),
        Some(process) => {
            let mut command = with_deadline("nsenter");
            command.args(["--net", "--target", &process.to_string(), "ip"]);
            command
        }
    };
    succeed(command.args(["-batch", "-"]), text.as_bytes(), "ip").map(drop)
}
