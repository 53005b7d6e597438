//! The two machines of a case, and what is done to them.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use testbed::{Kind, Machine, MachineSpec};

use crate::case::Case;
use crate::compare::{self, Random, Side};
use crate::lab::{Lab, key, sh, target};
use crate::snapshot;

/// Files and folders that say nothing about what user-data asked for; a name that ends in `*` stands for all that begin so.
const NOT_COMPARED: [&str; 25] = [
    // cloud-init's own, and anywhere's.
    "/etc/cloud",
    "/opt/cloud-init",
    "/run/cloud-init",
    "/var/lib/cloud",
    "/var/log/cloud-init*",
    "/var/lib/anywhere",
    "/run/anywhere",
    // What the tools for accounts leave beside their files.
    "/etc/.pwd.lock",
    "/etc/passwd-",
    "/etc/group-",
    "/etc/shadow-",
    "/etc/gshadow-",
    "/etc/subuid-",
    "/etc/subgid-",
    // What a running machine writes by itself.
    "/run/systemd",
    "/run/dbus",
    "/run/log",
    "/run/lock",
    "/run/sshd*",
    "/run/mount",
    "/tmp/systemd-private-*",
    "/var/tmp/systemd-private-*",
    "/var/log/*",
    "/var/lib/systemd",
    // Made from the certificates by whatever this host has installed.
    "/etc/ssl/certs/java",
];

/// Units that are started when somebody asks systemd for something, and end some time later.
const OF_THEMSELVES: [&str; 4] = ["anywhere", "systemd-hostnamed", "systemd-localed", "systemd-timedated"];

/// A machine that nobody touches: what machines are like where neither has changed anything.
pub(crate) struct Reference(Machine);

impl Reference {
    pub(crate) fn start() -> Self {
        Self(start(Kind::SshdOnly))
    }
}

/// What differs between a machine to which cloud-init applied the case and one to which `anywhere` did.
pub(crate) fn differences(case: &Case, reference: &Reference) -> Vec<String> {
    let root = reference.0.root_dir().unwrap();
    let untouched = |path: &str| snapshot::entry_at(&root.join(path.trim_start_matches('/')));
    let all = [
        Applied::new("cloud-init", case, by_cloud_init),
        Applied::new("anywhere", case, by_anywhere),
    ];
    let [left, right] = &all;
    let mut lines = Vec::new();
    if left.end != right.end {
        lines.push(format!("{} by cloud-init, {} by anywhere", left.end, right.end));
    }
    if all
        .iter()
        .all(|applied| applied.end == "done" && applied.side.before == applied.side.after)
    {
        lines.push("nothing is left behind by either: this case shows nothing".to_owned());
    }
    let random = Random {
        passwords: case.passwords(),
        files: case.random_files(),
    };
    lines.extend(compare::differences([&left.side, &right.side], &random, &untouched));
    for (one, other) in [(left, right), (right, left)] {
        let only = one.units.iter().filter(|unit| !other.units.contains(unit));
        lines.extend(only.map(|unit| format!("{unit}: active only by {}", one.side.name)));
    }
    lines
}

/// What one of the two left behind.
struct Applied {
    side: Side<'static>,
    /// How it ended.
    end: &'static str,
    /// systemd's active services.
    units: Vec<String>,
}

impl Applied {
    fn new(name: &'static str, case: &Case, apply: fn(&Case, &Machine) -> &'static str) -> Self {
        let machine = start(case.kind());
        sh(&machine, &case.before());
        let before = snapshot::of(&machine, &is_not_compared);
        let end = apply(case, &machine);
        Self {
            side: Side {
                name,
                before,
                after: snapshot::of(&machine, &is_not_compared),
                address: machine.address().to_string(),
            },
            end,
            units: active_services(case, &machine),
        }
    }
}

