//! The modules that bring certificates, packages and their sources, on real machines: the state that they ask for is there, and
//! asking again changes nothing.
#![allow(clippy::unwrap_used)] // a test that cannot be set up fails

mod lab;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use lab::packages::{dpkg_log, repository, version};
use lab::{Lab, machine, on, target};
use testbed::{Kind, Machine, MachineSpec, Shell, SudoRule};

#[test]
fn certificates_are_trusted_and_the_distributions_are_not() {
    let lab = Lab::new();
    let certificate = include_str!("data/ca.pem");
    let indented = certificate.replace('\n', "\n      ");
    let data = lab.file(
        "user-data.yaml",
        format!("#cloud-config\nca_certs:\n  remove_defaults: true\n  trusted:\n    - |\n      {indented}\n"),
    );
    let machine = machine(Shell::Dash, SudoRule::None);
    // What the administrator of this host trusts is no certificate of the distribution.
    machine
        .run(&["sh", "-c", "rm -rf /usr/local/share/ca-certificates/*"])
        .unwrap();
    for more in [&[][..], &["--rerun"]] {
        lab.apply(&target("root", &machine), &data, more).expect(0);
        let own = on(&machine, "usr/local/share/ca-certificates/cloud-init-ca-cert-1.crt");
        assert_eq!(fs::read_to_string(own).unwrap(), certificate);
        let bundle = fs::read_to_string(on(&machine, "etc/ssl/certs/ca-certificates.crt")).unwrap();
        assert_eq!(bundle, certificate, "only this one");
        let listed = fs::read_to_string(on(&machine, "etc/ca-certificates.conf")).unwrap();
        assert!(
            listed
                .lines()
                .all(|line| line.starts_with(['#', '!']) && !line.starts_with("!!")),
            "{listed}"
        );
    }
}

#[test]
fn packages_are_installed_once_in_the_version_asked_for() {
    let lab = Lab::new();
    let data = lab.file(
        "user-data.yaml",
        "#cloud-config\npackage_update: true\npackages:\n  - demo-a\n  - apt: [[demo-b, '1.0']]\n",
    );
    for shell in [Shell::Dash, Shell::Bash, Shell::Busybox] {
        let machine = machine(shell, SudoRule::NoPassword);
        repository(&machine, true);
        lab.apply(&target("admin", &machine), &data, &[]).expect(0);
        assert_eq!(
            (version(&machine, "demo-a"), version(&machine, "demo-b")),
            ("2.0".into(), "1.0".into())
        );
        let umask = fs::read_to_string(on(&machine, "etc/demo-a.umask")).unwrap();
        assert_eq!(umask, "0022\n", "a package's scripts make files that others may read");
        let before = dpkg_log(&machine);
        lab.apply(&target("admin", &machine), &data, &["--rerun"]).expect(0);
        assert_eq!(dpkg_log(&machine), before, "nothing is installed again");
    }
}

#[test]
fn an_upgrade_asks_nothing_and_keeps_changed_configuration() {
    let lab = Lab::new();
    let machine = machine(Shell::Dash, SudoRule::None);
    repository(&machine, false);
    let install = lab.file("install.yaml", "#cloud-config\npackages: [demo-a]\n");
    lab.apply(&target("root", &machine), &install, &[]).expect(0);
    assert_eq!(version(&machine, "demo-a"), "1.0");
    fs::write(on(&machine, "etc/demo-a.conf"), "changed\n").unwrap();
    repository(&machine, true);
    let upgrade = lab.file("upgrade.yaml", "#cloud-config\npackage_upgrade: true\npackages: [demo-a]\n");
    lab.apply(&target("root", &machine), &upgrade, &[]).expect(0);
    assert_eq!(version(&machine, "demo-a"), "2.0");
    assert_eq!(fs::read_to_string(on(&machine, "etc/demo-a.conf")).unwrap(), "changed\n");
}

#[test]
fn an_interrupted_dpkg_is_mended_and_its_lock_waited_for() {
    let lab = Lab::new();
    let machine = machine(Shell::Dash, SudoRule::None);
    repository(&machine, true);
    fs::write(on(&machine, "var/lib/dpkg/updates/0000"), "").unwrap();
    // Holds the lock until it was seen to be held.
    let holder = r"
import fcntl, glob, time
lock = open('/var/lib/dpkg/lock-frontend', 'w')
fcntl.lockf(lock, fcntl.LOCK_EX)
print('held', flush=True)
while not any('lock' in open(said).read() for said in glob.glob('/run/anywhere/run.*/apt')):
    time.sleep(0.01)
";
    let script = "python3 -c \"$1\" >/srv/holder 2>&1 & while ! [ -s /srv/holder ]; do sleep 0.01; done; cat /srv/holder";
    let held = machine.run(&["sh", "-c", script, "sh", holder]).unwrap();
    assert_eq!(held.stdout, b"held\n");
    let data = lab.file("user-data.yaml", "#cloud-config\npackages: [demo-a]\n");
    lab.apply(&target("root", &machine), &data, &[]).expect(0);
    assert_eq!(version(&machine, "demo-a"), "2.0");
}

