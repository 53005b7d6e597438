//! What people see: `kubectl get`, `get -o wide` and `explain`, as golden text. `UPDATE_GOLDEN=1` rewrites it.

use std::path::{Path, PathBuf};

use crds::KINDS;
use crds::definition::Version;
use testbed::ControlPlane;

use crate::api;

/// What `kubectl get` shows of all objects in the default namespace, in both versions: one cell a line, as the widths of columns
/// hang on the ages.
pub(crate) fn check(plane: &ControlPlane, name: &str) {
    let mut text = String::new();
    for definition in KINDS {
        for version in Version::ALL {
            let resource = format!("{}.{}.{}", definition.plural, version.name(), definition.group);
            for wide in [&[][..], &["-o", "wide"]] {
                text.push_str(&format!(
                    "$ {}\n",
                    ["kubectl get", &resource]
                        .into_iter()
                        .chain(wide.iter().copied())
                        .collect::<Vec<_>>()
                        .join(" ")
                ));
                let table = plane.kubectl(&[&["get", &resource], wide].concat()).unwrap();
                text.push_str(&cells(&table));
            }
        }
    }
    compare(&format!("get-{name}.txt"), &text);
}

/// The cells of a table, whose columns begin where their headings do.
fn cells(table: &str) -> String {
    let mut lines = table.lines();
    let heading = lines.next().unwrap_or_default();
    let mut columns = vec![0];
    let bytes = heading.as_bytes();
    columns.extend((3..bytes.len()).filter(|at| bytes[*at] != b' ' && bytes[at - 3..*at] == *b"   "));
    let cell = |line: &str, index: usize| {
        let end = columns.get(index + 1).copied().unwrap_or(line.len()).min(line.len());
        line.get(columns[index].min(end)..end).unwrap_or_default().trim().to_owned()
    };
    let mut text = String::new();
    for line in lines {
        for index in 0..columns.len() {
            let name = cell(heading, index);
            let value = match (name.as_str(), cell(line, index)) {
                ("AGE" | "SINCE", value) if value.starts_with(|c: char| c.is_ascii_digit()) => "(time)".to_owned(),
                (_, value) => value,
            };
            text.push_str(format!("{}{name}: {value}", if index == 0 { "- " } else { "  " }).trim_end());
            text.push('\n');
        }
    }
    text
}

#[test]
fn every_kind_is_explained() {
    let plane = api().plane;
    for definition in KINDS {
        let mut text = String::new();
        let (plural, spec) = (definition.plural, format!("{}.spec", definition.plural));
        let newer = Version::V1Beta2;
        for (version, what) in [
            (newer, &[plural][..]),
            (newer, &[&spec]),
            (newer, &[plural, "--recursive"]),
            (Version::V1Beta1, &[plural, "--recursive"]),
        ] {
            let version = format!("--api-version={}", definition.api_version(version));
            let arguments = [&["explain"], what, &[&version]].concat();
            text.push_str(&format!("$ kubectl {}\n", arguments.join(" ")));
            text.push_str(&ours(&plane.kubectl(&arguments).unwrap()));
        }
        compare(&format!("explain/{}.{}.txt", definition.plural, definition.group), &text);
    }
}

/// Without what is below the fields of Kubernetes' own types, which is Kubernetes' to explain.
fn ours(explained: &str) -> String {
    let theirs = || include_str!("../../crds/tests/foreign.txt").lines();
    let depth = |line: &str| line.len() - line.trim_start().len();
    let (mut text, mut hidden) = (String::new(), None);
    for line in explained.lines() {
        if line.trim().is_empty() || hidden.is_some_and(|at| depth(line) <= at) {
            hidden = None;
        }
        if hidden.is_some() {
            continue;
        }
        text.push_str(line.trim_end());
        text.push('\n');
        if theirs().any(|name| line.trim_start().starts_with(&format!("{name}\t"))) {
            hidden = Some(depth(line));
        }
    }
    text
}

fn compare(name: &str, text: &str) {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/api/golden").join(name);
    let text: String = text.lines().map(|line| format!("{}\n", line.trim_end())).collect();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        return std::fs::write(path, text).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    let different = expected.lines().zip(text.lines()).position(|(one, other)| one != other);
    assert!(
        expected == text,
        "{name} differs at line {:?}: run `make golden` and look at the difference",
        different.map(|at| at + 1)
    );
}
