//! The words for what happened: pure.

use std::time::Duration;

use remote::engine::{Error, Finish};
use remote::plan::Plan;
use remote::script::Mode;

use super::Ended;

/// How a machine came out, for counting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Done now.
    Done,
    /// There was nothing to do.
    Unchanged,
    /// It failed.
    Failed,
    /// We were asked to stop.
    Stopped,
}

/// How many machines came out how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) done: usize,
    pub(crate) unchanged: usize,
    pub(crate) failed: usize,
    pub(crate) stopped: usize,
}

impl Tally {
    /// Counts one more.
    pub(crate) fn add(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Done => self.done += 1,
            Verdict::Unchanged => self.unchanged += 1,
            Verdict::Failed => self.failed += 1,
            Verdict::Stopped => self.stopped += 1,
        }
    }

    /// Whether all is well on all machines.
    pub(crate) fn is_well(&self) -> bool {
        self.failed == 0 && self.stopped == 0
    }

    /// `3 machines: 1 provisioned, 2 unchanged`
    pub(crate) fn text(&self, mode: Mode) -> String {
        let Self {
            done,
            unchanged,
            failed,
            stopped,
        } = *self;
        let all = done + unchanged + failed + stopped;
        let parts: Vec<_> = [
            (done, word(Verdict::Done, mode)),
            (unchanged, word(Verdict::Unchanged, mode)),
            (failed, word(Verdict::Failed, mode)),
            (stopped, word(Verdict::Stopped, mode)),
        ]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
        format!("{all} machine{}: {}", if all == 1 { "" } else { "s" }, parts.join(", "))
    }
}

/// How a result counts.
pub(crate) fn verdict(result: &Result<Finish, Error>) -> Verdict {
    match result {
        Ok(Finish { unchanged: true, .. }) => Verdict::Unchanged,
        Ok(_) => Verdict::Done,
        Err(Error::Stopped) => Verdict::Stopped,
        Err(_) => Verdict::Failed,
    }
}

/// The word for a verdict.
pub(crate) fn word(verdict: Verdict, mode: Mode) -> &'static str {
    match (verdict, mode) {
        (Verdict::Done, Mode::Apply) => "provisioned",
        (Verdict::Done, Mode::Reset) => "reset",
        (Verdict::Unchanged, Mode::Apply) => "unchanged",
        (Verdict::Unchanged, Mode::Reset) => "nothing to reset",
        (Verdict::Failed, _) => "failed",
        (Verdict::Stopped, _) => "stopped",
    }
}

/// What there is to say about how it ended; may have several lines.
pub(crate) fn ending(ended: &Ended, mode: Mode) -> String {
    let word = word(verdict(&ended.result), mode);
    match &ended.result {
        Ok(Finish { unchanged: true, .. }) => word.to_owned(),
        Ok(Finish {
            steps_run, connections, ..
        }) => {
            let again = if *connections > 1 {
                format!(", {connections} connections")
            } else {
                String::new()
            };
            format!("{word}: {}, {}{again}", steps(*steps_run), seconds(ended.took))
        }
        Err(error) => {
            let text = error.to_string();
            text.strip_prefix(word)
                .map_or_else(|| format!("{word}: {text}"), |rest| format!("{word}{rest}"))
        }
    }
}

/// What there is to say when another machine answers than before.
pub(crate) fn replaced(before: &str, now: &str) -> String {
    format!(
        "not the machine of the last visit: it was re-imaged, or another one has its address now; steps that ended there do not count here
  | machine-id {before} before, {now} now"
    )
}

/// `1 step`, `2 steps`.
pub(crate) fn steps(count: usize) -> String {
    format!("{count} step{}", if count == 1 { "" } else { "s" })
}

/// A size for people: `1.5 MB`.
pub(crate) fn bytes(count: u64) -> String {
    if count < 1000 {
        return format!("{count} bytes");
    }
    let mut size = count as f64 / 1000.0;
    for unit in ["kB", "MB", "GB"] {
        if size < 1000.0 {
            return format!("{size:.1} {unit}");
        }
        size /= 1000.0;
    }
    format!("{size:.1} TB")
}

/// A time for people.
pub(crate) fn seconds(took: Duration) -> String {
    if took < Duration::from_secs(100) {
        format!("{:.1} s", took.as_secs_f64())
    } else {
        format!("{} s", took.as_secs())
    }
}

/// The name of a step: `runcmd[3]`.
pub(crate) fn step_name(plan: Option<&Plan>, number: usize) -> &str {
    let step = plan.and_then(|plan| plan.steps().get(number.checked_sub(1)?));
    step.map_or("a step", |step| step.name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (count, text) in [
            (0, "0 bytes"),
            (999, "999 bytes"),
            (1000, "1.0 kB"),
            (104_857_600, "104.9 MB"),
            (5_000_000_000_000_000, "5000.0 TB"),
        ] {
            assert_eq!(bytes(count), text);
        }
    }

    #[test]
    fn a_total_names_only_what_there_was() {
        let tally = Tally {
            done: 1,
            unchanged: 0,
            failed: 2,
            stopped: 0,
        };
        assert_eq!(tally.text(Mode::Apply), "3 machines: 1 provisioned, 2 failed");
        let tally = Tally {
            done: 0,
            unchanged: 1,
            failed: 0,
            stopped: 0,
        };
        assert_eq!(tally.text(Mode::Reset), "1 machine: 1 nothing to reset");
    }
}
