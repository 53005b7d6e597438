//! When a chunk of data may arrive, given the delay and the bandwidth. Pure.

use std::time::Duration;
use tokio::time::Instant;

/// The bandwidth of one direction of one connection.
#[derive(Debug)]
pub(super) struct Pace {
    bytes_per_second: Option<u64>,
    line_free_at: Option<Instant>,
}

impl Pace {
    pub(super) fn new(bytes_per_second: Option<u64>) -> Self {
        Self {
            bytes_per_second: bytes_per_second.map(|rate| rate.max(1)),
            line_free_at: None,
        }
    }

    /// The most bytes to send at once: what the line carries in about 20 ms, so that a slow line does not jump.
    pub(super) fn piece(&self) -> usize {
        self.bytes_per_second
            .map_or(usize::MAX, |rate| usize::try_from(rate / 50).unwrap_or(usize::MAX).max(1))
    }

    /// When a piece that is there at `ready` has gone through the line.
    pub(super) fn through_at(&mut self, ready: Instant, bytes: usize) -> Instant {
        let Some(rate) = self.bytes_per_second else { return ready };
        let nanoseconds = (bytes as u64).saturating_mul(1_000_000_000) / rate;
        let start = self.line_free_at.map_or(ready, |free| free.max(ready));
        let end = start + Duration::from_nanos(nanoseconds);
        self.line_free_at = Some(end);
        end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_queue_up_on_a_slow_line() {
        let now = Instant::now();
        let mut pace = Pace::new(Some(1000));
        assert_eq!(pace.through_at(now, 100) - now, Duration::from_millis(100));
        assert_eq!(pace.through_at(now, 100) - now, Duration::from_millis(200));
        assert_eq!(pace.piece(), 20);
    }

    #[test]
    fn a_line_without_limit_takes_no_time() {
        let now = Instant::now();
        assert_eq!(Pace::new(None).through_at(now, 1 << 20), now);
    }
}
