//! Killed at any word it says or hears: between the controller and both the API server and the hosts are proxies, and at the n-th chunk
//! that passes either of them, in any direction, it is killed. What it has said by then counts; what it was about to hear, it never
//! hears. A second controller does the rest, to which nothing happens.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use testbed::Proxy;

use crate::api::{Api, Kind, condition, is_ready};
use crate::controller_lab::{Controller, plane};
use crate::lab::on;
use crate::seed::{Choices, is_exhaustive, seed};
use crate::site::Site;
use crate::tap::{Reached, Tap, api_server, kubeconfig};

/// How many kills of each kind there are where not all are gone through.
const KILLS: u64 = 8;
/// So many runs have to come to their end by themselves before there are no more chunks: their number differs a little.
const BY_THEMSELVES: u32 = 3;

/// Bootstrap data whose every command counts how often it ran.
const COUNTS: &str = "#cloud-config\nwrite_files:\n- path: /etc/edge/token\n  content: secret\nruncmd:\n- echo once >> /root/first\n\
                      - echo once >> /root/second\n- echo once >> /root/third\n- mkdir -p /run/cluster-api\n\
                      - touch /run/cluster-api/bootstrap-success.complete\n";
const COMMANDS: [&str; 3] = ["root/first", "root/second", "root/third"];

/// A pool of two hosts, and a controller that reaches them and the API server by proxies only.
struct Scene {
    api: Api,
    tap: Tap,
    hosts: Vec<Reached>,
    kubeconfig: std::path::PathBuf,
    _api_proxy: Proxy,
    _folder: TempDir,
    site: Site,
    kills: u64,
    slowest: Duration,
}

impl Scene {
    fn new(prefix: &str) -> Self {
        let site = Site::new(prefix);
        site.cluster();
        let tap = Tap::default();
        let api_proxy = tap.before(api_server(plane()));
        let folder = tempfile::tempdir().unwrap();
        let kubeconfig = kubeconfig(plane(), &api_proxy, folder.path());
        let scene = Self {
            api: Api::new(&plane().kubeconfig(), site.name()),
            hosts: vec![Reached::new(&tap), Reached::new(&tap)],
            tap,
            kubeconfig,
            _api_proxy: api_proxy,
            _folder: folder,
            site,
            kills: 0,
            slowest: Duration::ZERO,
        };
        for number in 0..scene.hosts.len() {
            scene.entry(number);
        }
        scene
    }

    fn entry(&self, number: usize) {
        let at = self.hosts[number].proxy.socket_address();
        self.api.create(
            Kind::PooledRemoteMachine,
            &format!("e{number}"),
            json!({
                "metadata": { "labels": { "rack": "one" } },
                "spec": { "pool": "edge", "machine": {
                    "address": at.ip().to_string(), "port": at.port(), "user": "root", "sshKeyRef": { "name": "key" },
                    "cleanUpCommands": ["echo once >> /root/cleaned", "rm /root/first", "test ! -e /root/first"],
                } },
            }),
        );
    }

    fn controller(&self) -> Controller {
        let controller = Controller::start_as(&self.kubeconfig, self.site.name(), &[]);
        controller.until("the controllers work");
        controller
    }

    /// Kills the controller at the n-th chunk from `begin` on, and has another one go on where that is before the end. Says how many
    /// chunks there were, if nobody was killed.
    fn kill_at(
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

    fn states(&self) -> Vec<String> {
        let entries = self.api.list(Kind::PooledRemoteMachine);
        let state = |entry: &Value| entry["status"]["state"].as_str().unwrap_or_default().to_owned();
        entries.iter().map(state).collect()
    }

    fn is_ready(&self, name: &str) -> bool {
        self.api
            .find(Kind::RemoteMachine, name)
            .is_some_and(|machine| is_ready(&machine))
    }

    fn is_released(&self, name: &str) -> bool {
        self.api.find(Kind::RemoteMachine, name).is_none() && self.states() == ["Free", "Free"]
    }

    /// How often something was written down on a host.
    fn lines(&self, number: usize, path: &str) -> usize {
        let text = std::fs::read_to_string(on(&self.hosts[number].host, path));
        text.unwrap_or_default().lines().count()
    }

    fn has(&self, number: usize, path: &str) -> bool {
        on(&self.hosts[number].host, path).exists()
    }

    /// Exactly one host is this one's, all of its commands ran there once, and everybody says the same of it.
    #[track_caller]
    fn check_provisioned(&self, name: &str, context: &str) -> usize {
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
        let at = self.hosts[number].proxy.socket_address();
        assert_eq!(machine["spec"]["providerID"], format!("remote-machine://{at}"), "{context}");
        let owner = self.api.get(Kind::Machine, name);
        assert_eq!(owner["metadata"]["labels"]["rack"], "one", "{context}");
        for other in 0..self.hosts.len() {
            let times = COMMANDS.map(|path| self.lines(other, path));
            let expected = if other == number { [1; 3] } else { [0; 3] };
            assert_eq!(times, expected, "{context}: host {other}, and {name} has {number}");
        }
        number
    }

    /// No host is anybody's, and what the clean-up had to do was done.
    #[track_caller]
    fn check_released(&self, number: usize, context: &str) {
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
        let entry = self.api.get(Kind::PooledRemoteMachine, &format!("e{number}"));
        assert_eq!(entry["status"]["verification"], "Proven", "{context}");
        assert!(self.lines(number, "root/cleaned") >= 1, "{context}");
        assert_eq!(self.lines(number, "root/second"), 1, "{context}");
        for path in ["root/second", "root/third", "root/cleaned"] {
            std::fs::remove_file(on(&self.hosts[number].host, path)).unwrap();
        }
    }

    /// What Cluster API and its bootstrap provider would take away.
    fn forget(&self, name: &str) {
        self.api.delete(Kind::Machine, name);
        self.api.delete(Kind::Secret, &format!("{name}-data"));
    }
}

/// At which chunks is killed: all, until nothing is left to kill; or some, evenly, from a random one on.
struct Chunks {
    next: u64,
    stride: u64,
    left: u64,
    by_themselves: u32,
}

impl Chunks {
    fn new(all: u64, choices: &mut Choices) -> Self {
        if is_exhaustive() {
            return Self {
                next: 1,
                stride: 1,
                left: u64::MAX,
                by_themselves: 0,
            };
        }
        let stride = (all / KILLS).max(1);
        Self {
            next: 1 + choices.below(stride),
            stride,
            left: KILLS,
            by_themselves: 0,
        }
    }

