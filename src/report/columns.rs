//! Texts in columns, and lines that are not too long: pure.

/// The most characters of a line that is meant for people.
pub(crate) const WIDTH: usize = 80;

/// Rows as lines: each column as wide as its widest cell, two blanks between.
pub(crate) fn aligned<const COLUMNS: usize>(rows: &[[String; COLUMNS]]) -> Vec<String> {
    let mut widths = [0; COLUMNS];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    rows.iter()
        .map(|row| {
            let cells: Vec<_> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
            cells.join("  ").trim_end().to_owned()
        })
        .collect()
}

/// A text in lines of at most [`WIDTH`] characters, broken between words; the first begins with `first`, the others are indented
/// as far. A word that is longer has a line of its own.
pub(crate) fn wrapped(first: &str, text: &str) -> Vec<String> {
    let indent = " ".repeat(first.chars().count());
    let (mut lines, mut line, mut is_empty) = (Vec::new(), first.to_owned(), true);
    for word in text.split_whitespace() {
        if !is_empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
            lines.push(std::mem::replace(&mut line, indent.clone()));
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line.push_str(word);
        is_empty = false;
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_they_must_be() {
        let row = |cells: [&str; 3]| cells.map(str::to_owned);
        let rows = [row(["A", "LONG", "C"]), row(["ä long name", "x", ""])];
        assert_eq!(aligned(&rows), ["A            LONG  C", "ä long name  x"]);
    }

    #[test]
    fn no_line_is_too_long_but_for_a_word() {
        let lines = wrapped("  key  ", &"word ".repeat(40));
        assert!(
            lines.len() > 2 && lines.iter().all(|line| line.chars().count() <= WIDTH),
            "{lines:?}"
        );
        assert!(lines.iter().skip(1).all(|line| line.starts_with("       word")));
        let long = "x".repeat(100);
        assert_eq!(
            wrapped("  ", &format!("a {long} b")),
            ["  a".to_owned(), format!("  {long}"), "  b".to_owned()]
        );
        assert_eq!(wrapped("  key", ""), ["  key"]);
    }
}
