//! How far a clock is off, when all that is known is when it was asked: pure.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// When a question was on its way, by our clock: the answer was made at some time between the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Before the first byte of the question was sent.
    pub asked: SystemTime,
    /// After the last byte of the answer came.
    pub answered: SystemTime,
}

impl Moment {
    /// A question asked then, and answered now.
    #[must_use]
    pub fn since(asked: SystemTime) -> Self {
        Self {
            asked,
            answered: SystemTime::now(),
        }
    }
}

/// How far a machine's clock is from ours, with the time that the question and the answer took taken off.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Skew {
    /// By how many seconds the machine is surely ahead of us, or (negative) behind; zero if the two may well agree.
    pub seconds: f64,
    /// How much more it may be, in seconds: what the question and the answer took, and the second that the answer is rounded to.
    pub within: f64,
}

impl Skew {
    /// From a clock's answer in whole seconds since 1970, rounded down.
    #[must_use]
    pub fn of(clock: i64, moment: Moment) -> Self {
        let (asked, answered) = (seconds(moment.asked), seconds(moment.answered));
        // Our own clock may have been set back meanwhile.
        let answered = answered.max(asked);
        #[allow(clippy::cast_precision_loss)] // a clock that is 2^53 seconds off may be off by one more
        let clock = clock as f64;
        let (least, most) = (clock - answered, clock + 1.0 - asked);
        let seconds = if least > 0.0 {
            least
        } else if most < 0.0 {
            most
        } else {
            0.0
        };
        Self {
            seconds: hundredths(seconds),
            within: hundredths(most - least),
        }
    }
}

/// Seconds since 1970; negative before.
fn seconds(time: SystemTime) -> f64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => after.as_secs_f64(),
        Err(before) => -before.duration().as_secs_f64(),
    }
}

fn hundredths(seconds: f64) -> f64 {
    (seconds * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_took_time_is_no_skew() {
        let at = |hundredths: u64| UNIX_EPOCH + Duration::from_millis(hundredths * 10);
        for (clock, asked, answered, seconds, within) in [
            // The same second.
            (1000, 100_010, 100_020, 0.0, 1.1),
            // Half a minute under way, either end.
            (1000, 100_000, 103_000, 0.0, 31.0),
            (1030, 100_000, 103_000, 0.0, 31.0),
            (1100, 100_000, 100_050, 99.5, 1.5),
            (900, 100_000, 100_050, -99.0, 1.5),
            (-5, 100_000, 100_050, -1004.0, 1.5),
            // Our own clock was set back while we waited.
            (1000, 100_050, 90_000, 0.0, 1.0),
        ] {
            let moment = Moment {
                asked: at(asked),
                answered: at(answered),
            };
            assert_eq!(Skew::of(clock, moment), Skew { seconds, within }, "{clock} {moment:?}");
        }
    }
}
