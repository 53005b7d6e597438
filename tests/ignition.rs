//! Ignition configs on real machines: what they ask for is there, and asking again changes nothing.

mod lab;

use std::os::unix::fs::{MetadataExt, PermissionsExt};

use lab::{Lab, machine, target};
use testbed::{Kind, Machine, MachineSpec, Shell, SudoRule};

const NODES: &str = r#"{
  "ignition": {"version": "3.4.0"},
  "storage": {
    "files": [
      {"path": "/etc/demo/file", "contents": {"source": "data:,hello%0A"}, "mode": 384},
      {"path": "/etc/demo/empty", "user": {"id": 1}, "group": {"name": "daemon"}},
      {"path": "/etc/hostname"}
    ],
    "directories": [{"path": "/etc/demo/folder", "mode": 448}],
    "links": [
      {"path": "/etc/demo/symbolic", "target": "../it's"},
      {"path": "/etc/demo/hard", "target": "/etc/demo/file", "hard": true}
    ]
  }
}"#;

#[test]
fn files_directories_and_links() {
    let lab = Lab::new();
    let machine = machine(Shell::Dash, SudoRule::None);
    let data = lab.file("config.ign", NODES);
    let root = machine.root_dir().unwrap();
    let before = std::fs::read(root.join("etc/hostname")).unwrap_or_default();
    for more in [&[][..], &["--rerun"]] {
        lab.apply(&target("root", &machine), &data, more).expect(0);
        let file = root.join("etc/demo/file");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "hello\n");
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o7777, 0o600);
        let folder = root.join("etc/demo/folder").metadata().unwrap();
        assert!(folder.is_dir() && folder.permissions().mode() & 0o7777 == 0o700);
        let empty = machine.run(&["stat", "-c", "%s %U:%G", "/etc/demo/empty"]).unwrap();
        assert_eq!(empty.stdout, b"0 daemon:daemon\n");
        let link = std::fs::read_link(root.join("etc/demo/symbolic")).unwrap();
        assert_eq!(link.to_str(), Some("../it's"));
        let hard = root.join("etc/demo/hard").metadata().unwrap();
        assert_eq!(hard.ino(), file.metadata().unwrap().ino());
        assert_eq!(
            std::fs::read(root.join("etc/hostname")).unwrap(),
            before,
            "what is there stays"
        );
    }
}

const UNITS: &str = r#"{
  "ignition": {"version": "3.4.0"},
  "systemd": {"units": [
    {"name": "demo.service", "enabled": true, "contents":
      "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sh -c 'echo $WORD >/etc/demo'\n[Install]\nWantedBy=multi-user.target\n",
      "dropins": [{"name": "word.conf", "contents": "[Service]\nEnvironment=WORD=hello\n"}]},
    {"name": "running.service", "mask": true},
    {"name": "absent.service", "enabled": false}
  ]}
}"#;

