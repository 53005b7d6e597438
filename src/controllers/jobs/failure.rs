//! Why a Job did not do what it was to.

use std::fmt;

use crate::controllers::api::ApiError;
use crate::manifest::Key;

/// Why a Job did not do what it was to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JobError {
    /// An object of its name is somebody else's.
    #[error(
        "{kind} {name} is there already, and is somebody else's: give the Job another name \
         (spec.provisionJob.jobSpecTemplate.metadata.name), or none of its own"
    )]
    NameTaken {
        /// The object's kind.
        kind: &'static str,
        /// Which one.
        name: Key,
    },
    /// It could not be made, or not be looked after.
    #[error("the Job cannot be made: {0}")]
    NotMade(#[from] ApiError),
    /// It was deleted before it had ended.
    #[error("Job {0} was deleted before it had ended")]
    Deleted(Key),
    /// It has taken too long.
    #[error(
        "Job {job} has not {} within {seconds} s, and was deleted: {at}",
        if *.has_begun { "ended" } else { "begun" }
    )]
    Late {
        /// Which one.
        job: Key,
        /// Whether a Pod of it was at work.
        has_begun: bool,
        /// How long it was waited for.
        seconds: u64,
        /// What it was at.
        at: String,
    },
    /// It has given up.
    #[error(transparent)]
    Failed(Box<Failure>),
}

/// A Job that has given up.
#[derive(Debug, thiserror::Error)]
pub(crate) struct Failure {
    /// Which one.
    pub(crate) job: Key,
    /// Why, in a word, such as `BackoffLimitExceeded`.
    pub(crate) reason: String,
    /// Why, in words.
    pub(crate) message: String,
    /// How its newest container ended, if one did.
    pub(crate) ended: Option<String>,
    /// The last lines that it wrote; redacted.
    pub(crate) said: Vec<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            job,
            reason,
            message,
            ended,
            said,
        } = self;
        write!(formatter, "Job {job} failed: {reason}: {message}")?;
        if let Some(ended) = ended {
            write!(formatter, "\n{ended}")?;
        }
        said.iter().try_for_each(|line| write!(formatter, "\n  | {line}"))
    }
}
