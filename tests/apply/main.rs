//! The main job on real OpenSSH servers: files and commands, once, in order, whatever the machine and whoever logs in.
#![allow(clippy::unwrap_used, clippy::panic)] // a test that cannot be set up fails

#[path = "../lab/mod.rs"]
mod lab;

mod commands;
mod failures;
mod files;
mod limits;
mod places;
mod sentinel;
mod traces;
