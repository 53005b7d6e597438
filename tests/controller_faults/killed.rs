//! Killed at any word it says or hears: between the controller and both the API server and the hosts are proxies, and at the n-th chunk
//! that passes either of them, in any direction, it is killed. What it has said by then counts; what it was about to hear, it never
//! hears. A second controller does the rest, to which nothing happens.

use serde_json::{Value, json};

use crate::api::{Api, Kind, condition};
use crate::lab::on;
use crate::scene::{COUNTS, Scene};
use crate::seed::{Choices, is_exhaustive, seed};

/// How many kills of each kind there are where not all are gone through.
const KILLS: u64 = 8;
/// So many runs have to come to their end by themselves before there are no more chunks: their number differs a little.
const BY_THEMSELVES: u32 = 3;

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
    come_and_go(Scene::new("killed-at"), &json!({ "pool": "edge" }), Scene::check_provisioned);
}

#[test]
fn a_kill_changes_nothing_without_a_pool_either() {
    let scene = Scene::without_a_pool("killed-alone");
    let spec = scene.way_to(0);
    come_and_go(scene, &spec, |scene, name, context| {
        scene.check_counts(name, 0, context);
        0
    });
}

/// Machines with this spec come and go, with a kill each time. `check` says which host is whose.
fn come_and_go(mut scene: Scene, spec: &Value, check: impl Fn(&Scene, &str, &str) -> usize) {
    let mut choices = Choices::new(seed());
    let mut controller = scene.controller();
    let mut chunks: Option<[Chunks; 2]> = None;
    for round in 0.. {
        let name = format!("m{round}");
        // The first time nobody is killed, to learn how much there is to say.
        let at = chunks
            .as_ref()
            .map_or([u64::MAX; 2], |chunks| [chunks[0].next, chunks[1].next]);
        let context = format!("killed at {} of a provisioning, then at {} of a release", at[0], at[1]);
        let provision = |api: &Api| api.machine(&name, COUNTS, spec);
        let provisioned = scene.kill_at(at[0], &mut controller, provision, |scene| scene.is_ready(&name));
        let number = check(&scene, &name, &context);
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
