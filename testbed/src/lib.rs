//! Machines with real OpenSSH servers that a test starts and stops in well under a second, a proxy that injects network
//! faults between a client and a machine, and real control planes of Kubernetes.
//!
//! Everything runs as root on this host, on loopback addresses of its own; nothing stays behind, also when the test
//! process is killed. The product never depends on this crate.

mod address;
mod busybox;
mod control;
mod control_plane;
mod disk;
mod error;
mod etc_files;
mod keys;
mod machine;
pub mod matrix;
mod network;
mod openrc;
mod process_tree;
mod program;
mod proxy;
mod requirements;
mod spec;
mod systemd;

pub use control_plane::{
    ControlPlane, ControlPlaneOptions, Join, Namespace, NodeLayer, Part, Provider, kubelet_configuration, kubernetes_program,
    node_layer, stand_in_reference,
};
pub use error::TestbedError;
pub use keys::{ClientKeyType, Keys};
pub use machine::Machine;
pub use network::Network;
pub use process_tree::MachineProcess;
pub use proxy::{Counters, Direction, Faults, Proxy, Stall};
pub use requirements::requirements;
pub use spec::{HostKeyType, Kind, MachineSpec, Shell, SudoRule, User};
