//! The API types of the k0smotron groups, exactly as users write them; no I/O.
//!
//! One file per kind and version. For now those that the front-end without a cluster reads: RemoteMachine.

pub mod infrastructure;
