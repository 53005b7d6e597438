//! What a machine with systemd has besides what every machine has: a small default target with an SSH server.

use crate::disk::{file, folder, link};
use crate::error::TestbedError;
use std::path::Path;

/// The SSH server's unit (systemd.service(5)).
const SSH_SERVICE: &str = "[Unit]\nDescription=OpenSSH server\nAfter=basic.target\n\n\
    [Service]\nExecStart=/usr/sbin/sshd -D -e\nExecReload=/bin/kill -HUP $MAINPID\nKillMode=process\nRestart=on-failure\n\
    RuntimeDirectory=sshd\nRuntimeDirectoryMode=0755\n\n[Install]\nWantedBy=multi-user.target\n";

/// Units of the host's packages that have nothing to do in a container of this kind, or fail there.
const MASKED: [&str; 14] = [
    "console-getty.service",
    "getty.target",
    "systemd-logind.service",
    "systemd-update-utmp.service",
    "systemd-update-utmp-runlevel.service",
    "systemd-firstboot.service",
    "systemd-binfmt.service",
    "systemd-modules-load.service",
    "systemd-networkd.service",
    "systemd-resolved.service",
    "systemd-timesyncd.service",
    "systemd-udevd.service",
    "systemd-journal-flush.service",
    "var-lib-machines.mount",
];

/// Gets a machine ready for containers before anything else of it starts.
const CONTAINERS_SERVICE: &str = "[Unit]\nDescription=What containers need\nDefaultDependencies=no\nBefore=sysinit.target\n\n\
    [Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/usr/local/sbin/testbed-containers\n\n\
    [Install]\nWantedBy=sysinit.target\n";

/// What of the layers' images is there from the start.
const IMAGES_DROP_IN: &str = "[Service]\nOOMScoreAdjust=0\n\
    ExecStartPost=/usr/bin/ctr --namespace k8s.io images import /usr/share/testbed/busybox.tar\n";

/// Writes the units. Nothing else is enabled: the host's `/etc/systemd` is hidden.
pub(crate) fn populate(root: &Path, containers: bool) -> Result<(), TestbedError> {
    let system = "etc/systemd/system";
    for name in ["etc/systemd", system, "etc/systemd/system/multi-user.target.wants"] {
        folder(root, name, 0o755)?;
    }
    file(root, &format!("{system}/ssh.service"), 0o644, SSH_SERVICE)?;
    link(root, &format!("{system}/sshd.service"), "ssh.service")?;
    link(
        root,
        &format!("{system}/multi-user.target.wants/ssh.service"),
        "../ssh.service",
    )?;
    link(
        root,
        &format!("{system}/default.target"),
        "/usr/lib/systemd/system/multi-user.target",
    )?;
    if containers {
        for_containers(root, system)?;
    }
    MASKED
        .iter()
        .try_for_each(|unit| link(root, &format!("{system}/{unit}"), "/dev/null"))
}

fn for_containers(root: &Path, system: &str) -> Result<(), TestbedError> {
    let (wants, drop_ins) = (
        format!("{system}/sysinit.target.wants"),
        format!("{system}/containerd.service.d"),
    );
    folder(root, &wants, 0o755)?;
    file(
        root,
        &format!("{system}/testbed-containers.service"),
        0o644,
        CONTAINERS_SERVICE,
    )?;
    link(
        root,
        &format!("{wants}/testbed-containers.service"),
        "../testbed-containers.service",
    )?;
    file(
        root,
        "usr/local/sbin/testbed-containers",
        0o755,
        include_str!("scripts/containers.sh"),
    )?;
    if root.join("usr/lib/systemd/system/containerd.service").exists() {
        folder(root, &drop_ins, 0o755)?;
        file(root, &format!("{drop_ins}/testbed.conf"), 0o644, IMAGES_DROP_IN)?;
        link(
            root,
            &format!("{system}/multi-user.target.wants/containerd.service"),
            "/usr/lib/systemd/system/containerd.service",
        )?;
    }
    // The machine asks no name server, and has a name of its own.
    file(root, "etc/resolv.conf", 0o644, "")
}