fn by_cloud_init(case: &Case, machine: &Machine) -> &'static str {
    let root = machine.root_dir().unwrap();
    let write = |path: &str, content: &[u8]| {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    };
    let shipped = cloud_init().join("opt/cloud-init/etc/cloud");
    for file in ["cloud.cfg", "cloud.cfg.d/05_logging.cfg"] {
        write(&format!("etc/cloud/{file}"), &std::fs::read(shipped.join(file)).unwrap());
    }
    write("etc/cloud/cloud.cfg.d/99-lab.cfg", include_bytes!("lab.cfg"));
    let seed = "var/lib/cloud/seed/nocloud";
    write(&format!("{seed}/user-data"), &case.user_data());
    write(
        &format!("{seed}/meta-data"),
        b"{instance-id: machine, local-hostname: machine}\n",
    );
    if let Some(vendor_data) = case.vendor_data() {
        write(&format!("{seed}/vendor-data"), &vendor_data);
    }
    // Its sets are gone through in the same order each time.
    let python = ["/usr/bin/env", "PYTHONHASHSEED=0", "/usr/bin/python3", "-S", "-B", "-c"];
    let ran = machine.run(&[&python[..], &[include_str!("stages.py")]].concat()).unwrap();
    let result = std::fs::read(root.join("var/lib/cloud/data/result.json"));
    let result = result.unwrap_or_else(|error| panic!("{}: {error}: {}", case.name, String::from_utf8_lossy(&ran.stderr)));
    let result: serde_json::Value = serde_json::from_slice(&result).unwrap();
    match result.pointer("/v1/errors").and_then(serde_json::Value::as_array) {
        Some(errors) if errors.is_empty() => "done",
        Some(_) => "error",
        None => panic!("{}: {result}", case.name),
    }
}

fn by_anywhere(case: &Case, machine: &Machine) -> &'static str {
    let lab = Lab::new();
    let mut more = case.arguments();
    if case.vendor_data().is_some() {
        more.extend(["--vendor-data".to_owned(), case.path("vendor-data").display().to_string()]);
    }
    if case.is_remote_machine() {
        more.extend(["-f".to_owned(), remote_machine(&lab, machine)]);
    } else {
        more.push(target("root", machine));
    }
    let (key, user_data) = (key(), case.path("user-data").display().to_string());
    let mut words = vec!["apply", "-i", &key, "--bootstrap-data", &user_data];
    words.extend(more.iter().map(String::as_str));
    let ran = lab.run(&words);
    match ran.status {
        0 => "done",
        1 => "error",
        2 => "refused",
        _ => panic!("{}: {ran:?}", case.name),
    }
}

/// A manifest of the machine, with the name that cloud-init's metadata has.
fn remote_machine(lab: &Lab, machine: &Machine) -> String {
    let spec = serde_json::json!({
        "address": machine.address().to_string(),
        "port": machine.port(),
        "user": "root",
        "sshKeyRef": {"name": "key"},
    });
    let metadata = |name| serde_json::json!({"name": name, "namespace": "default"});
    let group = "infrastructure.cluster.x-k8s.io/v1beta2";
    let secret = serde_json::json!({"value": machine.keys().private_key().unwrap()});
    let objects = serde_json::json!({"apiVersion": "v1", "kind": "List", "items": [
        {"apiVersion": group, "kind": "RemoteMachine", "metadata": metadata("machine"), "spec": spec},
        {"apiVersion": "v1", "kind": "Secret", "metadata": metadata("key"), "stringData": secret},
    ]});
    lab.file("machine.json", objects.to_string()).display().to_string()
}

fn active_services(case: &Case, machine: &Machine) -> Vec<String> {
    match case.kind() {
        Kind::Systemd => {
            let list = "systemctl list-units --type=service,socket,timer --state=active --plain --no-legend | cut -d ' ' -f 1";
            sh(machine, list)
                .lines()
                .filter(|unit| !OF_THEMSELVES.iter().any(|start| unit.starts_with(start)))
                .map(str::to_owned)
                .collect()
        }
        Kind::SshdOnly | Kind::OpenRc | Kind::BusyboxOnly => Vec::new(),
    }
}

fn is_not_compared(path: &str) -> bool {
    NOT_COMPARED
        .iter()
        .any(|name| name.strip_suffix('*').map_or(path == *name, |start| path.starts_with(start)))
}

fn start(kind: Kind) -> Machine {
    Machine::start(&MachineSpec {
        name: Some("machine".to_owned()),
        layers: vec![cloud_init()],
        ..MachineSpec::of_kind(kind)
    })
    .unwrap()
}

/// The layer with cloud-init, in its `/opt/cloud-init`, outside of the clone so that the next clone has it already.
fn cloud_init() -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let fetch = || {
        let home = std::env::var_os("HOME").unwrap_or_else(|| "/root".into());
        let folder = Path::new(&home).join(".cache/anywhere/cloud-init");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/against_cloud_init/fetch.sh");
        let fetched = Command::new(script).arg(&folder).output().unwrap();
        assert!(
            fetched.status.success(),
            "cloud-init cannot be fetched: {}",
            String::from_utf8_lossy(&fetched.stderr)
        );
        folder
    };
    FOLDER.get_or_init(fetch).clone()
}
