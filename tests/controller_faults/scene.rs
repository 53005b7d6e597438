//! Two hosts that are reached by proxies, in a pool or not, and what is to be so once a machine is provisioned there, and given back.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use testbed::Proxy;

use crate::api::{Api, Kind, is_ready};
use crate::controller_lab::{Controller, plane};
use crate::lab::on;
use crate::site::Site;
use crate::tap::{Reached, Tap, api_server, kubeconfig};

/// Bootstrap data whose every command counts how often it ran.
pub(crate) const COUNTS: &str = "#cloud-config\nwrite_files:\n- path: /etc/edge/token\n  content: secret\nruncmd:\n- echo once >> /root/first\n\
                      - echo once >> /root/second\n- echo once >> /root/third\n- mkdir -p /run/cluster-api\n\
                      - touch /run/cluster-api/bootstrap-success.complete\n";
pub(crate) const COMMANDS: [&str; 3] = ["root/first", "root/second", "root/third"];

/// Two hosts, and a controller that reaches them and the API server by proxies only.
pub(crate) struct Scene {
    pub(crate) api: Api,
    tap: Tap,
    pub(crate) hosts: Vec<Reached>,
    kubeconfig: std::path::PathBuf,
    _api_proxy: Proxy,
    _folder: TempDir,
    site: Site,
    pub(crate) kills: u64,
    slowest: Duration,
}

impl Scene {
    /// The hosts are a pool's.
    pub(crate) fn new(prefix: &str) -> Self {
        let scene = Self::without_a_pool(prefix);
        for number in 0..scene.hosts.len() {
            scene.entry(number);
        }
        scene
    }

    pub(crate) fn without_a_pool(prefix: &str) -> Self {
        let site = Site::new(prefix);
        site.cluster();
        let tap = Tap::default();
        let api_proxy = tap.before(api_server(plane()));
        let folder = tempfile::tempdir().unwrap();
        let kubeconfig = kubeconfig(plane(), &api_proxy, folder.path());
        Self {
            api: Api::new(&plane().kubeconfig(), site.name()),
            hosts: vec![Reached::new(&tap), Reached::new(&tap)],
            tap,
            kubeconfig,
            _api_proxy: api_proxy,
            _folder: folder,
            site,
            kills: 0,
            slowest: Duration::ZERO,
        }
    }

    /// How a host is reached, as a RemoteMachine and an entry say it.
    pub(crate) fn way_to(&self, number: usize) -> Value {
        let at = self.hosts[number].proxy.socket_address();
        json!({
            "address": at.ip().to_string(), "port": at.port(), "user": "root", "sshKeyRef": { "name": "key" },
            "cleanUpCommands": ["echo once >> /root/cleaned", "rm /root/first", "test ! -e /root/first"],
        })
    }

    pub(crate) fn entry(&self, number: usize) {
        self.api.create(
            Kind::PooledRemoteMachine,
            &format!("e{number}"),
            json!({
                "metadata": { "labels": { "rack": "one" } },
                "spec": { "pool": "edge", "machine": self.way_to(number) },
            }),
        );
    }

    pub(crate) fn controller(&self) -> Controller {
        let controller = Controller::start_as(&self.kubeconfig, self.site.name(), &[]);
        controller.until("the controllers work");
        controller
    }

    /// Does this with nobody killed.
    pub(crate) fn undisturbed(
        &mut self,
        controller: &mut Controller,
        begin: impl FnOnce(&Api) -> bool,
        is_done: impl Fn(&Self) -> bool,
    ) {
        self.kill_at(u64::MAX, controller, begin, is_done);
    }

    /// Kills the controller at the n-th chunk from `begin` on, and has another one go on where that is before the end. Says how many
    /// chunks there were, if nobody was killed.
    pub(crate) fn kill_at(
        &mut self,
        n: u64,
        controller: &mut Controller,
        begin: impl FnOnce(&Api) -> bool,
        is_done: impl Fn(&Self) -> bool,
    ) -> Option<u64> {
        let began = Instant::now();
        self.tap.arm(controller.pid(), n);
        assert!(begin(&self.api));
        self.api.until("killed, or done", || self.tap.has_killed() || is_done(self));
        let passed = self.tap.disarm();
        if passed.is_none() {
            // The old one is reaped when it is dropped.
            *controller = self.controller();
            self.kills += 1;
        }
        self.api.until("done", || is_done(self));
        let took = began.elapsed();
        if took > self.slowest {
            let what = passed.map_or_else(|| format!("killed at chunk {n}"), |all| format!("{all} chunks"));
            println!("{what}: {took:?}");
            self.slowest = took;
        }
        passed
    }

