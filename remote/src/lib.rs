//! The engine: bootstrap data to plan to script to host.

pub mod bootstrap;
pub mod secret;
pub mod ssh;
pub mod yaml;
