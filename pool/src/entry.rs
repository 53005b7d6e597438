//! A machine in a pool.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use crate::{Endpoint, State};

/// Names an entry: its namespace and name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct EntryId(Arc<str>);

impl EntryId {
    /// The entry of this name.
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(&self.0)
    }
}

/// A pool. Entries and claims of one namespace meet in it, never those of two.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Pool {
    /// The namespace.
    pub namespace: Arc<str>,
    /// The pool's name there.
    pub name: Arc<str>,
}

/// An entry as it was seen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Which one.
    pub id: EntryId,
    /// The pool that it is in.
    pub pool: Pool,
    /// Where the machine is.
    pub endpoint: Endpoint,
    /// What claims select by.
    pub labels: BTreeMap<String, String>,
    /// Its failure domain, such as a rack.
    pub failure_domain: Option<String>,
    /// Its state.
    pub state: State,
    /// When the machine last answered, if that is known.
    pub reached: Option<SystemTime>,
    /// Whether it is being deleted.
    pub deleting: bool,
}
