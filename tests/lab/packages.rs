//! A repository of packages within a machine, and what its dpkg did.

use std::fs;

use testbed::Machine;

use super::on;

/// Makes `/srv/repository`, the only source of packages: `demo-a` and `demo-b`, each in two versions, `demo-a` with a
/// configuration file. `new` says whether the second versions are there.
pub(crate) fn repository(machine: &Machine, new: bool) {
    let script = r#"
        set -e
        rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/* /srv/repository
        mkdir -p /srv/repository
        cd /srv/repository
        for name in demo-a demo-b; do
            for version in 1.0 $1; do
                mkdir -p tree/DEBIAN tree/etc
                printf 'Package: %s\nVersion: %s\nArchitecture: all\nMaintainer: x <x@example.org>\nDescription: x\n' \
                    $name $version >tree/DEBIAN/control
                printf '#!/bin/sh\numask >/etc/%s.umask\n' $name >tree/DEBIAN/postinst
                chmod 755 tree/DEBIAN/postinst
                if [ $name = demo-a ]; then
                    echo "$version" >tree/etc/demo-a.conf
                    echo /etc/demo-a.conf >tree/DEBIAN/conffiles
                fi
                chmod -R go+rX,go-w tree
                dpkg-deb --root-owner-group --build tree ${name}_$version.deb >&2
                cat tree/DEBIAN/control >>Packages
                printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n\n' ${name}_$version.deb \
                    "$(stat -c %s ${name}_$version.deb)" "$(sha256sum ${name}_$version.deb | cut -d ' ' -f 1)" >>Packages
                rm -r tree
            done
        done
        echo 'deb [trusted=yes] file:/srv/repository ./' >/etc/apt/sources.list
    "#;
    let made = machine
        .run(&["dash", "-c", script, "dash", if new { "2.0" } else { "" }])
        .unwrap();
    assert!(made.status.success(), "{made:?}");
}

/// What dpkg has done so far.
pub(crate) fn dpkg_log(machine: &Machine) -> String {
    fs::read_to_string(on(machine, "var/log/dpkg.log")).unwrap_or_default()
}

/// The version of a package that is installed; empty if it is not.
pub(crate) fn version(machine: &Machine, package: &str) -> String {
    let asked = machine.run(&["dpkg-query", "-W", "-f", "${Version}", package]).unwrap();
    String::from_utf8(asked.stdout).unwrap()
}
