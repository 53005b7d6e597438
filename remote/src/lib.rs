//! The engine: bootstrap data to plan to script to host.

pub mod secret;
pub mod ssh;
