//! The path of a file to write.

use super::error::FieldProblem;

/// Makes a path absolute and drops `.`, `..` and empty components, as Python's `os.path.abspath` does in the directory `/`, where
/// cloud-init runs.
///
/// # Errors
///
/// A path with a NUL, one that ends up at `/`, an empty one, or one of Windows.
pub(super) fn absolute(path: &str) -> Result<String, FieldProblem> {
    if path.is_empty() {
        return Err(FieldProblem::Missing);
    }
    if path.contains('\0') {
        return Err(FieldProblem::Nul);
    }
    if is_windows(path) {
        return Err(FieldProblem::WindowsPath);
    }
    let mut components: Vec<&str> = Vec::new();
    for component in path.split('/') {
        match component {
            "" | "." => {}
            ".." => {
                components.pop();
            }
            name => components.push(name),
        }
    }
    if components.is_empty() {
        return Err(FieldProblem::RootDirectory);
    }
    Ok(format!("/{}", components.join("/")))
}

/// `C:\` and `C:/`, which k0smotron emits for Windows machines.
fn is_windows(path: &str) -> bool {
    let mut start = path.chars();
    start.next().is_some_and(|drive| drive.is_ascii_alphabetic())
        && start.next() == Some(':')
        && start.next().is_some_and(|separator| matches!(separator, '\\' | '/'))
}
