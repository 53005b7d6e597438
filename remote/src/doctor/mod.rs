//! Whether machines are fit for a run, before there is one: pure.
//!
//! `script/facts/doctor.sh` tells what could be in the way, [`Findings`] takes that in, [`diagnose`] says what it means for one machine
//! and [`compare`] what machines have in common that they must not.

mod compare;
mod diagnose;
mod intent;

use crate::engine::Status;
use crate::facts::MAX_TEXT;

pub use compare::compare;
pub use diagnose::{ABOUT, diagnose};
pub use intent::Intent;

/// The most lines of what is left, and the most ports, that are kept.
const MAX_ENTRIES: usize = 1000;

/// What a machine told when it was examined.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Examination {
    /// How it stands, and what it is.
    pub status: Status,
    /// What could be in the way.
    pub findings: Findings,
    /// The fingerprint of the key that it proved itself with.
    pub host_key: Option<String>,
}

/// What could be in the way of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Tools that a run needs and that are not there.
    pub lacks: Vec<String>,
    /// Tools that nodes use and that are there.
    pub has: Vec<String>,
    /// TCP ports on which somebody listens.
    pub ports: Vec<u16>,
    /// The controllers of the control groups that are mounted.
    pub controllers: Option<Vec<String>>,
    /// What a reset would call left, in its words.
    pub left: Vec<String>,
    /// Whether all of this was looked at.
    pub complete: bool,
}

impl Findings {
    /// Takes one line; one that makes no sense changes nothing.
    pub fn take(&mut self, name: &str, value: &str) {
        let keep = |list: &mut Vec<String>, text: &str| {
            if list.len() < MAX_ENTRIES && !text.is_empty() {
                list.push(text.chars().take(MAX_TEXT).collect());
            }
        };
        match name {
            "lacks" => keep(&mut self.lacks, value),
            "has" => keep(&mut self.has, value),
            // The second field is the proof's own.
            "left" => keep(&mut self.left, value.trim_end_matches(" pod").trim_end()),
            "port" => {
                if let Some(port) = value.parse().ok().filter(|_| self.ports.len() < MAX_ENTRIES) {
                    self.ports.push(port);
                }
            }
            "cgroups" => {
                let controllers = value.split(' ').skip(1).take(32).map(str::to_owned);
                self.controllers = Some(controllers.collect());
            }
            "looked" => self.complete = true,
            _ => {}
        }
    }
}

/// One thing about a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnosis {
    /// How bad it is.
    pub level: Level,
    /// What was looked at: one of [`ABOUT`].
    pub about: &'static str,
    /// What is so, and what to do.
    pub text: String,
}

/// How bad something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// It may do; it is worth a look.
    Warning,
    /// A run, or the node that comes of it, fails.
    Failure,
}

impl Diagnosis {
    /// A failure.
    #[must_use]
    pub fn failure(about: &'static str, text: String) -> Self {
        Self {
            level: Level::Failure,
            about,
            text,
        }
    }

    /// A warning.
    #[must_use]
    pub fn warning(about: &'static str, text: String) -> Self {
        Self {
            level: Level::Warning,
            about,
            text,
        }
    }
}
