//! The engine: bootstrap data to plan to script to host.

pub mod bootstrap;
pub mod engine;
pub mod event;
pub mod plan;
pub mod redact;
pub mod script;
pub mod secret;
pub mod ssh;
pub mod yaml;
