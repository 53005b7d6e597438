//! Two machines' files to lines that tell each difference: pure.

use std::collections::BTreeSet;

use crate::accounts;
use crate::snapshot::{Entry, Node, Snapshot};

/// Where a line tells cloud-init's version and the time.
const BY: &str = " by cloud-init v. ";

/// What cannot be the same on two machines.
pub(crate) struct Random {
    /// Users whose passwords get a salt, with the passwords; [`accounts::ANY`] for one that is random itself.
    pub(crate) passwords: Vec<(String, String)>,
    /// Files of which only the first word and the number of lines are the same.
    pub(crate) files: Vec<String>,
}

/// One of the two machines.
pub(crate) struct Side<'a> {
    /// Who applied the data, as the lines name it.
    pub(crate) name: &'a str,
    /// Its files before.
    pub(crate) before: Snapshot,
    /// Its files after.
    pub(crate) after: Snapshot,
    /// What is its own address, which says nothing.
    pub(crate) address: String,
}

impl Side<'_> {
    /// What is at this path afterwards. `untouched` tells what a machine like it has there that nobody has touched.
    fn entry(&self, path: &str, untouched: &dyn Fn(&str) -> Option<Entry>) -> Option<Entry> {
        match (self.after.get(path), self.before.contains_key(path)) {
            (Some(entry), _) => entry.clone(),
            (None, true) => None,
            (None, false) => untouched(path),
        }
    }

    fn is_unchanged(&self, path: &str) -> bool {
        self.after.get(path) == self.before.get(path)
    }
}

/// All differences between the two machines, in the order of their paths.
pub(crate) fn differences(sides: [&Side<'_>; 2], random: &Random, untouched: &dyn Fn(&str) -> Option<Entry>) -> Vec<String> {
    let paths: BTreeSet<&String> = sides
        .iter()
        .flat_map(|side| side.after.keys().chain(side.before.keys()))
        .collect();
    let mut lines = Vec::new();
    // What only one of the two has is told once, without all that is in it.
    let mut told: Vec<String> = Vec::new();
    for path in paths {
        let is_told = told.iter().any(|folder| path.starts_with(folder));
        if is_told || sides.iter().all(|side| side.is_unchanged(path)) {
            continue;
        }
        let [left, right] = sides.map(|side| side.entry(path, untouched));
        let [left_shown, right_shown] = [&left, &right].map(|entry| entry.as_ref().map_or_else(|| "nothing".to_owned(), shown));
        if left_shown != right_shown {
            lines.push(format!(
                "{path}: {left_shown} by {}, {right_shown} by {}",
                sides[0].name, sides[1].name
            ));
        }
        let (Some(left), Some(right)) = (left, right) else {
            told.push(format!("{path}/"));
            continue;
        };
        let [left, right] = [(left, sides[0]), (right, sides[1])].map(|(entry, side)| content(path, &entry, side, random));
        lines.extend(content_differences(path, &left, &right));
    }
    lines
}

fn shown(entry: &Entry) -> String {
    let Entry { node, mode, owner } = entry;
    match node {
        Node::File(_) => format!("file {mode:04o} {}:{}", owner.0, owner.1),
        Node::Link(target) => format!("link to {target}"),
        Node::Folder => format!("folder {mode:04o} {}:{}", owner.0, owner.1),
        Node::Special => format!("special file {mode:04o} {}:{}", owner.0, owner.1),
    }
}

/// A file's bytes without what cannot be the same.
fn content(path: &str, entry: &Entry, side: &Side<'_>, random: &Random) -> Vec<u8> {
    let Node::File(bytes) = &entry.node else {
        return Vec::new();
    };
    match std::str::from_utf8(bytes) {
        Ok(text) if accounts::FILES.contains(&path) => accounts::normalised(path, text, &random.passwords).into_bytes(),
        Ok(text) if random.files.iter().any(|file| file == path) => {
            let word = text.split_whitespace().next().unwrap_or_default();
            format!("{word} {}", text.lines().count()).into_bytes()
        }
        // cloud-init writes keys in no certain order.
        Ok(text) if path.ends_with("/.ssh/authorized_keys") => {
            let lines: BTreeSet<&str> = text.lines().collect();
            lines.into_iter().collect::<Vec<_>>().join("\n").into_bytes()
        }
        Ok(text) => {
            let lines = text
                .split('\n')
                .map(|line| line.split_once(BY).map_or(line, |(start, _)| start));
            lines
                .collect::<Vec<_>>()
                .join("\n")
                .replace(&side.address, "ADDRESS")
                .into_bytes()
        }
        Err(_) => bytes.clone(),
    }
}

/// Lines that only one of two texts has, `-` the first one's; or of what is no text, or has the same lines in another order, that
/// they differ.
fn content_differences(path: &str, left: &[u8], right: &[u8]) -> Vec<String> {
    if left == right {
        return Vec::new();
    }
    let differ = || vec![format!("{path}: {} and other {} bytes", left.len(), right.len())];
    let (Ok(left_text), Ok(right_text)) = (std::str::from_utf8(left), std::str::from_utf8(right)) else {
        return differ();
    };
    let lines = |text: &str, other: &str, sign: char| -> Vec<String> {
        let mut others: Vec<&str> = other.split('\n').collect();
        let mut only = Vec::new();
        for line in text.split('\n') {
            match others.iter().position(|other| *other == line) {
                Some(at) => drop(others.swap_remove(at)),
                None => only.push(format!("{path} {sign} {}", visible(line))),
            }
        }
        only
    };
    let all = [lines(left_text, right_text, '-'), lines(right_text, left_text, '+')].concat();
    if all.is_empty() { differ() } else { all }
}

/// A line with its control characters as Rust writes them.
fn visible(line: &str) -> String {
    line.chars().fold(String::new(), |text, char| {
        if char.is_control() {
            text + &char.escape_default().to_string()
        } else {
            text + char.encode_utf8(&mut [0; 4])
        }
    })
}

#[test]
fn lines_of_one_side_are_told() {
    assert_eq!(content_differences("/f", b"a\nb\n", b"b\nc\n"), ["/f - a", "/f + c"]);
    assert_eq!(content_differences("/f", b"a\nb\n", b"b\na\n"), ["/f: 4 and other 4 bytes"]);
    assert_eq!(content_differences("/f", b"a", b"a\n"), ["/f + "]);
    assert_eq!(content_differences("/f", b"\xff", b"a"), ["/f: 1 and other 1 bytes"]);
}