    fn is_over(&self) -> bool {
        self.left == 0 || self.by_themselves >= BY_THEMSELVES
    }

    fn took(&mut self, killed: bool) {
        self.next += self.stride;
        self.left = self.left.saturating_sub(1);
        self.by_themselves = if killed { 0 } else { self.by_themselves + 1 };
    }

    fn last(&self) -> u64 {
        self.next - self.stride
    }
}

#[test]
fn a_kill_at_any_word_of_a_provisioning_or_a_release_changes_nothing() {
    let mut choices = Choices::new(seed());
    let mut scene = Scene::new("killed-at");
    let mut controller = scene.controller();
    let mut chunks: Option<[Chunks; 2]> = None;
    for round in 0.. {
        let name = format!("m{round}");
        // The first time nobody is killed, to learn how much there is to say.
        let at = chunks
            .as_ref()
            .map_or([u64::MAX; 2], |chunks| [chunks[0].next, chunks[1].next]);
        let context = format!("killed at {} of a provisioning, then at {} of a release", at[0], at[1]);
        let provision = |api: &Api| api.machine(&name, COUNTS, &json!({ "pool": "edge" }));
        let provisioned = scene.kill_at(at[0], &mut controller, provision, |scene| scene.is_ready(&name));
        let number = scene.check_provisioned(&name, &context);
        let release = |api: &Api| api.delete(Kind::RemoteMachine, &name);
        let released = scene.kill_at(at[1], &mut controller, release, |scene| scene.is_released(&name));
        scene.check_released(number, &context);
        scene.forget(&name);
        let Some([one, other]) = &mut chunks else {
            let all = [provisioned.unwrap(), released.unwrap()];
            println!("{} chunks of a provisioning, {} of a release", all[0], all[1]);
            chunks = Some(all.map(|all| Chunks::new(all, &mut choices)));
            continue;
        };
        one.took(provisioned.is_none());
        other.took(released.is_none());
        if one.is_over() && other.is_over() {
            let (one, other) = (one.last(), other.last());
            println!(
                "{} kills, the last ones at {one} of a provisioning and {other} of a release",
                scene.kills
            );
            break;
        }
    }
    assert!(scene.kills >= KILLS);
}

#[test]
fn a_kill_while_a_host_refuses_its_claim_changes_nothing() {
    let mut choices = Choices::new(seed());
    let mut scene = Scene::new("killed-refused");
    let mut controller = scene.controller();
    let mut chunks: Option<Chunks> = None;
    for round in 0.. {
        let name = format!("m{round}");
        let at = chunks.as_ref().map_or(u64::MAX, |chunks| chunks.next);
        let context = format!("killed at {at}");
        // One that is proven clean is taken first; it carries a run of somebody else's, and says so.
        let theirs = on(&scene.hosts[0].host, "var/lib/anywhere");
        std::fs::create_dir_all(&theirs).unwrap();
        std::fs::write(theirs.join("owner"), "somebody/else\n").unwrap();
        let provision = |api: &Api| api.machine(&name, COUNTS, &json!({ "pool": "edge" }));
        let passed = scene.kill_at(at, &mut controller, provision, |scene| scene.is_ready(&name));
        let number = scene.check_provisioned(&name, &context);
        assert_eq!(number, 1, "{context}");
        let refused = scene.api.get(Kind::PooledRemoteMachine, "e0");
        let (_, reason, message) = condition(&refused, "Ready");
        assert_eq!(reason, "Foreign", "{context}: {message}");

        // Made good again, for the next round.
        std::fs::remove_dir_all(&theirs).unwrap();
        let retry = json!({ "metadata": { "annotations": { "anywhere.k0smotron.io/retry": "" } } });
        scene.api.patch(Kind::PooledRemoteMachine, "e0", &retry);
        scene.api.delete(Kind::RemoteMachine, &name);
        scene.api.until("released", || scene.is_released(&name));
        scene.check_released(number, &context);
        scene.forget(&name);
        scene.api.delete(Kind::PooledRemoteMachine, "e1");
        scene
            .api
            .until("e1 is gone", || scene.api.find(Kind::PooledRemoteMachine, "e1").is_none());
        scene.entry(1);
        scene.api.until("e1 is free", || scene.states() == ["Free", "Free"]);
        let Some(chunks) = &mut chunks else {
            let all = passed.unwrap();
            println!("{all} chunks until the second host was provisioned");
            chunks = Some(Chunks::new(all, &mut choices));
            continue;
        };
        chunks.took(passed.is_none());
        if chunks.is_over() {
            println!("{} kills, the last one at {}", scene.kills, chunks.last());
            break;
        }
    }
    assert!(scene.kills >= KILLS / 2);
}
