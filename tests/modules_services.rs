//! The modules that set up a host's services and language, on real machines: the state that they ask for is there, and asking
//! again changes nothing.
#![allow(clippy::unwrap_used)] // a test that cannot be set up fails

mod lab;

use std::fs;

use lab::{Lab, machine, on, target};
use testbed::{Kind, Machine, MachineSpec, Shell, SudoRule};

/// Makes a repository whose only package is a time server that only looks like one, and which counts its starts.
fn repository_with_chrony(machine: &Machine) {
    let script = r#"
        set -e
        rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/*
        mkdir -p /srv/repository
        cd /srv/repository
        mkdir -p tree/DEBIAN tree/usr/sbin tree/etc/chrony tree/lib/systemd/system
        printf 'Package: chrony\nVersion: 9.0\nProvides: time-daemon\nConflicts: time-daemon\nReplaces: time-daemon\nArchitecture: all\nMaintainer: x <x@example.org>\nDescription: x\n' >tree/DEBIAN/control
        printf '#!/bin/sh\necho started >>/srv/started\nexec sleep infinity\n' >tree/usr/sbin/chronyd
        chmod 755 tree/usr/sbin/chronyd
        printf 'confdir /etc/chrony/conf.d\npool 2.debian.pool.ntp.org iburst\ndriftfile /var/lib/chrony/chrony.drift\n' \
            >tree/etc/chrony/chrony.conf
        printf '[Service]\nExecStart=/usr/sbin/chronyd\n[Install]\nWantedBy=multi-user.target\n' >tree/lib/systemd/system/chrony.service
        dpkg-deb --root-owner-group --build tree chrony.deb >&2
        cat tree/DEBIAN/control >Packages
        printf 'Filename: ./chrony.deb\nSize: %s\nSHA256: %s\n' \
            "$(stat -c %s chrony.deb)" "$(sha256sum chrony.deb | cut -d ' ' -f 1)" >>Packages
        echo 'deb [trusted=yes] file:/srv/repository ./' >/etc/apt/sources.list
    "#;
    let made = machine.run(&["dash", "-c", script]).unwrap();
    assert!(made.status.success(), "{made:?}");
}

#[test]
fn the_client_that_is_there_asks_the_servers_given() {
    let lab = Lab::new();
    let machine = Machine::start(&MachineSpec::of_kind(Kind::Systemd)).unwrap();
    machine.run(&["systemctl", "unmask", "systemd-timesyncd"]).unwrap();
    let data = lab.file(
        "user-data.yaml",
        "#cloud-config\nntp:\n  servers: [192.0.2.1, time.example.org]\n  pools: pool.example.org\n",
    );
    for more in [&[][..], &["--rerun"]] {
        lab.apply(&target("root", &machine), &data, more).expect(0);
        let conf = fs::read_to_string(on(&machine, "etc/systemd/timesyncd.conf.d/cloud-init.conf")).unwrap();
        assert_eq!(conf, "[Time]\nNTP=192.0.2.1 time.example.org pool.example.org\n");
    }
}

#[test]
fn a_client_that_is_missing_is_installed_and_asks_no_others() {
    let lab = Lab::new();
    let machine = Machine::start(&MachineSpec::of_kind(Kind::Systemd)).unwrap();
    repository_with_chrony(&machine);
    let data = lab.file(
        "user-data.yaml",
        "#cloud-config\nntp: {ntp_client: chrony, servers: [192.0.2.1], pools: [pool.example.org]}\n",
    );
    lab.apply(&target("root", &machine), &data, &[]).expect(0);
    let conf = on(&machine, "etc/chrony/chrony.conf");
    let expected = "confdir /etc/chrony/conf.d\ndriftfile /var/lib/chrony/chrony.drift\n\
                    server 192.0.2.1 iburst\npool pool.example.org iburst\n";
    assert_eq!(fs::read_to_string(&conf).unwrap(), expected);
    let state = |what| {
        let asked = machine.run(&["systemctl", what, "chrony"]).unwrap();
        String::from_utf8(asked.stdout).unwrap()
    };
    assert_eq!(
        (state("is-active"), state("is-enabled")),
        ("active\n".into(), "enabled\n".into())
    );
    let starts = || fs::read_to_string(on(&machine, "srv/started")).unwrap();
    let before = starts();
    lab.apply(&target("root", &machine), &data, &["--rerun"]).expect(0);
    assert_eq!(fs::read_to_string(&conf).unwrap(), expected);
    assert_eq!(starts(), before, "it is not restarted for nothing");
}

#[test]
fn a_locale_is_made_and_set() {
    let lab = Lab::new();
    let machine = machine(Shell::Dash, SudoRule::None);
    // As on newer hosts.
    machine.run(&["mv", "/etc/default/locale", "/etc/locale.conf"]).unwrap();
    machine.run(&["ln", "-s", "../locale.conf", "/etc/default/locale"]).unwrap();
    let data = lab.file("user-data.yaml", "#cloud-config\nlocale: de_AT.UTF-8\n");
    for more in [&[][..], &["--rerun"]] {
        lab.apply(&target("root", &machine), &data, more).expect(0);
        let set = fs::read_to_string(on(&machine, "etc/locale.conf")).unwrap();
        assert!(fs::symlink_metadata(on(&machine, "etc/default/locale")).unwrap().is_symlink());
        assert_eq!(
            set.lines().filter(|line| line.starts_with("LANG=")).collect::<Vec<_>>(),
            ["LANG=de_AT.UTF-8"]
        );
        let made = machine.run(&["locale", "-a"]).unwrap();
        assert!(String::from_utf8(made.stdout).unwrap().contains("de_AT.utf8\n"));
        let chosen = fs::read_to_string(on(&machine, "etc/locale.gen")).unwrap();
        assert_eq!(chosen.matches("\nde_AT.UTF-8 UTF-8\n").count(), 1, "{chosen}");
    }
    let unknown = lab.file("unknown.yaml", "#cloud-config\nlocale: xx_XX.UTF-8\n");
    let failed = lab.apply(&target("root", &machine), &unknown, &[]).expect(1);
    assert!(failed.all().contains("there is no locale xx_XX.UTF-8 in"), "{failed:?}");
}

#[test]
fn the_final_message_is_in_the_log() {
    let lab = Lab::new();
    for machine in [
        machine(Shell::Dash, SudoRule::None),
        Machine::start(&MachineSpec::of_kind(Kind::BusyboxOnly)).unwrap(),
    ] {
        let data = lab.file(
            "user-data.yaml",
            "#cloud-config\nfinal_message: 'me@example.org: up after $UPTIME s, ${version} from $datasource'\n",
        );
        lab.apply(&target("root", &machine), &data, &[]).expect(0);
        let log = fs::read_to_string(on(&machine, "var/lib/anywhere/log")).unwrap();
        let line = log
            .lines()
            .find(|line| line.starts_with("me@example.org: up after "))
            .unwrap();
        assert!(
            line.ends_with(&format!(" s, {} from Anywhere", env!("CARGO_PKG_VERSION"))),
            "{line}"
        );
        assert!(!line.contains('$'), "{line}");
    }
}

#[test]
fn rsyslog_is_told_of_what_has_changed() {
    let lab = Lab::new();
    let machine = machine(Shell::Dash, SudoRule::None);
    let data = lab.file(
        "user-data.yaml",
        "#cloud-config
rsyslog:
  configs: ['*.* /var/log/a', {filename: b.conf, content: 'local0.* /var/log/b'}, '*.* /var/log/c']
  remotes: {main: '@@192.0.2.1:514', other: 'auth.* 192.0.2.2'}
  service_reload_command: [sh, -c, 'echo \"$0\" >>/srv/reloaded', 'it is']
",
    );
    for more in [&[][..], &["--rerun"]] {
        lab.apply(&target("root", &machine), &data, more).expect(0);
        assert_eq!(
            fs::read_to_string(on(&machine, "etc/rsyslog.d/20-cloud-config.conf")).unwrap(),
            "*.* /var/log/a\n*.* /var/log/c\n# begin remotes\n*.* @@192.0.2.1:514 # main\nauth.* @192.0.2.2 # other\n# end remotes\n"
        );
        assert_eq!(
            fs::read_to_string(on(&machine, "etc/rsyslog.d/b.conf")).unwrap(),
            "local0.* /var/log/b\n"
        );
        assert_eq!(fs::read_to_string(on(&machine, "srv/reloaded")).unwrap(), "it is\n", "once");
    }
}

#[test]
fn the_name_servers_and_the_keyboard_are_set() {
    let lab = Lab::new();
    let machine = machine(Shell::Busybox, SudoRule::None);
    let data = lab.file(
        "user-data.yaml",
        "#cloud-config
manage_resolv_conf: true
resolv_conf: {nameservers: [192.0.2.1], searchdomains: [a.example.org, b.example.org], options: {rotate: true, timeout: 1}}
keyboard: {layout: de, variant: nodeadkeys}
",
    );
    for more in [&[][..], &["--rerun"]] {
        lab.apply(&target("root", &machine), &data, more).expect(0);
        assert_eq!(
            fs::read_to_string(on(&machine, "etc/resolv.conf")).unwrap(),
            "nameserver 192.0.2.1\nsearch a.example.org b.example.org\noptions rotate timeout:1\n"
        );
        assert_eq!(
            fs::read_to_string(on(&machine, "etc/default/keyboard")).unwrap(),
            "XKBMODEL=\"pc105\"\nXKBLAYOUT=\"de\"\nXKBVARIANT=\"nodeadkeys\"\nXKBOPTIONS=\"\"\n"
        );
    }
}

#[test]
fn snap_is_asked_in_order() {
    let lab = Lab::new();
    let machine = machine(Shell::Dash, SudoRule::None);
    // It says what it is asked for, and has what it was asked to install.
    let stub = "#!/bin/sh
case $1 in
ack) cat \"$2\" >>/srv/asked ;;
list) grep -qx \"$2\" /srv/have ;;
install) echo \"$2\" >>/srv/have; echo \"$*\" >>/srv/asked ;;
*) echo \"$*\" >>/srv/asked ;;
esac
";
    fs::write(on(&machine, "srv/snap"), stub).unwrap();
    machine
        .run(&["install", "-m", "755", "/srv/snap", "/usr/local/bin/snap"])
        .unwrap();
    let data = lab.file(
        "user-data.yaml",
        "#cloud-config
snap:
  assertions: {02: 'type: b', 01: 'type: a'}
  commands:
    - [set, system, 'a b=c']
    - snap refresh --hold | cat
packages: [snap: [demo-a, [demo-b, --edge]]]
",
    );
    let commands = "type: a\n\ntype: b\n\nset system a b=c\nrefresh --hold\n";
    for (more, installed) in [(&[][..], "install demo-a\ninstall demo-b --edge\n"), (&["--rerun"], "")] {
        lab.apply(&target("root", &machine), &data, more).expect(0);
        let asked = on(&machine, "srv/asked");
        assert_eq!(fs::read_to_string(&asked).unwrap(), format!("{installed}{commands}"));
        fs::remove_file(asked).unwrap();
    }
}

#[test]
fn a_seed_is_added_once_and_the_command_gets_its_file() {
    let lab = Lab::new();
    for machine in [
        machine(Shell::Dash, SudoRule::None),
        Machine::start(&MachineSpec::of_kind(Kind::BusyboxOnly)).unwrap(),
    ] {
        fs::create_dir_all(on(&machine, "srv")).unwrap();
        let data = lab.file(
            "user-data.yaml",
            "#cloud-config
random_seed: {file: /srv/seed, data: AP8lcwo=, encoding: base64, command: [sh, -c, 'echo \"$RANDOM_SEED_FILE\" >/srv/told']}
",
        );
        for more in [&[][..], &["--rerun"]] {
            lab.apply(&target("root", &machine), &data, more).expect(0);
            assert_eq!(fs::read(on(&machine, "srv/seed")).unwrap(), b"\0\xff%s\n");
            assert_eq!(fs::read_to_string(on(&machine, "srv/told")).unwrap(), "/srv/seed\n");
        }
        let missing = lab.file(
            "missing.yaml",
            "#cloud-config\nrandom_seed: {command: [no-such], command_required: true}\n",
        );
        let failed = lab.apply(&target("root", &machine), &missing, &[]).expect(1);
        assert!(failed.all().contains("there is no no-such on this host"), "{failed:?}");
    }
}
