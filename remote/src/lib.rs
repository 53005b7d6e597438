//! The engine: bootstrap data to plan to script to host. It knows SSH, and no Kubernetes.
//!
//! [`bootstrap`] reads what bootstrap providers emit (through [`yaml`]); [`plan`] makes ordered steps of it; [`script`] makes one POSIX
//! sh program of those. All three are pure. [`engine`] sends the program over [`ssh`], follows the host's journal, whose lines
//! [`event`] reads, and comes back when the connection is lost. [`facts`] is what a machine tells about itself; [`doctor`] is whether
//! that will do; [`content`] is what is too large for a program; [`sandbox`] renders templates. [`secret`] and [`redact`] keep what is
//! secret from being shown. `fuzzing`, which nothing that is shipped has, does with any bytes what the others do with a stranger's.

pub mod bootstrap;
pub mod content;
pub mod doctor;
pub mod engine;
pub mod event;
pub mod facts;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
pub mod plan;
pub mod redact;
pub mod sandbox;
pub mod script;
pub mod secret;
pub mod ssh;
pub mod yaml;
