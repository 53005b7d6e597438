//! The only place that writes to standard output and standard error.

use std::io::Write;

/// Text as a terminal can be given it, line by line. What hosts say was made so when it was read; this is for what was overlooked.
fn neutral(text: &str) -> String {
    let shown = |c| {
        if matches!(c, '\n' | '\t') {
            c
        } else {
            remote::event::shown(c)
        }
    };
    text.chars().map(shown).collect()
}

/// A text of perhaps several lines, all but the first of which stand in from the margin: no line of it can be taken for one about
/// something else.
pub(crate) fn hanging(text: &str) -> String {
    let mut lines = text.split('\n');
    let mut hanging = lines.next().unwrap_or_default().to_owned();
    for line in lines {
        hanging.push_str(if line.starts_with("  ") { "\n" } else { "\n  | " });
        hanging.push_str(line);
    }
    hanging
}

/// One line to standard output. When nobody reads it any more, that is no reason to stop.
pub(crate) fn line(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{}", neutral(text));
}

/// Bytes to standard output.
pub(crate) fn bytes(bytes: &[u8]) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(bytes).and_then(|()| out.flush());
}

/// One line to standard error.
pub(crate) fn complain(text: &str) {
    let mut out = std::io::stderr().lock();
    let _ = writeln!(out, "{}", neutral(text));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_reaches_a_terminal_that_it_would_obey() {
        for (text, shown) in [
            ("a\tb\nc", "a\tb\nc"),
            ("\u{1b}[2J\u{9b}2J\u{7}\r\u{8}", "?[2J?2J???"),
            ("\u{202e}abc\u{2066}", "?abc?"),
            ("Zürich 東京", "Zürich 東京"),
        ] {
            assert_eq!(neutral(text), shown);
        }
    }

    #[test]
    fn no_line_looks_like_one_about_another_machine() {
        for (text, shown) in [
            ("one", "one"),
            ("failed: x\n  | y\n  | z", "failed: x\n  | y\n  | z"),
            ("lost\nnode-2  provisioned", "lost\n  | node-2  provisioned"),
        ] {
            assert_eq!(hanging(text), shown);
        }
    }
}