#[test]
fn a_package_that_nobody_has_is_named() {
    let lab = Lab::new();
    let machine = machine(Shell::Dash, SudoRule::None);
    repository(&machine, true);
    let data = lab.file("user-data.yaml", "#cloud-config\npackages: [demo-a, demo-c]\n");
    let failed = lab.apply(&target("root", &machine), &data, &[]).expect(1);
    assert!(failed.all().contains("Unable to locate package demo-c"), "{failed:?}");
    let version_that_is_not_there = lab.file("version.yaml", "#cloud-config\npackages: [[demo-a, '3.0']]\n");
    let failed = lab
        .apply(&target("root", &machine), &version_that_is_not_there, &[])
        .expect(1);
    assert!(
        failed.all().contains("Version '3.0' for 'demo-a' was not found"),
        "{failed:?}"
    );
}

/// A package manager of another distribution: it says what it is asked for, and has what it was asked to install.
const STUB: &str = r#"#!/bin/sh
echo "${0##*/} $*" >>/srv/asked
case "${0##*/} $*" in
"rpm -q "* | "apk info -e "*) shift $(($# - 1)); grep -qx "$1" /srv/have ;;
*" install "* | *" add "*) for word; do echo "$word"; echo "$word" | tr = -; done >>/srv/have ;;
esac
"#;

#[test]
fn other_package_managers_are_asked_as_they_want_it() {
    let lab = Lab::new();
    let data = lab.file(
        "user-data.yaml",
        "#cloud-config\npackage_upgrade: true\npackages: [demo-a, [demo-b, '1.0']]\n",
    );
    for (manager, first, again) in [
        (
            "dnf",
            "dnf -y makecache\ndnf -y upgrade\nrpm -q demo-a\nrpm -q --whatprovides demo-a\nrpm -q demo-b-1.0\n\
             rpm -q --whatprovides demo-b-1.0\ndnf -y install demo-a demo-b-1.0\n",
            "dnf -y makecache\ndnf -y upgrade\nrpm -q demo-a\nrpm -q demo-b-1.0\n",
        ),
        (
            "zypper",
            "zypper --non-interactive refresh\nzypper --non-interactive update\nrpm -q demo-a\nrpm -q --whatprovides demo-a\n\
             rpm -q demo-b-1.0\nrpm -q --whatprovides demo-b-1.0\nzypper --non-interactive install demo-a demo-b=1.0\n",
            "zypper --non-interactive refresh\nzypper --non-interactive update\nrpm -q demo-a\nrpm -q demo-b-1.0\n",
        ),
        (
            "apk",
            "apk update\napk upgrade --available\napk info -e demo-a\napk info -e demo-b=1.0\napk add demo-a demo-b=1.0\n",
            "apk update\napk upgrade --available\napk info -e demo-a\napk info -e demo-b=1.0\n",
        ),
    ] {
        let machine = machine(Shell::Bash, SudoRule::None);
        fs::remove_file(on(&machine, "usr/bin/apt-get")).unwrap();
        fs::write(on(&machine, "srv/have"), "").unwrap();
        for program in [manager, if manager == "apk" { "apk" } else { "rpm" }] {
            let path = on(&machine, "usr/local/bin").join(program);
            fs::write(&path, STUB).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        for (more, expected) in [(&[][..], first), (&["--rerun"], again)] {
            lab.apply(&target("root", &machine), &data, more).expect(0);
            let asked = on(&machine, "srv/asked");
            assert_eq!(fs::read_to_string(&asked).unwrap(), expected);
            fs::remove_file(asked).unwrap();
        }
    }
}

#[test]
fn a_host_that_has_no_tools_for_it_says_so() {
    let lab = Lab::new();
    let machine = Machine::start(&MachineSpec::of_kind(Kind::BusyboxOnly)).unwrap();
    for (data, says) in [
        ("packages: [demo-a]", "none of the package managers that are supported"),
        ("package_upgrade: true", "none of the package managers that are supported"),
        ("packages: [apt: [demo-a]]", "there is no apt-get on this host"),
        ("packages: [snap: [demo-a]]", "there is no snap on this host"),
        (
            "ca_certs: {remove_defaults: true}",
            "neither update-ca-certificates nor update-ca-trust",
        ),
    ] {
        let data = lab.file("user-data.yaml", format!("#cloud-config\n{data}\n"));
        let failed = lab.apply(&target("root", &machine), &data, &[]).expect(1);
        assert!(failed.all().contains(says), "{failed:?}");
    }
}
