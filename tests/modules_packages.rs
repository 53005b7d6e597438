//! The modules that bring certificates, packages and their sources, on real machines: the state that they ask for is there, and
//! asking again changes nothing.
#![allow(clippy::unwrap_used)] // a test that cannot be set up fails

mod lab;

use std::fs;
use std::os::unix::fs::PermissionsExt;

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

/// Makes `/srv/repository`, the only source of packages: `demo-a` and `demo-b`, each in two versions, `demo-a` with a
/// configuration file. `new` says whether the second versions are there.
fn repository(machine: &Machine, new: bool) {
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
fn dpkg_log(machine: &Machine) -> String {
    fs::read_to_string(on(machine, "var/log/dpkg.log")).unwrap_or_default()
}

fn version(machine: &Machine, package: &str) -> String {
    let asked = machine.run(&["dpkg-query", "-W", "-f", "${Version}", package]).unwrap();
    String::from_utf8(asked.stdout).unwrap()
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

/// Signs `/srv/repository` with a key made for it, and returns the public key and its fingerprint.
fn signed(machine: &Machine) -> (String, String) {
    let script = r#"
        set -e
        rm /etc/apt/sources.list
        export GNUPGHOME=/srv/gnupg
        mkdir -m 700 $GNUPGHOME
        gpg --batch --quiet --passphrase '' --quick-gen-key demo@example.org ed25519 sign never
        cd /srv/repository
        printf 'Date: %s\nSHA256:\n %s %s Packages\n' "$(date -R -u)" "$(sha256sum Packages | cut -d ' ' -f 1)" \
            "$(stat -c %s Packages)" >Release
        gpg --batch --quiet --clearsign --output InRelease Release
        gpg --armor --export >/srv/key.asc
        gpg --with-colons --list-keys | awk -F: '$1 == "fpr" { print $10 }'
        gpgconf --kill all
    "#;
    let made = machine.run(&["dash", "-c", script]).unwrap();
    assert!(made.status.success(), "{made:?}");
    let key = fs::read_to_string(on(machine, "srv/key.asc")).unwrap();
    (key, String::from_utf8(made.stdout).unwrap().trim().to_owned())
}

#[test]
fn packages_come_from_a_source_with_a_key_of_its_own() {
    let lab = Lab::new();
    let machine = machine(Shell::Busybox, SudoRule::None);
    repository(&machine, true);
    let (key, _) = signed(&machine);
    let key = key.replace('\n', "\n        ");
    let data = lab.file(
        "user-data.yaml",
        format!(
            "#cloud-config
apt:
  http_proxy: http://127.0.0.1:9
  conf: APT::Install-Recommends \"false\";
  debconf_selections:
    set1: |
      # for the demonstration
      demo-a demo-a/question string answered
  sources:
    demo:
      source: deb [signed-by=$KEY_FILE] file:/srv/repository ./
      key: |
        {key}
    more.list:
      source: '# $RELEASE'
    again:
      filename: more.list
      source: '# $SECURITY'
packages: [demo-a]
"
        ),
    );
    for more in [&[][..], &["--rerun"]] {
        lab.apply(&target("root", &machine), &data, more).expect(0);
        assert_eq!(version(&machine, "demo-a"), "2.0");
        let list = fs::read_to_string(on(&machine, "etc/apt/sources.list.d/more.list")).unwrap();
        assert_eq!(list, "# bookworm\n# http://security.debian.org/debian-security\n");
        let asked = machine
            .run(&[
                "apt-config",
                "dump",
                "--format",
                "%f=%v%n",
                "Acquire::http::Proxy",
                "APT::Install-Recommends",
            ])
            .unwrap();
        assert_eq!(
            asked.stdout,
            b"Acquire::http::Proxy=http://127.0.0.1:9\nAPT::Install-Recommends=false\n"
        );
        let answers = fs::read_to_string(on(&machine, "var/cache/debconf/config.dat")).unwrap();
        assert_eq!(
            answers
                .matches("Name: demo-a/question\nTemplate: demo-a/question\nValue: answered\n")
                .count(),
            1
        );
    }
}

#[test]
fn a_key_is_fetched_from_a_key_server() {
    let lab = Lab::new();
    let machine = machine(Shell::Dash, SudoRule::None);
    repository(&machine, true);
    let (_, fingerprint) = signed(&machine);
    // Without this file, dirmngr(8) talks to nobody.
    fs::write(on(&machine, "etc/resolv.conf"), "nameserver 127.0.0.1\n").unwrap();
    // A key server (draft-shaw-openpgp-hkp) on a port that is free.
    let server = r"
import http.server
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(open('/srv/key.asc', 'rb').read())
server = http.server.HTTPServer(('127.0.0.1', 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
";
    let script = "python3 -c \"$1\" >/srv/port 2>/srv/log & while ! [ -s /srv/port ]; do sleep 0.01; done; cat /srv/port";
    let started = machine.run(&["dash", "-c", script, "dash", server]).unwrap();
    let port = String::from_utf8(started.stdout).unwrap();
    let data = lab.file(
        "user-data.yaml",
        format!(
            "#cloud-config
apt:
  sources:
    demo:
      source: deb [signed-by=$KEY_FILE] file:/srv/repository ./
      keyid: {fingerprint}
      keyserver: hkp://127.0.0.1:{}
packages: [demo-a]
",
            port.trim()
        ),
    );
    lab.apply(&target("root", &machine), &data, &[]).expect(0);
    assert_eq!(version(&machine, "demo-a"), "2.0");
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
fn repositories_of_other_distributions_are_files() {
    let lab = Lab::new();
    let machine = Machine::start(&MachineSpec::of_kind(Kind::BusyboxOnly)).unwrap();
    for path in ["usr/local/bin", "etc/yum.repos.d", "srv"] {
        fs::create_dir_all(on(&machine, path)).unwrap();
    }
    for program in ["dnf", "zypper", "apk"] {
        let path = on(&machine, "usr/local/bin").join(program);
        fs::write(&path, STUB).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    fs::write(on(&machine, "etc/yum.repos.d/theirs.repo"), "[theirs]\n").unwrap();
    let data = lab.file(
        "user-data.yaml",
        "#cloud-config
yum_repos:
  demo: {baseurl: 'http://127.0.0.1/demo', enabled: true, gpgcheck: no, name: A demonstration}
  theirs: {baseurl: 'http://127.0.0.1/theirs'}
zypper:
  repos: [{id: demo, baseurl: 'http://127.0.0.1/demo'}]
apk_repos:
  alpine_repo: {base_url: 'http://127.0.0.1/alpine', version: v3.20, community_enabled: true}
",
    );
    for more in [&[][..], &["--rerun"]] {
        lab.apply(&target("root", &machine), &data, more).expect(0);
        for (path, content) in [
            (
                "etc/yum.repos.d/demo.repo",
                "# Made from cloud-init user-data.\n[demo]\nbaseurl = http://127.0.0.1/demo\nenabled = 1\ngpgcheck = 0\nname = A demonstration\n",
            ),
            ("etc/yum.repos.d/theirs.repo", "[theirs]\n"),
            (
                "etc/zypp/repos.d/demo.repo",
                "# Made from cloud-init user-data.\n[demo]\nbaseurl = http://127.0.0.1/demo\n",
            ),
            (
                "etc/apk/repositories",
                "# Made from cloud-init user-data.\nhttp://127.0.0.1/alpine/v3.20/main\nhttp://127.0.0.1/alpine/v3.20/community\n",
            ),
        ] {
            assert_eq!(fs::read_to_string(on(&machine, path)).unwrap(), content);
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
