//! What goes wrong around `anywhere controller` and inside of it: killed at any word it says or hears, all of its objects deleted in any
//! order, its watches expired, its hosts dead or rebooted, its writes refused, its lease lost.
//!
//! Each test draws what it does from a seed, which it prints; `ANYWHERE_SEED=N` draws the same again. `ANYWHERE_FAULTS=all` goes through
//! all of it: a kill at each chunk of a provisioning and of a release, not at a dozen of them, a thousand orders of deletion
//! (`ANYWHERE_SEEDS=N`: as many), and forty reboots and leases of each kind. That takes most of an hour:
//!
//! ```sh
//! ANYWHERE_FAULTS=all cargo test --test controller_faults -- --nocapture --test-threads 1
//! ```
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)] // a test that cannot be set up fails
#![allow(clippy::print_stdout, clippy::print_stderr)] // figures, and what the controllers tell

mod api;
mod contended;
#[path = "../controllers/controller_lab.rs"]
mod controller_lab;
mod dead_pool;
mod deleted;
mod expired;
mod killed;
#[path = "../lab/mod.rs"]
mod lab;
mod lease_lost;
mod moment;
mod rebooted;
mod scene;
mod seed;
mod silent;
#[path = "../controllers/site.rs"]
mod site;
mod tap;
mod world;
