//! A pool whose hosts are all dead: some refuse connections, some accept them and say nothing.

use serde_json::{Value, json};
use testbed::{Faults, Proxy, Shell, SudoRule};

use crate::api::{Api, Kind, condition, is_ready};
use crate::controller_lab::{Controller, plane};
use crate::lab::{machine, on};
use crate::silent::Silent;
use crate::site::{COUNTS, Site};

/// Entries of each kind of death, and how many more claims there are than entries.
const DEAD: usize = 3;
const MORE: usize = 2;
const CLAIMS: usize = 2 * DEAD + MORE;
/// What is written and told for one more attempt at a host.
const WRITES: f64 = 6.0;

struct Scene {
    api: Api,
    controller: Controller,
    _site: Site,
}

impl Scene {
    fn entry(&self, name: &str, at: std::net::SocketAddr) {
        let machine = json!({
            "address": at.ip().to_string(), "port": at.port(), "user": "root", "sshKeyRef": { "name": "key" },
            "timeouts": { "connectSeconds": 2 },
        });
        let spec = json!({ "pool": "edge", "machine": machine });
        self.api.create(Kind::PooledRemoteMachine, name, json!({ "spec": spec }));
    }

    /// How each claim stands: its reason, and the words.
    fn said(&self) -> Vec<(String, String)> {
        let said = |machine: &Value| {
            let (_, reason, message) = condition(machine, "Ready");
            (reason, message)
        };
        self.api.list(Kind::RemoteMachine).iter().map(said).collect()
    }

    fn count(&self, reason: &str, text: &str) -> usize {
        let all = self.said();
        all.iter()
            .filter(|(is, message)| is == reason && message.contains(text))
            .count()
    }

    /// Attempts at hosts that have failed.
    fn attempts(&self) -> f64 {
        self.controller
            .metric("anywhere_work_total{mode=\"provision\",result=\"failed\"")
    }

    fn writes(&self) -> f64 {
        ["patch", "patch-status", "create"]
            .map(|verb| {
                self.controller
                    .metric(&format!("anywhere_api_requests_total{{verb=\"{verb}\""))
            })
            .iter()
            .sum()
    }

    fn is_gone(&self, name: &str) -> bool {
        self.api.find(Kind::RemoteMachine, name).is_none()
    }
}

#[test]
fn a_pool_of_dead_hosts_costs_little_and_a_live_one_is_used_at_once() {
    let site = Site::new("dead-pool");
    site.cluster();
    let scene = Scene {
        api: Api::new(&plane().kubeconfig(), site.name()),
        controller: Controller::start(site.name(), &["--clean-timeout", "5"]),
        _site: site,
    };
    let nobody = std::net::SocketAddr::from(([127, 0, 0, 1], 9));
    let refusing = Faults {
        refuse: true,
        ..Faults::default()
    };
    let refusing = Proxy::start(nobody, refusing).unwrap();
    let silent: Vec<Silent> = (0..DEAD).map(|_| Silent::start()).collect();
    for (number, silent) in silent.iter().enumerate() {
        let port = u16::try_from(1000 + number).unwrap();
        scene.entry(&format!("refuses{number}"), (refusing.address(), port).into());
        scene.entry(&format!("silent{number}"), silent.address());
    }
    for number in 0..CLAIMS {
        scene.api.machine(&format!("m{number}"), COUNTS, &json!({ "pool": "edge" }));
    }
    let api = &scene.api;
    api.until("all say why", || {
        let unreachable = scene.count("Unreachable", "127.");
        let waiting = scene.count("WaitingForPoolEntry", "6 entries fit, all in use");
        (unreachable, waiting) == (2 * DEAD, MORE)
    });

    // One that says nothing is given up after fifteen seconds, one that refuses at once: both are tried again after ten.
    api.until("some were tried twice", || scene.attempts() >= 3.0 * DEAD as f64);
    let (attempts, writes) = (scene.attempts(), scene.writes());
    api.until("some more were tried again", || scene.attempts() >= attempts + DEAD as f64);
    let each = (scene.writes() - writes) / (scene.attempts() - attempts);
    println!("{each:.1} writes for an attempt at a host that is dead");
    assert!(each <= WRITES, "{each:.1}");

    let live = machine(Shell::Dash, SudoRule::NoPassword);
    scene.entry("live", live.socket_address());
    let is_one_ready = || api.list(Kind::RemoteMachine).iter().any(is_ready);
    api.until("one of those that waited has it", is_one_ready);

    // Who goes leaves a dead host behind, which nobody else gets.
    let holder = |entry: &str| {
        let entry = api.get(Kind::PooledRemoteMachine, entry);
        entry["status"]["machineRef"]["name"].as_str().unwrap().to_owned()
    };
    let leaving = [holder("refuses0"), holder("refuses1")];
    leaving.iter().for_each(|name| assert!(api.delete(Kind::RemoteMachine, name)));
    api.until("they are gone", || leaving.iter().all(|name| scene.is_gone(name)));
    for name in ["refuses0", "refuses1"] {
        api.until("it is kept aside", || {
            let entry = api.get(Kind::PooledRemoteMachine, name);
            entry["status"]["state"] == "Quarantined" && entry["status"]["quarantine"]["reason"] == "Unreachable"
        });
    }
    api.until("the one that waits is told of them", || {
        scene.count("WaitingForPoolEntry", "quarantined") == MORE - 1
    });

    let all = (0..CLAIMS).map(|number| (Kind::RemoteMachine, format!("m{number}")));
    let entries = api.list(Kind::PooledRemoteMachine);
    let entries = entries.iter().map(|entry| {
        (
            Kind::PooledRemoteMachine,
            entry["metadata"]["name"].as_str().unwrap().to_owned(),
        )
    });
    let all: Vec<_> = all.chain(entries).collect();
    for (kind, name) in &all {
        api.delete(*kind, name);
    }
    api.until("all of it is gone", || {
        all.iter().all(|(kind, name)| api.find(*kind, name).is_none())
    });
    assert!(!on(&live, "var/lib/anywhere").exists());
    let notes: Vec<String> = api
        .list(Kind::Event)
        .iter()
        .filter(|event| event["type"] == "Warning")
        .map(|event| format!("{} {}", event["reason"], event["note"]))
        .collect();
    let hosts = silent.iter().map(|silent| silent.address().to_string());
    let hosts = hosts.chain((0..DEAD).map(|number| format!("{}:{}", refusing.address(), 1000 + number)));
    for host in hosts {
        let says_so = |note: &&String| note.contains("NotCleaned") && note.contains(&host);
        assert!(
            notes.iter().any(|note| says_so(&note)),
            "nobody says that {host} is not clean: {notes:?}"
        );
    }
}
