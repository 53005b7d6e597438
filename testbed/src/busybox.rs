//! The root folder of a machine that has nothing but busybox and an SSH server.

use crate::disk::{file, folder, link};
use crate::error::TestbedError;
use crate::program::{succeed, with_deadline};
use std::path::Path;

/// The program itself, on the host and on the machine.
const BUSYBOX: &str = "/usr/bin/busybox";
/// The SSH server and, since OpenSSH 9.8, the programs that it starts for each connection.
const SSH_SERVER: [&str; 3] = [
    "/usr/sbin/sshd",
    "/usr/lib/openssh/sshd-session",
    "/usr/lib/openssh/sshd-auth",
];

/// The files of the host that the machine has under the same path: busybox, the SSH server and its libraries.
pub(crate) fn bound_files() -> Result<Vec<String>, TestbedError> {
    let programs: Vec<&str> = SSH_SERVER.into_iter().filter(|path| Path::new(path).exists()).collect();
    let mut command = with_deadline("ldd");
    let output = succeed(command.args(&programs), b"", "ldd")?;
    let mut files = libraries(&String::from_utf8_lossy(&output.stdout));
    files.extend(programs.into_iter().chain([BUSYBOX]).map(str::to_owned));
    files.sort();
    files.dedup();
    Ok(files)
}

/// The paths in the output of ldd(1): `name => /path (address)`, or `/path (address)` for the loader.
fn libraries(output: &str) -> Vec<String> {
    output
        .lines()
        .filter_map(|line| {
            line.split_whitespace()
                .find(|word| word.starts_with('/') && !word.ends_with(':'))
        })
        .map(str::to_owned)
        .collect()
}

/// Makes the folders, a link for each applet, and an empty file where each of the host's files will appear.
pub(crate) fn populate(root: &Path) -> Result<(), TestbedError> {
    for name in ["bin", "sbin", "usr", "usr/bin", "usr/sbin", "usr/lib"] {
        folder(root, name, 0o755)?;
    }
    let output = succeed(with_deadline(BUSYBOX).arg("--list-full"), b"", "busybox --list-full")?;
    for applet in String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter(|path| *path != "usr/bin/busybox")
    {
        parents(root, applet)?;
        link(root, applet, BUSYBOX)?;
    }
    for path in bound_files()? {
        let path = path.trim_start_matches('/');
        parents(root, path)?;
        file(root, path, 0o755, "")?;
    }
    folder(root, "etc", 0o755)?;
    file(
        root,
        "etc/nsswitch.conf",
        0o644,
        "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n",
    )?;
    file(root, "etc/shells", 0o644, "/bin/sh\n/bin/ash\n")
}

/// Makes the folders above this path.
fn parents(root: &Path, path: &str) -> Result<(), TestbedError> {
    let ends = path.match_indices('/').map(|(end, _)| end);
    ends.filter_map(|end| path.get(..end))
        .try_for_each(|name| folder(root, name, 0o755))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_and_the_loader_are_found() {
        let text = "/usr/sbin/sshd:\n\tlinux-vdso.so.1 (0x7)\n\tlibc.so.6 => /lib/x/libc.so.6 (0x7)\n\t/lib64/ld.so.2 (0x7)\n";
        assert_eq!(libraries(text), ["/lib/x/libc.so.6", "/lib64/ld.so.2"]);
    }
}