#[test]
fn units_are_enabled_started_masked_and_stopped() {
    let lab = Lab::new();
    let machine = Machine::start(&MachineSpec::of_kind(Kind::Systemd)).unwrap();
    let data = lab.file("config.ign", UNITS);
    let systemctl = |verb: &str, unit: &str| {
        let output = machine.run(&["systemctl", verb, unit]).unwrap();
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    machine.run(&["systemd-run", "--unit=running", "sleep", "1000"]).unwrap();
    assert_eq!(systemctl("is-active", "running"), "active");
    lab.apply(&target("root", &machine), &data, &[]).expect(0);
    assert_eq!(machine.run(&["cat", "/etc/demo"]).unwrap().stdout, b"hello\n");
    assert_eq!(systemctl("is-enabled", "demo"), "enabled");
    assert_eq!(systemctl("is-active", "demo"), "active");
    assert_ne!(systemctl("is-active", "running"), "active");
}

/// `secret-1`, by `openssl passwd -6 -salt saltsalt`.
const HASH: &str = "$6$saltsalt$Sz3kiTlz9z1weA0rv6ZP1VXe3w.3OdcNstYOBf59DJTlfS58158ixzQsRnlFKkTlSpUlPhsu88bFFaza8fOVR0";

#[test]
fn users_and_groups() {
    for shell in [Shell::Dash, Shell::Busybox] {
        let lab = Lab::new();
        let machine = machine(shell, SudoRule::None);
        lab::sh(&machine, "useradd -m -s /bin/sh -c Old old");
        let key = std::fs::read_to_string(format!("{}.pub", lab::key())).unwrap();
        let config = format!(
            r#"{{"ignition": {{"version": "3.5.0"}}, "passwd": {{
              "groups": [{{"name": "team", "gid": 3000}}, {{"name": "more"}}],
              "users": [
                {{"name": "core", "uid": 3100, "gecos": "Core", "homeDir": "/srv/core", "shell": "/bin/sh", "groups": ["more"],
                  "primaryGroup": "team", "sshAuthorizedKeys": ["{}"]}},
                {{"name": "svc", "system": true, "noCreateHome": true, "passwordHash": "{HASH}"}},
                {{"name": "root", "groups": ["more"]}},
                {{"name": "old", "shouldExist": false}}
              ]}},
              "storage": {{"files": [{{"path": "/srv/x", "contents": {{"source": "data:,x"}}, "user": {{"name": "core"}}}}]}}}}"#,
            key.trim()
        );
        let data = lab.file("config.ign", config);
        let mut before = String::new();
        for more in [&[][..], &["--rerun"]] {
            lab.apply(&target("root", &machine), &data, more).expect(0);
            assert_eq!(
                lab::line(&machine, "etc/passwd", "core"),
                "core:x:3100:3000:Core:/srv/core:/bin/sh"
            );
            assert_eq!(lab::line(&machine, "etc/passwd", "old"), "");
            assert!(!lab::on(&machine, "home/old").exists());
            let shadow = |name| lab::line(&machine, "etc/shadow", name).split(':').nth(1).unwrap().to_owned();
            assert_eq!((shadow("core"), shadow("svc")), ("*".to_owned(), HASH.to_owned()));
            let groups = lab::sh(&machine, "id -nG core; id -nG root; stat -c %U /srv/x");
            assert!(
                groups.contains("team more\n") && groups.matches("more").count() == 2,
                "{groups}"
            );
            assert!(groups.ends_with("\ncore\n"), "{groups}");
            let now = lab::sh(
                &machine,
                "cat /etc/passwd /etc/group /etc/shadow /srv/core/.ssh/authorized_keys; ls -l /etc/passwd",
            );
            assert!(before.is_empty() || before == now, "{now}");
            before = now;
        }
        assert!(machine.ssh("core").unwrap().arg("true").status().unwrap().success());
        // What differs is changed; who logged in stays.
        let changed = r#"{"ignition": {"version": "3.5.0"}, "passwd": {
            "groups": [{"name": "more", "gid": 3001}],
            "users": [{"name": "core", "gecos": "New", "homeDir": "/srv/new", "shell": "/bin/dash", "groups": ["daemon"]}]}}"#;
        lab.apply(&target("root", &machine), &lab.file("changed.ign", changed), &[])
            .expect(0);
        assert_eq!(
            lab::line(&machine, "etc/passwd", "core"),
            "core:x:3100:3000:New:/srv/new:/bin/dash"
        );
        assert!(lab::on(&machine, "srv/new/.ssh/authorized_keys").exists());
        assert!(
            lab::says(&machine, &["id", "-nG", "core"]).contains("more daemon")
                || lab::says(&machine, &["id", "-nG", "core"]).contains("daemon more")
        );
        for user in [
            r#"{"name": "root", "shouldExist": false}"#,
            r#"{"name": "root", "shell": "/usr/sbin/nologin"}"#,
        ] {
            let config = format!(r#"{{"ignition": {{"version": "3.5.0"}}, "passwd": {{"users": [{user}]}}}}"#);
            lab.apply(&target("root", &machine), &lab.file("bad.ign", config), &[])
                .expect(1);
        }
        let root = lab::line(&machine, "etc/passwd", "root");
        assert!(root.contains(":/root:") && !root.ends_with("nologin"), "{root}");
    }
}
