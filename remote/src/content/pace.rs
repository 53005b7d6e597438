//! Whether compressing keeps up with the wire: pure.

use std::time::Duration;

use super::Form;

/// So much goes into the buffers between here and the host, and tells nothing about the wire: OpenSSH's window.
const BUFFERED: u64 = 2 << 20;

/// How much the latest block counts.
const LATEST: f64 = 0.3;

/// How much faster the other form has to be.
const MARGIN: f64 = 0.9;

/// Decides block by block how a content is sent: plain on a fast wire, where compressing would be what takes longest, and
/// compressed on a slow one.
#[derive(Clone, Debug)]
pub struct Pace {
    compressible: bool,
    sent: u64,
    /// Seconds for a byte on the wire.
    wire: Option<f64>,
    /// Seconds for compressing a byte.
    packing: Option<f64>,
    /// What is left of a byte.
    ratio: f64,
}

impl Pace {
    /// For a content that gets smaller, or one that does not.
    #[must_use]
    pub fn new(compressible: bool) -> Self {
        Self {
            compressible,
            sent: 0,
            wire: None,
            packing: None,
            ratio: 1.0,
        }
    }

    /// How the next block is sent.
    #[must_use]
    pub fn form(&self) -> Form {
        let (Some(wire), Some(packing)) = (self.wire, self.packing) else {
            return if self.compressible { Form::Gzip } else { Form::Plain };
        };
        if packing + self.ratio * wire < MARGIN * wire {
            Form::Gzip
        } else {
            Form::Plain
        }
    }

    /// A block was sent: `length` bytes of the content as `sent` bytes, which took so long to compress and so long to send.
    pub fn observe(&mut self, form: Form, length: usize, sent: usize, packing: Duration, sending: Duration) {
        let mean = |before: Option<f64>, now: f64| before.map_or(now, |before| before + LATEST * (now - before));
        if form == Form::Gzip && length > 0 {
            self.packing = Some(mean(self.packing, packing.as_secs_f64() / length as f64));
            self.ratio = sent as f64 / length as f64;
        }
        if self.sent >= BUFFERED && sent > 0 {
            self.wire = Some(mean(self.wire, sending.as_secs_f64() / sent as f64));
        }
        self.sent = self.sent.saturating_add(sent as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    /// The forms of the last ten of a hundred blocks, when compressing leaves a third and takes 5 ms, and the wire has this speed.
    fn settled(compressible: bool, wire_bytes_per_ms: usize) -> Vec<Form> {
        let mut pace = Pace::new(compressible);
        let forms: Vec<_> = (0..100)
            .map(|_| {
                let form = pace.form();
                let (sent, packing) = match form {
                    Form::Plain => (MIB, 0),
                    Form::Gzip => (MIB / 3, 5),
                };
                let sending = Duration::from_micros((sent * 1000 / wire_bytes_per_ms) as u64);
                pace.observe(form, MIB, sent, Duration::from_millis(packing), sending);
                form
            })
            .collect();
        forms.into_iter().skip(90).collect()
    }

    #[test]
    fn a_slow_wire_gets_gzip_and_a_fast_one_does_not() {
        for (compressible, wire, form) in [
            (true, 1_000, Form::Gzip),
            (true, 40_000, Form::Gzip),
            (true, 500_000, Form::Plain),
            (false, 1_000, Form::Plain),
            (false, 500_000, Form::Plain),
        ] {
            assert_eq!(settled(compressible, wire), [form; 10], "{wire} bytes per ms");
        }
    }

    #[test]
    fn nothing_is_known_until_the_buffers_are_full() {
        let mut pace = Pace::new(true);
        pace.observe(Form::Gzip, MIB, MIB / 3, Duration::from_millis(5), Duration::ZERO);
        assert_eq!(pace.form(), Form::Gzip);
    }
}
