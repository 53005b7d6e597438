//! When a quarantined host is tried again.

use std::time::{Duration, SystemTime};

/// Waits that double from attempt to attempt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Retry {
    /// The wait after the first attempt.
    pub first: Duration,
    /// The longest wait.
    pub longest: Duration,
}

impl Default for Retry {
    /// One minute at first, as a machine needs to boot; one hour at most, so that a machine that comes back is used on the same day.
    fn default() -> Self {
        Self {
            first: Duration::from_secs(60),
            longest: Duration::from_secs(3600),
        }
    }
}

impl Retry {
    /// When to try again after this attempt ended (the first is 1). None if that is beyond all time.
    pub fn after(&self, attempt: u32, ended: SystemTime) -> Option<SystemTime> {
        let doubled = 1_u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX);
        ended.checked_add(self.first.saturating_mul(doubled).min(self.longest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_the_longest() {
        let waits: Vec<u64> = [1, 2, 3, 7, 8, 40, u32::MAX]
            .map(|attempt| Retry::default().after(attempt, SystemTime::UNIX_EPOCH).unwrap())
            .map(|at| at.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs())
            .into();
        assert_eq!(waits, [60, 120, 240, 3600, 3600, 3600, 3600]);
    }
}
