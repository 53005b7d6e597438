//! How long things on one machine may take, where it says so itself.

use std::time::Duration;

use crds::infrastructure::Timeouts as TimeoutsSpec;
use remote::engine::Limits;
use remote::ssh::Deadlines;

/// What a machine says of its own; where it says nothing, the command line counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Timeouts {
    connect: Option<Duration>,
    step: Option<Duration>,
    run: Option<Duration>,
}

/// Those that are given, by name.
pub(super) fn given(spec: &TimeoutsSpec) -> impl Iterator<Item = (&'static str, u32)> {
    [
        ("connectSeconds", spec.connect_seconds),
        ("stepSeconds", spec.step_seconds),
        ("runSeconds", spec.run_seconds),
    ]
    .into_iter()
    .filter_map(|(name, seconds)| Some((name, seconds?)))
}

impl Timeouts {
    pub(super) fn new(spec: &TimeoutsSpec) -> Self {
        let TimeoutsSpec {
            connect_seconds,
            step_seconds,
            run_seconds,
        } = spec;
        let duration = |seconds: &Option<u32>| seconds.map(|seconds| Duration::from_secs(seconds.into()));
        Self {
            connect: duration(connect_seconds),
            step: duration(step_seconds),
            run: duration(run_seconds),
        }
    }

    /// The deadlines of this machine's connections, where all others have these.
    pub(crate) fn deadlines(&self, others: Deadlines) -> Deadlines {
        Deadlines {
            connect: self.connect.unwrap_or(others.connect),
            ..others
        }
    }

    /// The limits of this machine's run, where all others have these.
    pub(crate) fn limits(&self, others: Limits) -> Limits {
        Limits {
            step: self.step.unwrap_or(others.step),
            run: self.run.unwrap_or(others.run),
            ..others
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_machine_does_not_say_is_as_for_all() {
        let own = Timeouts::new(&TimeoutsSpec {
            connect_seconds: None,
            step_seconds: Some(5),
            run_seconds: None,
        });
        assert_eq!(own.limits(Limits::default()).step, Duration::from_secs(5));
        assert_eq!(own.limits(Limits::default()).run, Limits::default().run);
        assert_eq!(own.deadlines(Deadlines::default()).connect, Deadlines::default().connect);
    }
}
