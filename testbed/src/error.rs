//! What can go wrong when a machine or a proxy is started or used.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// An error of the testbed. The messages name the machine and what to look at.
#[derive(Debug, thiserror::Error)]
pub enum TestbedError {
    /// The host lacks something; the text names all of it and the Debian packages to install.
    #[error("this host cannot run test machines: {0}")]
    Requirements(String),
    /// The specification asks for something that cannot exist.
    #[error("the machine specification is not possible: {0}")]
    Spec(String),
    /// Every loopback address that was tried is in use.
    #[error("no free loopback address was found after {tried} tries; are thousands of machines running?")]
    NoAddress {
        /// How many addresses were tried.
        tried: u32,
    },
    /// Reading, writing or starting something on the host failed.
    #[error("{action}: {source}")]
    Io {
        /// What was tried, with the path or program.
        action: String,
        /// The operating system's answer.
        source: io::Error,
    },
    /// A program of the host ended with a failure.
    #[error("`{program}` failed ({status}): {stderr}")]
    Program {
        /// The program's name.
        program: String,
        /// Its exit status.
        status: String,
        /// What it wrote to its standard error.
        stderr: String,
    },
    /// The machine did not reach a state before the deadline.
    #[error("machine {machine} was not {state} after {waited:?}; its console says: {console}")]
    Deadline {
        /// The machine's name.
        machine: String,
        /// The state that was waited for.
        state: &'static str,
        /// How long it was waited for.
        waited: Duration,
        /// The end of the machine's console.
        console: String,
    },
    /// The machine ended by itself.
    #[error("machine {machine} ended ({status}) before it was {state}; its console says: {console}")]
    Ended {
        /// The machine's name.
        machine: String,
        /// The exit status of its outermost process.
        status: String,
        /// The state that was waited for.
        state: &'static str,
        /// The end of the machine's console.
        console: String,
    },
    /// A program that is built from its source is not there; the text says how to build it.
    #[error("{0}")]
    NotBuilt(String),
    /// Keys or certificates could not be made.
    #[error("the certificates of a control plane could not be made: {0}")]
    Certificates(String),
    /// A program of a control plane did not reach a state.
    #[error("{component} is not {state} ({ended}); its log ends with:\n{log}")]
    Component {
        /// The program's name.
        component: &'static str,
        /// The state that was waited for.
        state: &'static str,
        /// Whether it runs, and its exit status if not.
        ended: String,
        /// The end of its log.
        log: String,
    },
    /// The proxy's thread is gone or did not answer in time.
    #[error("the proxy did not answer: {0}")]
    Proxy(&'static str),
    /// etcd refused something, or its answer is not understood: the answer.
    #[error("etcd answered {0:?}")]
    Store(String),
}

impl TestbedError {
    /// Wraps an operating system error with what was tried.
    pub(crate) fn io(action: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let action = action.into();
        move |source| Self::Io { action, source }
    }

    /// Wraps an operating system error about a path.
    pub(crate) fn path(verb: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io {
            action: format!("{verb} {}", path.display()),
            source,
        }
    }
}
