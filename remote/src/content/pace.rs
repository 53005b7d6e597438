//! Whether compressing pays on this connection: pure.

use std::time::Duration;

use super::Form;

/// So much goes into the buffers between here and the host (OpenSSH's window), and until they have been filled with one form, how long
/// it takes tells of the form before.
const BUFFERED: u64 = 2 << 20;

/// After so many bytes in one form the other one is tried again: links change.
const AGAIN: u64 = 256 << 20;

/// Seconds for a byte, from which on it is the link that takes so long: any host unpacks 20 MB in a second.
const SLOW: f64 = 50e-9;

/// How much the latest block counts.
const LATEST: f64 = 0.3;

/// How much faster the other form has to be.
const MARGIN: f64 = 0.9;

/// Decides how a content is sent, from what a byte of it took in either form so far. That is all there is to know: it does not matter
/// whether the link, compressing here or unpacking there is what takes longest.
#[derive(Clone, Debug)]
pub struct Pace {
    compressible: bool,
    /// Seconds for a byte of the content.
    plain: Option<f64>,
    gzip: Option<f64>,
    /// The form of the last blocks.
    form: Form,
    /// Bytes of the content that they stood for, and bytes as which they were sent.
    row: (u64, u64),
}

impl Pace {
    /// For a content that gets smaller, or one that does not.
    #[must_use]
    pub fn new(compressible: bool) -> Self {
        Self {
            compressible,
            plain: None,
            gzip: None,
            form: Form::Gzip,
            row: (0, 0),
        }
    }

    /// How the next block is sent.
    #[must_use]
    pub fn form(&self) -> Form {
        if !self.compressible {
            return Form::Plain;
        }
        match (self.plain, self.gzip) {
            (_, None) => Form::Gzip,
            (None, Some(gzip)) if gzip > SLOW => Form::Gzip,
            (None, Some(_)) => Form::Plain,
            (Some(plain), Some(gzip)) => match self.form {
                Form::Plain if gzip < MARGIN * plain => Form::Gzip,
                Form::Plain => Form::Plain,
                Form::Gzip if plain < MARGIN * gzip => Form::Plain,
                Form::Gzip => Form::Gzip,
            },
        }
    }

    /// A block was sent: `length` bytes of the content as `sent` bytes, which took so long from the end of the block before.
    pub fn observe(&mut self, form: Form, length: usize, sent: usize, took: Duration) {
        if self.form != form {
            (self.form, self.row) = (form, (0, 0));
        }
        let had = self.row.1;
        self.row.0 = self.row.0.saturating_add(length as u64);
        self.row.1 = had.saturating_add(sent as u64);
        if had < BUFFERED {
            return;
        }
        let (this, other) = match form {
            Form::Plain => (&mut self.plain, &mut self.gzip),
            Form::Gzip => (&mut self.gzip, &mut self.plain),
        };
        let now = took.as_secs_f64() / length.max(1) as f64;
        *this = Some(this.map_or(now, |before| before + LATEST * (now - before)));
        if self.row.0 > AGAIN {
            *other = None;
            self.row.0 = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    /// The part of a thousand blocks of 1 MiB that is sent compressed, when that leaves a third, compressing or unpacking takes
    /// 5 ms, and the wire has this speed.
    fn compressed(compressible: bool, wire_bytes_per_ms: usize) -> f64 {
        let mut pace = Pace::new(compressible);
        let mut count = 0;
        for _ in 0..1000 {
            let form = pace.form();
            let (sent, packing) = match form {
                Form::Plain => (MIB, 0),
                Form::Gzip => {
                    count += 1;
                    (MIB / 3, 5_000)
                }
            };
            let sending = (sent * 1000 / wire_bytes_per_ms) as u64;
            pace.observe(form, MIB, sent, Duration::from_micros(sending.max(packing)));
        }
        f64::from(count) / 1000.0
    }

    #[test]
    fn a_slow_wire_gets_gzip_and_a_fast_one_does_not() {
        for (compressible, wire, from, to) in [
            (true, 1_000, 0.95, 1.0),
            (true, 40_000, 0.95, 1.0),
            (true, 500_000, 0.0, 0.05),
            (false, 1_000, 0.0, 0.0),
            (false, 500_000, 0.0, 0.0),
        ] {
            let part = compressed(compressible, wire);
            assert!((from..=to).contains(&part), "{wire} bytes per ms: {part}");
        }
    }

    #[test]
    fn a_wire_that_becomes_slow_is_noticed() {
        let mut pace = Pace::new(true);
        let mut send = |plain_ms: u64| {
            let form = pace.form();
            let took = if form == Form::Plain { plain_ms } else { 5 };
            pace.observe(form, MIB, MIB, Duration::from_millis(took));
            form
        };
        let fast: Vec<_> = (0..50).map(|_| send(1)).collect();
        assert_eq!(fast.last(), Some(&Form::Plain));
        let slow: Vec<_> = (0..400).map(|_| send(100)).collect();
        assert_eq!(slow.last(), Some(&Form::Gzip));
    }
}
