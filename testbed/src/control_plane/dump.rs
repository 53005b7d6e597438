//! What a failed test shows of its control plane.

use super::{ControlPlane, Part};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

/// How many lines of each log stand in the test's own output; the folder has all of them.
const TAIL: usize = 20;

impl ControlPlane {
    /// Events, objects and the ends of the logs as text: of one namespace, or of all.
    pub fn dump(&self, namespace: Option<&str>) -> String {
        let place = namespace.map_or_else(|| "--all-namespaces".to_owned(), |name| format!("--namespace={name}"));
        let mut text = String::new();
        let mut section = |title: &str, body: &str| {
            let _ = writeln!(text, "--- {title}\n{}", body.trim_end());
        };
        let answer = |arguments: &[&str]| self.kubectl(arguments).unwrap_or_else(|error| error.to_string());
        section("events", &answer(&["events", &place]));
        section(
            "objects",
            &answer(&["get", &self.listable(), &place, "-o", "yaml", "--ignore-not-found"]),
        );
        for part in &self.parts {
            let state = self
                .cage
                .ended(*part)
                .map_or_else(String::new, |status| format!(" (ended: {})", status.trim()));
            let log = self.log(*part);
            let lines: Vec<&str> = log.lines().collect();
            let tail = lines.get(lines.len().saturating_sub(TAIL)..).unwrap_or_default();
            section(&format!("{}{state}", part.program()), &tail.join("\n"));
        }
        text
    }

    /// Every kind of object in a namespace that can be listed, as `kubectl get` takes them, without secrets and what tells nothing.
    fn listable(&self) -> String {
        let kinds = self.kubectl(&["api-resources", "--verbs=list", "--namespaced", "-o", "name"]);
        let kinds = kinds.unwrap_or_else(|_| "pods\nconfigmaps".to_owned());
        let left_out = ["events", "secrets", "roles.", "rolebindings.", "leases."];
        let wanted = |kind: &&str| !left_out.iter().any(|name| kind.starts_with(name));
        kinds.lines().filter(wanted).collect::<Vec<_>>().join(",")
    }

    /// Copies every log, with the dump, into a new folder that stays.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn save(&self, dump: &str) -> std::io::Result<PathBuf> {
        let folder = tempfile::Builder::new().prefix("anywhere-failed-").tempdir()?.keep();
        std::fs::write(folder.join("dump.txt"), dump)?;
        self.parts.iter().try_for_each(|part| self.save_log(&folder, *part))?;
        Ok(folder)
    }

    fn save_log(&self, folder: &Path, part: Part) -> std::io::Result<()> {
        std::fs::write(folder.join(format!("{}.log", part.program())), self.log(part))
    }

    /// Shows a failed test what there is. The test harness shows it with the test's output.
    #[expect(clippy::print_stderr, reason = "this is for the person who reads a failed test")]
    pub(super) fn dump_to_stderr(&self, namespace: Option<&str>) {
        if self.dumped.swap(true, Ordering::Relaxed) {
            return;
        }
        let dump = self.dump(namespace);
        match self.save(&dump) {
            Ok(folder) => eprintln!("{dump}--- all of the logs: {}", folder.display()),
            Err(error) => eprintln!("{dump}--- the logs could not be saved: {error}"),
        }
    }
}
