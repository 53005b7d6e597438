//! What is done with any bytes at all, to see that they do no harm: no panic, no endless work, no memory without a bound, and a few
//! things that hold whatever comes in. `fuzz/` calls these with bytes that it looks for; the test below with those that it found.
//!
//! Left out are templates: they are programs, and what bounds those is the process that they run in ([`crate::sandbox`]).

use crate::{bootstrap, engine, ssh, yaml};

/// Something that reads what others wrote.
pub type Target = fn(&[u8]);

/// All of them, by the names of their programs and of the folders of their corpora.
pub const TARGETS: [(&str, Target); 8] = [
    ("yaml", yaml),
    ("user_data", bootstrap::fuzzing::user_data),
    ("words", bootstrap::fuzzing::words),
    ("run", engine::fuzzing::run),
    ("answer", engine::fuzzing::answer),
    ("sudo", engine::fuzzing::sudo),
    ("known_hosts", ssh::fuzzing::known_hosts),
    ("keys", ssh::fuzzing::keys),
];

/// Does with the bytes what the target of that name does; nothing if there is none.
pub fn run(name: &str, data: &[u8]) {
    let target = TARGETS.iter().find(|(known, _)| *known == name);
    if let Some((_, target)) = target {
        target(data);
    }
}

/// A text that is shown to people has nothing in it that a terminal would obey.
pub(crate) fn assert_shown(text: &str) {
    let odd = text.chars().find(|c| *c != '\n' && crate::event::shown(*c) != *c);
    assert!(odd.is_none(), "{odd:?} in {text:?}");
}

/// A YAML text: the tree, its typing in both ways, and the bounds that it promises.
fn yaml(data: &[u8]) {
    match yaml::parse(&String::from_utf8_lossy(data), "fuzz") {
        Ok(documents) => {
            let mut left = yaml::MAX_NODES;
            for document in &documents {
                walk(&document.root, yaml::MAX_DEPTH, &mut left);
                let _ = document.root.to_json();
            }
        }
        Err(error) => assert_shown(&error.to_string()),
    }
}

fn walk(node: &yaml::Node, depth: usize, left: &mut usize) {
    assert!(depth > 0, "deeper than it may be");
    assert!(*left > 0, "more nodes than there may be");
    *left -= 1;
    let _ = node.resolved();
    for item in node.items().unwrap_or_default() {
        walk(item, depth - 1, left);
    }
    for (key, value) in node.entries().unwrap_or_default() {
        walk(key, depth - 1, left);
        walk(value, depth - 1, left);
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn nothing_that_was_found_does_any_harm() {
        let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
        for (name, target) in TARGETS {
            let mut count = 0;
            for entry in std::fs::read_dir(corpora.join(name)).unwrap() {
                let data = std::fs::read(entry.unwrap().path()).unwrap();
                target(&data);
                // Cut and torn anywhere: what a host that dies, or a disk that is full, leaves.
                for at in (0..data.len()).step_by(data.len() / 8 + 1) {
                    let (start, end) = data.split_at(at);
                    target(start);
                    target(end);
                    target(&[end, start].concat());
                }
                count += 1;
            }
            assert!(count > 0, "{name} has no corpus");
        }
    }

    #[test]
    fn each_target_is_a_program_and_has_a_corpus() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
        let names = |below: &str| {
            let entries = std::fs::read_dir(folder.join(below)).unwrap();
            let mut names: Vec<_> = entries
                .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
                .collect();
            names.sort();
            names
        };
        let mut targets: Vec<_> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
        targets.sort();
        assert_eq!(names("fuzz_targets"), targets);
        assert_eq!(names("corpus"), targets);
    }
}
