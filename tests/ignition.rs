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
