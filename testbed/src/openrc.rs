//! What a machine with OpenRC has besides what every machine has: OpenRC itself, and the SSH server as one of its services.
//!
//! Debian's packages of OpenRC are not installed on the host: `make setup` unpacks them into a folder, which lies over the host's
//! root folder as the machine sees it.

use crate::disk::{file, folder, link};
use crate::error::TestbedError;
use std::path::{Path, PathBuf};

/// The SSH server's service (openrc-run(8)).
const SSHD: &str = "#!/sbin/openrc-run\ndescription=\"OpenSSH server\"\ncommand=/usr/sbin/sshd\npidfile=/run/sshd.pid\n\
    extra_started_commands=reload\n\nstart_pre() {\n\tcheckpath -d -m 0755 /run/sshd /run/lock\n}\n\n\
    reload() {\n\tkill -HUP \"$(cat \"$pidfile\")\"\n}\n";

/// As in a container (rc.conf): most of what a machine mounts and sets is there already.
const RC_CONF: &str = "rc_sys=\"lxc\"\nrc_parallel=\"NO\"\nrc_depend_strict=\"NO\"\n";

/// Programs of systemd that the host has, and a machine with OpenRC has not.
const OF_SYSTEMD: [&str; 7] = [
    "usr/bin/systemctl",
    "usr/bin/systemd-run",
    "usr/bin/timedatectl",
    "usr/bin/hostnamectl",
    "usr/bin/localectl",
    "usr/bin/loginctl",
    "usr/bin/journalctl",
];

/// The folder with OpenRC's files: `ANYWHERE_OPENRC`, or where `make setup` puts them.
pub(crate) fn layer() -> PathBuf {
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_else(|| "/root".into()));
    std::env::var_os("ANYWHERE_OPENRC").map_or_else(|| home().join(".cache/anywhere/openrc"), PathBuf::from)
}

/// Whether OpenRC's files are there.
pub(crate) fn is_there() -> bool {
    layer().join("usr/sbin/openrc-init").exists()
}

/// Writes the services, and takes systemd's programs away.
pub(crate) fn populate(root: &Path) -> Result<(), TestbedError> {
    for program in OF_SYSTEMD {
        let path = root.join(program);
        if path.symlink_metadata().is_ok() {
            std::fs::remove_file(&path).map_err(TestbedError::path("remove", &path))?;
        }
    }
    for name in ["etc/init.d", "etc/runlevels", "etc/runlevels/default"] {
        folder(root, name, 0o755)?;
    }
    file(root, "etc/rc.conf", 0o644, RC_CONF)?;
    // Debian's looks there for what other packages' services are called.
    file(root, "etc/insserv.conf", 0o644, "")?;
    file(root, "etc/init.d/sshd", 0o755, SSHD)?;
    link(root, "etc/runlevels/default/sshd", "/etc/init.d/sshd")
}
