//! Ansible and pyinfra, in a virtual environment of their own.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What is compared with; the latest of 2026-11.
const PACKAGES: [&str; 2] = ["ansible-core==2.19.14", "pyinfra==3.10.0"];

/// Installs what is missing and gives the folder with the programs. The environment is kept for the next time.
pub(crate) fn install(folder: &Path) -> Result<PathBuf, String> {
    let bin = folder.join("bin");
    let stamp = folder.join("installed");
    let wanted = PACKAGES.join("\n");
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(bin);
    }
    run(Command::new("python3").args(["-m", "venv"]).arg(folder))?;
    run(Command::new(bin.join("pip"))
        .args(["install", "--quiet", "--disable-pip-version-check"])
        .args(PACKAGES))?;
    std::fs::write(&stamp, wanted).map_err(|error| format!("write {}: {error}", stamp.display()))?;
    Ok(bin)
}

/// Ten minutes for a slow network.
fn run(command: &mut Command) -> Result<(), String> {
    let mut limited = Command::new("/usr/bin/timeout");
    limited.arg("600").arg(command.get_program()).args(command.get_args());
    let status = limited
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .map_err(|error| format!("{command:?}: {error}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{command:?} failed ({status}); Debian needs python3-venv"))
    }
}

/// The packages with their versions.
pub(crate) fn packages() -> String {
    PACKAGES.map(|package| package.replace("==", " ")).join(", ")
}
