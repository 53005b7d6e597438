//! `anywhere controller` under real Cluster API core, with real OpenSSH servers as hosts: run with exactly the permissions that the manifests give it.
//!
//! Each test has a control plane of its own ([`site`]), because a Cluster, its hosts and its controller are one thing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)] // a test that cannot be set up fails
#![allow(clippy::print_stdout, clippy::print_stderr)] // figures, and what the controller says

#[path = "../lab/mod.rs"]
mod lab;

mod hosts;
mod infrastructure;
mod jobs;
mod objects;
mod real_nodes;
mod remediation;
mod scaling;
mod site;
