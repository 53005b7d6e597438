//! The programs that ask a host something.

use super::{COMMON, FACTS, HOST, PROVE, SUPERVISE, code};
use crate::secret::Secret;

const DOCTOR: &str = include_str!("facts/doctor.sh");
const STATUS: &str = include_str!("status.sh");

/// What is asked of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// What it remembers of its last run.
    Status,
    /// That, and what it is.
    StatusAndFacts,
    /// What it is, and nothing else.
    Facts,
    /// All that, and what would be in the way of a run.
    Doctor,
    /// The log.
    Log,
}

/// The program that answers a question, without changing anything on the host.
#[must_use]
pub fn render_question(question: Question) -> Secret {
    let (mode, facts) = match question {
        Question::Status => ("status", ""),
        Question::StatusAndFacts => ("status", "1"),
        Question::Facts => ("facts", "1"),
        Question::Doctor => ("doctor", "1"),
        Question::Log => ("log", ""),
    };
    let host = if facts.is_empty() { String::new() } else { code(HOST) };
    // The proof's own look at the host; and what it needs for tools that could hang.
    let doctor = match question {
        Question::Doctor => [SUPERVISE, FACTS, PROVE, DOCTOR].map(code).concat(),
        Question::Status | Question::StatusAndFacts | Question::Facts | Question::Log => "d_findings() { :; }\n".to_owned(),
    };
    let text = format!(
        "#!/bin/sh\n# shellcheck disable=SC2034,SC2153\nA_MODE={mode}\nA_FACTS={facts}\nA_SELF=${{A_SELF-$0}}\n{}{host}{doctor}{}",
        code(COMMON),
        code(STATUS)
    );
    Secret::new(text)
}
