//! `anywhere controller` on a real API server.
//!
//! One control plane for all tests here, each in a namespace of its own with a controller of its own. Cluster API's kinds are there,
//! its controllers are not: a test makes its Machines and Clusters itself, and says what they say.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)] // a test that cannot be set up fails
#![allow(clippy::print_stdout, clippy::print_stderr)] // figures, and what the controllers tell

#[path = "controller_lab.rs"]
mod controller_lab;
#[path = "../golden/mod.rs"]
mod golden;
#[path = "../lab/mod.rs"]
mod lab;

mod collector;
mod faults;
mod jobs;
mod many;
mod permissions;
mod pool_hosts;
mod pools;
mod remote_machines;
mod site;
mod standing;
mod traces;
mod wrong_input;
