//! Files of any size, sent beside the program: whole, once, resumed after any cut, within bounds.
#![allow(clippy::unwrap_used, clippy::panic)] // a test that cannot be set up fails

#[path = "../lab/mod.rs"]
mod lab;

mod arrives;
mod limits;
mod resume;
mod site;
mod sources;