    pub(crate) fn states(&self) -> Vec<String> {
        let entries = self.api.list(Kind::PooledRemoteMachine);
        let state = |entry: &Value| entry["status"]["state"].as_str().unwrap_or_default().to_owned();
        entries.iter().map(state).collect()
    }

    pub(crate) fn is_ready(&self, name: &str) -> bool {
        self.api
            .find(Kind::RemoteMachine, name)
            .is_some_and(|machine| is_ready(&machine))
    }

    pub(crate) fn is_released(&self, name: &str) -> bool {
        self.api.find(Kind::RemoteMachine, name).is_none() && self.states().iter().all(|state| state == "Free")
    }

    /// How often something was written down on a host.
    pub(crate) fn lines(&self, number: usize, path: &str) -> usize {
        let text = std::fs::read_to_string(on(&self.hosts[number].host, path));
        text.unwrap_or_default().lines().count()
    }

    pub(crate) fn has(&self, number: usize, path: &str) -> bool {
        on(&self.hosts[number].host, path).exists()
    }

    /// Exactly one host of the pool is this one's; for the rest see [`Scene::check_counts`]. Says which host.
    #[track_caller]
    pub(crate) fn check_provisioned(&self, name: &str, context: &str) -> usize {
        let machine = self.api.get(Kind::RemoteMachine, name);
        let entries = self.api.list(Kind::PooledRemoteMachine);
        let has_it = |entry: &Value| entry["status"]["machineRef"]["uid"] == machine["metadata"]["uid"];
        let bound: Vec<usize> = (0..entries.len()).filter(|number| has_it(&entries[*number])).collect();
        let [number] = bound[..] else {
            panic!("{context}: {} has {bound:?}\n{}", name, self.api.shown())
        };
        let states = self.states();
        assert_eq!(states[number], "Bound", "{context}");
        assert!(
            (0..states.len()).all(|other| other == number || states[other] != "Bound"),
            "{context}: {states:?}"
        );
        let annotations = &machine["metadata"]["annotations"];
        assert_eq!(
            annotations["anywhere.k0smotron.io/pool-entry"],
            format!("e{number}"),
            "{context}"
        );
        let owner = self.api.get(Kind::Machine, name);
        assert_eq!(owner["metadata"]["labels"]["rack"], "one", "{context}");
        self.check_counts(name, number, context);
        number
    }

    /// All of its commands ran once on this host and never on another, and everybody says the same of it.
    #[track_caller]
    pub(crate) fn check_counts(&self, name: &str, number: usize, context: &str) {
        let machine = self.api.get(Kind::RemoteMachine, name);
        let at = self.hosts[number].proxy.socket_address();
        assert_eq!(machine["spec"]["providerID"], format!("remote-machine://{at}"), "{context}");
        for other in 0..self.hosts.len() {
            let times = COMMANDS.map(|path| self.lines(other, path));
            let expected = if other == number { [1; 3] } else { [0; 3] };
            assert_eq!(times, expected, "{context}: host {other}, and {name} has {number}");
        }
    }

    /// No host is anybody's, and what the clean-up had to do was done.
    #[track_caller]
    pub(crate) fn check_released(&self, number: usize, context: &str) {
        for other in 0..self.hosts.len() {
            for path in ["var/lib/anywhere", "run/anywhere", "etc/edge/token", "root/first"] {
                let is_left = match path {
                    "run/anywhere" => {
                        std::fs::read_dir(on(&self.hosts[other].host, path)).is_ok_and(|mut all| all.next().is_some())
                    }
                    _ => self.has(other, path),
                };
                assert!(!is_left, "{context}: host {other} has /{path}");
            }
        }
        if let Some(entry) = self.api.find(Kind::PooledRemoteMachine, &format!("e{number}")) {
            assert_eq!(entry["status"]["verification"], "Proven", "{context}");
        }
        assert!(self.lines(number, "root/cleaned") >= 1, "{context}");
        assert_eq!(self.lines(number, "root/second"), 1, "{context}");
        for path in ["root/second", "root/third", "root/cleaned"] {
            std::fs::remove_file(on(&self.hosts[number].host, path)).unwrap();
        }
    }

    /// What Cluster API and its bootstrap provider would take away.
    pub(crate) fn forget(&self, name: &str) {
        self.api.delete(Kind::Machine, name);
        self.api.delete(Kind::Secret, &format!("{name}-data"));
    }
}
