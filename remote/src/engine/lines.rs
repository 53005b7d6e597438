//! Bytes to lines, whatever a host sends.

use crate::event::MAX_LINE;

/// Puts lines together from pieces; keeps the first [`MAX_LINE`] bytes of each and counts them all.
#[derive(Debug, Default)]
pub(super) struct Lines {
    kept: Vec<u8>,
    length: u64,
}

/// One line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RawLine {
    /// Its beginning, without the newline.
    pub(super) bytes: Vec<u8>,
    /// How long it really was, with the newline.
    pub(super) length: u64,
}

impl Lines {
    /// Takes a piece; gives the lines that it completes.
    pub(super) fn push(&mut self, piece: &[u8]) -> Vec<RawLine> {
        let mut lines = Vec::new();
        for part in piece.split_inclusive(|byte| *byte == b'\n') {
            self.length += part.len() as u64;
            let (text, complete) = match part.split_last() {
                Some((b'\n', text)) => (text, true),
                _ => (part, false),
            };
            let room = MAX_LINE.saturating_sub(self.kept.len());
            self.kept.extend_from_slice(text.get(..room).unwrap_or(text));
            if complete {
                lines.push(RawLine {
                    bytes: std::mem::take(&mut self.kept),
                    length: std::mem::take(&mut self.length),
                });
            }
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_become_lines() {
        let mut lines = Lines::default();
        assert_eq!(
            lines.push(b"one\ntw"),
            [RawLine {
                bytes: b"one".to_vec(),
                length: 4
            }]
        );
        assert_eq!(
            lines.push(b"o\n\n"),
            [
                RawLine {
                    bytes: b"two".to_vec(),
                    length: 4
                },
                RawLine {
                    bytes: vec![],
                    length: 1
                }
            ]
        );
    }

    #[test]
    fn an_endless_line_costs_no_memory() {
        let mut lines = Lines::default();
        for _ in 0..100 {
            assert!(lines.push(&[b'x'; 10_000]).is_empty());
        }
        assert_eq!(lines.kept.len(), MAX_LINE);
        assert_eq!(lines.push(b"\n").first().map(|line| line.length), Some(1_000_001));
    }
}
