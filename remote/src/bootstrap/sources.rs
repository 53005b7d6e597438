//! Where a line comes from when bootstrap data has several parts: [`Sources`].

/// The texts that bootstrap data is made of, with all their lines counted through: the lines of the second text follow those of the
/// first. So one line number is enough for a place in any of them; [`Sources::place`] says which it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sources {
    texts: Vec<Text>,
    lines: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Text {
    name: String,
    /// How many lines stand before it.
    before: usize,
}

impl Sources {
    /// One more text. Says how many lines stand before it.
    pub(super) fn add(&mut self, name: &str, text: &str) -> usize {
        let before = self.lines;
        self.texts.push(Text {
            name: name.to_owned(),
            before,
        });
        self.lines = self.lines.saturating_add(text.matches('\n').count()).saturating_add(1);
        before
    }

    /// How many lines there are so far.
    pub(super) fn lines(&self) -> usize {
        self.lines
    }

    /// Which text a line (from 1) is in, and its number there (from 1).
    #[must_use]
    pub fn place(&self, line: usize) -> (&str, usize) {
        match self.texts.iter().rev().find(|text| text.before < line) {
            Some(text) => (&text.name, line.saturating_sub(text.before)),
            None => ("", line),
        }
    }

    /// The part that a line is in, in short, unless it is in the first text.
    #[must_use]
    pub fn part(&self, line: usize) -> Option<&str> {
        let first = &self.texts.first()?.name;
        let (name, _) = self.place(line);
        let short = name
            .strip_prefix(first.as_str())
            .map(|rest| rest.trim_start_matches([',', ' ']));
        Some(short.unwrap_or(name)).filter(|part| !part.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::Sources;

    #[test]
    fn lines_are_counted_through() {
        let mut sources = Sources::default();
        assert_eq!(sources.add("a", "1\n2"), 0);
        assert_eq!(sources.add("b", "3\n"), 2);
        assert_eq!(sources.place(2), ("a", 2));
        assert_eq!(sources.place(3), ("b", 1));
        assert_eq!((sources.part(2), sources.part(3)), (None, Some("b")));
        sources.add("a, setup.sh", "4");
        assert_eq!(sources.part(5), Some("setup.sh"));
    }
}
