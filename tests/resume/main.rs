//! Cut anywhere, a run goes on where it was: every command once, every file right.
#![allow(clippy::unwrap_used, clippy::panic)] // a test that cannot be set up fails

#[path = "../lab/mod.rs"]
mod lab;

mod case;
mod connections;
mod engines;
mod hosts;
