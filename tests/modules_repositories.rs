//! The modules that say where packages come from, on real machines: the state that they ask for is there, and asking again changes
//! nothing.
#![allow(clippy::unwrap_used)] // a test that cannot be set up fails

mod lab;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use lab::packages::{repository, version};
use lab::{Lab, machine, on, target};
use testbed::{Kind, Machine, MachineSpec, Shell, SudoRule};

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
        assert_eq!(
            list, "# bookworm\n# file:/srv/repository\n",
            "the host's own source stands for both"
        );
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

#[test]
fn repositories_of_other_distributions_are_files() {
    let lab = Lab::new();
    let machine = Machine::start(&MachineSpec::of_kind(Kind::BusyboxOnly)).unwrap();
    for path in ["usr/local/bin", "etc/yum.repos.d", "srv"] {
        fs::create_dir_all(on(&machine, path)).unwrap();
    }
    for program in ["dnf", "zypper", "apk"] {
        let path = on(&machine, "usr/local/bin").join(program);
        fs::write(&path, "#!/bin/sh\n").unwrap();
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
