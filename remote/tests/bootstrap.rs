//! Data cases for the parser of bootstrap data: `tests/bootstrap/<case>/in.yaml` (or `in.bin`) and `expected.txt`, a rendering of what
//! it asks for or of the error. `UPDATE_GOLDEN=1` rewrites the expectations. A file `options` may say `format: ...`, `machine: ...` and `facts: {...}`; `vendor.yaml`
//! is vendor-data.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use remote::bootstrap::{Bootstrap, Command, File, InProcess, Options, Variables, VendorData, parse};

#[test]
fn cases() {
    let mut failed = Vec::new();
    let cases = case_folders();
    assert!(!cases.is_empty());
    for folder in cases {
        let actual = run(&folder);
        let expected_path = folder.join("expected.txt");
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&expected_path, &actual).unwrap();
        } else if fs::read_to_string(&expected_path).unwrap_or_default() != actual {
            failed.push(format!("{}:\n{actual}", folder.display()));
        }
    }
    assert!(
        failed.is_empty(),
        "not as expected (UPDATE_GOLDEN=1 rewrites):\n{}",
        failed.join("\n")
    );
}

fn case_folders() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bootstrap");
    let mut folders: Vec<PathBuf> = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    folders
}

fn run(folder: &Path) -> String {
    let name = ["in.yaml", "in.bin"].into_iter().find(|name| folder.join(name).exists());
    let name = name.unwrap_or_else(|| panic!("{} has no input", folder.display()));
    let settings = fs::read_to_string(folder.join("options")).unwrap_or_default();
    let setting = |key: &str| settings.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(": "));
    let vendor_data = fs::read(folder.join("vendor.yaml")).ok();
    let options = Options {
        source: name,
        format: setting("format"),
        variables: Variables {
            machine_name: setting("machine").map(str::to_owned),
            instance_id: setting("machine").map(str::to_owned),
            facts: setting("facts").map(|json| serde_json::from_str(json).unwrap()),
        },
        renderer: Some(&InProcess),
        vendor_data: vendor_data.as_deref().map(|data| VendorData {
            source: "vendor.yaml",
            data,
        }),
    };
    match parse(&fs::read(folder.join(name)).unwrap(), &options) {
        Ok(bootstrap) => render(&Places(&bootstrap), &bootstrap),
        Err(error) => format!("error: {error}\n"),
    }
}

/// Where something is, with the name of what it is in, if that is not the first text.
struct Places<'a>(&'a Bootstrap);

impl Places<'_> {
    fn of(&self, line: usize, column: usize) -> String {
        let (first, _) = self.0.sources.place(1);
        match self.0.sources.place(line) {
            (source, line) if source == first => format!("{line}:{column}"),
            (source, line) => format!("{source}:{line}:{column}"),
        }
    }
}

fn render(places: &Places<'_>, bootstrap: &Bootstrap) -> String {
    let mut text = String::new();
    commands(&mut text, places, &bootstrap.boot_commands);
    for file in &bootstrap.files {
        render_file(&mut text, places, file);
    }
    commands(&mut text, places, &bootstrap.run_commands);
    for setting in &bootstrap.settings {
        let remote::bootstrap::Setting {
            stage,
            summary,
            function,
            arguments,
            private,
            origin,
        } = setting;
        let arguments: Vec<_> = arguments
            .iter()
            .map(|argument| String::from_utf8_lossy(argument.expose()).into_owned())
            .collect();
        let private = if *private { " private" } else { "" };
        writeln!(
            text,
            "setting {origin} {} {stage:?} \"{summary}\"{private}",
            places.of(origin.line, origin.column)
        )
        .unwrap();
        writeln!(text, "  {function} {arguments:?}").unwrap();
    }
    for script in bootstrap.boothooks.iter().chain(&bootstrap.scripts) {
        let origin = script.origin;
        let (place, interpreter) = (places.of(origin.line, origin.column), &script.interpreter);
        let after = if script.before_commands { "" } else { " after commands" };
        writeln!(text, "{origin} {place} {interpreter:?}{after}").unwrap();
        content(&mut text, script.content.expose());
    }
    for unsupported in &bootstrap.unsupported {
        writeln!(
            text,
            "unsupported {} {}: {}",
            places.of(unsupported.line, unsupported.column),
            unsupported.key,
            unsupported.why
        )
        .unwrap();
    }
    if text.is_empty() { "nothing\n".to_owned() } else { text }
}

fn commands(text: &mut String, places: &Places<'_>, commands: &[Command]) {
    for command in commands {
        let origin = command.origin;
        writeln!(text, "{origin} {}", places.of(origin.line, origin.column)).unwrap();
        content(text, command.text.expose());
    }
}

fn render_file(text: &mut String, places: &Places<'_>, file: &File) {
    let File {
        path,
        owner,
        permissions,
        append,
        defer,
        origin,
        ..
    } = file;
    let part = |name: &Option<String>| name.clone().unwrap_or_else(|| "(unchanged)".to_owned());
    let (user, group) = (part(&owner.user), part(&owner.group));
    let flags = format!(
        "{}{}",
        if *append { " append" } else { "" },
        if *defer { " defer" } else { "" }
    );
    writeln!(
        text,
        "{origin} {} {path:?} {permissions:04o} {user}:{group}{flags}",
        places.of(origin.line, origin.column)
    )
    .unwrap();
    content(text, file.content.expose());
    if let Some(source) = &file.source {
        let names: Vec<_> = source.headers.iter().map(|(name, _)| name.as_str()).collect();
        let fallback = if source.has_fallback { " or else the content" } else { "" };
        writeln!(
            text,
            "  from {:?} {names:?} sha256 {:?}{fallback}",
            source.location, source.sha256
        )
        .unwrap();
    }
}

fn content(text: &mut String, bytes: &[u8]) {
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let end = if line.ends_with(b"\n") { "" } else { " (no newline)" };
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let shown = match std::str::from_utf8(line) {
            Ok(shown) if !shown.contains(char::is_control) => shown.to_owned(),
            Ok(_) | Err(_) => line.escape_ascii().to_string(),
        };
        writeln!(text, "  | {shown}{end}").unwrap();
    }
}
