//! What the API server refuses, and what it says of it. Each file of `rules/` is an object, with the expected words in its first line:
//! `# refused: TEXT`, or `# accepted`. Of two objects the first one is there, and the second one is what it is to become; in its status,
//! where that is what is `accepted in status` or `refused in status: TEXT`.

use std::path::Path;
use std::process::Output;

use testbed::Namespace;

use crate::api;

#[test]
fn wrong_objects_are_refused_with_the_way_out() {
    let namespace = api().plane.namespace("rules").unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/api/rules");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let mut wrong = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let name = file.file_stem().unwrap().to_string_lossy();
        let text = text.replace("@NAME@", &name);
        let (expected, documents) = text.split_once('\n').unwrap();
        let of_status = expected.contains(" in status").then_some("--subresource=status");
        let tried = match documents.split_once("---\n") {
            Some((before, after)) => {
                let applied = apply(&namespace, before, &[]);
                assert!(applied.status.success(), "{name}: {applied:?}");
                let more: Vec<_> = ["--dry-run=server"].into_iter().chain(of_status).collect();
                apply(&namespace, after, &more)
            }
            None => apply(&namespace, documents, &["--dry-run=server"]),
        };
        let told = String::from_utf8_lossy(&tried.stderr);
        let is_as_expected = match expected.replacen(" in status", "", 1).strip_prefix("# refused: ") {
            Some(words) => !tried.status.success() && told.contains(words),
            None => tried.status.success() && expected.starts_with("# accepted"),
        };
        if !is_as_expected {
            wrong.push(format!("{name}: {expected}\n{told}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn apply(namespace: &Namespace<'_>, manifest: &str, more: &[&str]) -> Output {
    let arguments = [
        &[
            "apply",
            "--server-side",
            "--validate=strict",
            "-n",
            namespace.name(),
            "-f",
            "-",
        ],
        more,
    ]
    .concat();
    api().plane.kubectl_output(&arguments, manifest).unwrap()
}
