//! The journal's lines.

/// One line of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// A run has begun.
    Run {
        /// Its name on the host.
        run: String,
        /// Of which plan.
        plan: String,
        /// Steps in that plan.
        steps: usize,
        /// In which boot of the host.
        boot_id: Option<String>,
        /// On which machine: machine-id(5).
        machine_id: Option<String>,
        /// When, in seconds since 1970 by the sender's clock; a host may say anything.
        time: i64,
        /// Who sent it.
        by: String,
    },
    /// A step has begun.
    Begin {
        /// Its number in the plan, from 1.
        number: usize,
        /// Its id.
        id: String,
        /// Hundredths of a second since the host was booted.
        at: u64,
        /// Its name: `runcmd[3]`.
        name: String,
    },
    /// A line of what a failed step said last.
    Said {
        /// The step's number.
        number: usize,
        /// The line, printable.
        text: String,
    },
    /// A step has ended.
    End {
        /// Its number in the plan, from 1.
        number: usize,
        /// Its id.
        id: String,
        /// Exit status; 124 when it took too long.
        status: i32,
        /// Hundredths of a second since the host was booted.
        at: u64,
    },
    /// All stopped while this step was under way; whether it had its effect is unknown, so it was not run again.
    Interrupted {
        /// The step's number.
        number: usize,
        /// Its id.
        id: String,
        /// By what.
        by: Interruption,
    },
    /// The run has ended.
    Ran {
        /// The run.
        run: String,
        /// Of which plan.
        plan: String,
        /// How.
        outcome: Outcome,
    },
    /// A line that only the host itself needs (`journal`, `made`).
    Other,
}

/// What stopped a run in the middle of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interruption {
    /// The host is in another boot now than then.
    Reboot,
    /// The host stayed up: the program there was killed, or could not write what it must.
    Kill,
    /// The host does not say.
    Unknown,
}

impl Interruption {
    /// What happened, as part of a sentence.
    #[must_use]
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Reboot => "the host went down",
            Self::Kill => "the run there was killed or could not go on, while the host stayed up",
            Self::Unknown => "the host went down, or the run there was killed",
        }
    }
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All steps ended well.
    Ok,
    /// A step failed.
    Failed,
    /// It was asked to stop before its last step.
    Stopped,
}

/// Reads a line of the journal that begins with this word; `None` of what is none.
pub(super) fn record(word: &str, rest: &str) -> Option<Record> {
    let mut words = rest.split(' ');
    let mut next = || words.next();
    Some(match word {
        "run" => {
            let (run, plan) = (next()?.to_owned(), next()?.to_owned());
            let (fields, by) = rest.split_once(" by=")?;
            let field = |name: &str| fields.split(' ').find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
            let given = |name: &str| field(name).filter(|value| !value.is_empty()).map(str::to_owned);
            Record::Run {
                run,
                plan,
                steps: field("steps")?.parse().ok()?,
                boot_id: given("boot"),
                machine_id: given("machine"),
                time: field("time")?.parse().ok()?,
                by: by.to_owned(),
            }
        }
        "begin" => Record::Begin {
            number: next()?.parse().ok()?,
            id: next()?.to_owned(),
            at: hundredths(next()?)?,
            name: rest.splitn(4, ' ').nth(3).unwrap_or_default().to_owned(),
        },
        "err" => {
            let (number, text) = rest.split_once(' ').unwrap_or((rest, ""));
            Record::Said {
                number: number.parse().ok()?,
                text: text.to_owned(),
            }
        }
        "end" => Record::End {
            number: next()?.parse().ok()?,
            id: next()?.to_owned(),
            status: next()?.parse().ok()?,
            at: hundredths(next()?)?,
        },
        "interrupted" => Record::Interrupted {
            number: next()?.parse().ok()?,
            id: next()?.to_owned(),
            by: match next() {
                Some("reboot") => Interruption::Reboot,
                Some("kill") => Interruption::Kill,
                Some(_) | None => Interruption::Unknown,
            },
        },
        "ran" => Record::Ran {
            run: next()?.to_owned(),
            plan: next()?.to_owned(),
            outcome: match next()? {
                "ok" => Outcome::Ok,
                "failed" => Outcome::Failed,
                "stopped" => Outcome::Stopped,
                _ => return None,
            },
        },
        "journal" | "made" => Record::Other,
        _ => return None,
    })
}

/// `/proc/uptime`'s form, `12.34`.
fn hundredths(text: &str) -> Option<u64> {
    let (seconds, rest) = text.split_once('.').unwrap_or((text, "0"));
    let seconds: u64 = seconds.parse().ok()?;
    let rest: u64 = rest.get(..2).unwrap_or(rest).parse().ok()?;
    seconds.checked_mul(100)?.checked_add(rest)
}
