//! Machines with real OpenSSH servers that a test starts and stops in well under a second, and a proxy that injects
//! network faults between a client and a machine.
//!
//! Everything runs as root on this host, on loopback addresses of its own; nothing stays behind, also when the test
//! process is killed. The product never depends on this crate.

mod address;
mod busybox;
mod control;
mod disk;
mod error;
mod etc_files;
mod keys;
mod machine;
mod process_tree;
mod program;
mod proxy;
mod requirements;
mod spec;
mod systemd;

pub use error::TestbedError;
pub use keys::{ClientKeyType, Keys};
pub use machine::Machine;
pub use process_tree::MachineProcess;
pub use proxy::{Counters, Direction, Faults, Proxy, Stall};
pub use requirements::requirements;
pub use spec::{HostKeyType, Kind, MachineSpec, Shell, SudoRule, User};
