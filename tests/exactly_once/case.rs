//! Which faults there are, and when they strike.

use std::fmt;

/// What happens to a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// The connection is reset.
    Reset,
    /// Nothing goes through the connection for a while, in neither direction: see [`Partition`].
    Partition,
    /// The engine is killed (SIGKILL).
    Engine,
    /// The SSH server is killed, the processes that serve connections and the one that listens.
    Sshd,
    /// The detached half of the program on the machine is killed (SIGKILL).
    Supervisor,
    /// The machine loses its power and is booted again.
    Reboot,
    /// The machine's disk becomes full; later there is space again.
    DiskFull,
}

impl Fault {
    pub(crate) const ALL: [Self; 7] = [
        Self::Reset,
        Self::Partition,
        Self::Engine,
        Self::Sshd,
        Self::Supervisor,
        Self::Reboot,
        Self::DiskFull,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Reset => "connection reset",
            Self::Partition => "partition",
            Self::Engine => "engine killed",
            Self::Sshd => "sshd killed",
            Self::Supervisor => "supervisor killed",
            Self::Reboot => "machine rebooted",
            Self::DiskFull => "disk full",
        }
    }
}

/// When it happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Moment {
    /// The step before has ended, this one has not begun; for the first one: the run has begun.
    Before,
    /// A command has had its effect and has not ended; a file's content is complete and is not in its place.
    Middle,
}

impl Moment {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::Middle => "middle",
        }
    }
}

/// How long a partition is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Partition {
    /// Until the run has ended on the machine: shorter than the engine's patience, so the same connection goes on.
    Shorter,
    /// Until the engine has given the connection up. Its patience is 6 s here, the least that can be asked for.
    Longer,
    /// 20 s on the clock, with the engine's own patience.
    TwentySeconds,
}

/// One fault at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Case {
    /// From 1 to 12.
    pub(crate) step: usize,
    pub(crate) moment: Moment,
    pub(crate) fault: Fault,
}

impl Case {
    /// All of them, those that take long first.
    pub(crate) fn all() -> Vec<Self> {
        let of =
            |fault| (1..=12).flat_map(move |step| [Moment::Before, Moment::Middle].map(|moment| Self { step, moment, fault }));
        let mut cases: Vec<_> = Fault::ALL.into_iter().flat_map(of).collect();
        cases.sort_by_key(|case| (case.fault != Fault::Partition, case.partition() != Partition::TwentySeconds));
        cases
    }

    pub(crate) fn partition(self) -> Partition {
        match (self.step, self.moment) {
            (7, Moment::Middle) => Partition::TwentySeconds,
            (step, _) if step % 2 == 1 => Partition::Shorter,
            (_, _) => Partition::Longer,
        }
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {} step {}", self.fault.name(), self.moment.name(), self.step)
    }
}
