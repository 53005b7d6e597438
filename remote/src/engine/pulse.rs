//! When to ask a program that repeats the journal whether all is well: pure, told the time.
//!
//! Nothing on the host has to keep the time for that. The answer, `alive`, tells a silent step from a dead connection, and a run that
//! is no longer there is told within a second or two. While the journal goes on nothing is asked, so no round trip is added.

use std::time::Duration;

use tokio::time::Instant;

use crate::event::Line;

/// After how much silence it is asked, for the first [`OFTEN`] times.
const SOON: Duration = Duration::from_secs(1);

/// How many times it is asked that soon: a run that was lost is mostly lost at once.
const OFTEN: u32 = 5;

/// After how much silence it is asked from then on.
const LATER: Duration = Duration::from_secs(5);

/// When the host is asked next, if at all.
#[derive(Debug, Default)]
pub(super) struct Pulse {
    next: Option<Instant>,
    asked: u32,
}

impl Pulse {
    /// The host has said this. It is asked only once it repeats the journal.
    pub(super) fn hear(&mut self, line: &Line, now: Instant) {
        let begins = match line {
            Line::Follow { .. } => true,
            Line::Journal(_) => self.next.is_some(),
            Line::Hello { .. }
            | Line::Owned(_)
            | Line::Owner(_)
            | Line::Held(_)
            | Line::Done(_)
            | Line::Clean
            | Line::Want(_)
            | Line::Send { .. }
            | Line::Got(_)
            | Line::Bad(_)
            | Line::Alive
            | Line::Lost(_)
            | Line::Fail { .. }
            | Line::Fact { .. }
            | Line::Foreign { .. }
            | Line::Noise => false,
        };
        if begins {
            (self.next, self.asked) = (Some(now + SOON), 0);
        }
    }

    /// Returns when it is time to ask; never, while the host does not repeat the journal.
    pub(super) async fn next(&self) {
        match self.next {
            Some(next) => tokio::time::sleep_until(next).await,
            None => std::future::pending().await,
        }
    }

    /// It is being asked.
    pub(super) fn ask(&mut self, now: Instant) {
        self.asked = self.asked.saturating_add(1);
        self.next = Some(now + if self.asked < OFTEN { SOON } else { LATER });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn follow() -> Line {
        Line::parse(b"follow 1.a 0")
    }

    #[test]
    fn who_repeats_the_journal_is_asked_soon_and_later_less_often() {
        let mut now = Instant::now();
        let mut pulse = Pulse::default();
        pulse.hear(&Line::parse(b"begin 1 0123456789abcdef 1.00 a"), now);
        assert_eq!(pulse.next, None);
        pulse.hear(&follow(), now);
        let mut after = Vec::new();
        for _ in 0..7 {
            let next = pulse.next.unwrap_or(now);
            after.push((next - now).as_secs());
            now = next;
            pulse.ask(now);
            pulse.hear(&Line::Alive, now);
        }
        assert_eq!(after, [1, 1, 1, 1, 1, 5, 5]);
    }

    #[test]
    fn what_the_journal_says_puts_it_off() {
        let now = Instant::now();
        let mut pulse = Pulse::default();
        pulse.hear(&follow(), now);
        let later = now + Duration::from_millis(900);
        pulse.hear(&Line::parse(b"begin 1 0123456789abcdef 1.00 a"), later);
        assert_eq!(pulse.next, Some(later + SOON));
    }
}
