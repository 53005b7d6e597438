//! Reading files and standard input, bounded; all that is wrong with the input is collected before anything is done.

use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};

use remote::secret::Secret;

/// No manifest, key or bootstrap data is larger than this, in bytes.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// One thing that is wrong with the input, ready to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem(pub(crate) String);

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Names of files and objects are whatever somebody wrote.
        f.write_str(&remote::event::printable(self.0.as_bytes()))
    }
}

/// An error of the operating system in words, without its number.
pub(crate) fn in_words(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error ").next().unwrap_or(&text).to_owned()
}

impl Problem {
    /// Anything that can be shown.
    pub(crate) fn new(what: impl fmt::Display) -> Self {
        Self(what.to_string())
    }
}

/// Reads a file, or standard input for `-`.
///
/// # Errors
/// A problem that names the file.
pub(crate) fn read(path: &Path) -> Result<Secret, Problem> {
    let name = path.display();
    let bytes = if path == Path::new("-") {
        bounded(std::io::stdin().lock())
    } else {
        std::fs::File::open(path).and_then(bounded)
    };
    let bytes = bytes.map_err(|error| Problem(format!("{name}: {}", in_words(&error))))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(Problem(format!("{name}: larger than {} MiB", MAX_BYTES >> 20)));
    }
    Ok(Secret::new(bytes))
}

fn bounded(reader: impl Read) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The files that `-f PATH` stands for: itself, or the manifests in a folder, by name.
///
/// # Errors
/// A problem that names the path.
pub(crate) fn manifests(path: &Path) -> Result<Vec<PathBuf>, Problem> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let problem = |error: std::io::Error| Problem(format!("{}: {}", path.display(), in_words(&error)));
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).map_err(problem)? {
        let file = entry.map_err(problem)?.path();
        if file.is_file()
            && file
                .extension()
                .is_some_and(|end| end == "yaml" || end == "yml" || end == "json")
        {
            files.push(file);
        }
    }
    files.sort();
    if files.is_empty() {
        return Err(Problem(format!(
            "{}: there is no *.yaml, *.yml or *.json in this folder",
            path.display()
        )));
    }
    Ok(files)
}
