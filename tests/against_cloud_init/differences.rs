//! A case's `differences.md`: paragraphs that give a reason, each followed by the differences that it explains, indented.

use crate::case::Case;

/// What `UPDATE_GOLDEN=1` writes before differences that have no reason yet, and no case may have.
const NO_REASON: &str = "REASON?";

/// A reason and what it explains.
pub(crate) struct Explained {
    pub(crate) reason: String,
    pub(crate) lines: Vec<String>,
}

/// The parts of a `differences.md`.
pub(crate) fn read(text: &str) -> Vec<Explained> {
    let mut all: Vec<Explained> = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        match (line.strip_prefix("    "), all.last_mut()) {
            (Some(line), Some(last)) => last.lines.push(line.to_owned()),
            (None, Some(last)) if last.lines.is_empty() => {
                last.reason.push(' ');
                last.reason.push_str(line);
            }
            (line_of, _) => all.push(Explained {
                reason: line_of.map_or(line, |_| NO_REASON).to_owned(),
                lines: line_of.map(str::to_owned).into_iter().collect(),
            }),
        }
    }
    all
}

/// Whether these are the differences that the case expects, each with a reason. With `UPDATE_GOLDEN`, the case expects them from
/// now on.
pub(crate) fn check(case: &Case, seen: &[String]) -> Result<(), String> {
    let mut expected = read(&case.differences());
    let known: Vec<&String> = expected.iter().flat_map(|explained| &explained.lines).collect();
    let new: Vec<String> = seen.iter().filter(|line| !known.contains(line)).cloned().collect();
    let gone: Vec<String> = known.into_iter().filter(|line| !seen.contains(line)).cloned().collect();
    let unexplained = expected.iter().any(|explained| explained.reason == NO_REASON);
    if new.is_empty() && gone.is_empty() && !unexplained {
        return Ok(());
    }
    let lines = |sign: &str, lines: &[String]| {
        lines
            .iter()
            .fold(String::new(), |text, line| format!("{text}  {sign}: {line}\n"))
    };
    let failure = format!(
        "{}{}{}",
        lines("not expected", &new),
        lines("expected, and not there", &gone),
        if unexplained {
            "  a difference without a reason\n"
        } else {
            ""
        }
    );
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        for explained in &mut expected {
            explained.lines.retain(|line| !gone.contains(line));
        }
        if !new.is_empty() {
            expected.push(Explained {
                reason: NO_REASON.to_owned(),
                lines: new,
            });
        }
        write(case, &expected);
    }
    Err(failure)
}

fn write(case: &Case, all: &[Explained]) {
    let text: Vec<String> = all
        .iter()
        .filter(|explained| !explained.lines.is_empty())
        .map(|Explained { reason, lines }| {
            format!(
                "{reason}\n\n{}",
                lines.iter().fold(String::new(), |text, line| format!("{text}    {line}\n"))
            )
        })
        .collect();
    let path = case.path("differences.md");
    if text.is_empty() {
        let _ = std::fs::remove_file(path);
    } else {
        std::fs::write(path, text.join("\n")).unwrap();
    }
}

#[test]
fn reasons_and_lines_are_told_apart() {
    let all = read("One\nreason.\n\n    a\n\n    b\n\nAnother.\n\n    c\n");
    let shown: Vec<_> = all
        .iter()
        .map(|explained| (explained.reason.as_str(), explained.lines.join(",")))
        .collect();
    assert_eq!(shown, [("One reason.", "a,b".to_owned()), ("Another.", "c".to_owned())]);
}
