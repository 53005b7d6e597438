//! Whole stories, told to a store in memory: what is decided is carried out as an API server would, and looked at again until nothing
//! is left to do.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot be set up fails"
)]

use std::time::Duration;

use pool::{Outcome, Reason};
use serde_json::{Value, json};

use super::super::given;
use super::*;

#[derive(Default)]
struct World {
    entries: BTreeMap<String, PooledRemoteMachine>,
    machines: BTreeMap<String, RemoteMachine>,
    work: BTreeMap<String, Work>,
    mended: BTreeSet<String>,
    paused: Vec<String>,
    cluster_is_paused: bool,
    gone: BTreeSet<String>,
    now: u64,
    /// Everything that was done, in order.
    log: Vec<String>,
    told: BTreeMap<String, Told>,
    wake_at: Option<SystemTime>,
    figures: BTreeMap<String, Figures>,
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

impl World {
    fn new(entries: &[&str], claims: &[&str]) -> Self {
        let mut world = Self::default();
        entries.iter().for_each(|name| world.entry(name, json!({})));
        claims.iter().for_each(|name| world.claim(name, json!({})));
        world
    }

    /// An entry of the pool `edge` at an address of its own.
    fn entry(&mut self, name: &str, more: Value) {
        let mut object = json!({
            "metadata": { "name": name, "namespace": "default", "generation": 1 },
            "spec": { "pool": "edge", "machine": {
                "address": format!("{name}.example.com"), "port": 22, "sshKeyRef": { "name": "key" },
            } },
        });
        merge(&mut object, &more);
        self.entries.insert(name.to_owned(), serde_json::from_value(object).unwrap());
    }

    /// A RemoteMachine that wants an entry of the pool `edge`; each was made a second after the one before it.
    fn claim(&mut self, name: &str, more: Value) {
        let second = self.machines.len();
        let mut object = json!({
            "metadata": {
                "name": name, "namespace": "default", "uid": format!("uid-{name}"), "resourceVersion": "1",
                "creationTimestamp": format!("1970-01-01T00:00:{second:02}Z"), "finalizers": [claim::FINALIZER],
            },
            "spec": { "pool": "edge" },
        });
        merge(&mut object, &more);
        self.machines.insert(name.to_owned(), serde_json::from_value(object).unwrap());
    }

    fn change_claim(&mut self, name: &str, more: Value) {
        let mut object = serde_json::to_value(&self.machines[name]).unwrap();
        merge(&mut object, &more);
        self.machines.insert(name.to_owned(), serde_json::from_value(object).unwrap());
    }

    fn change_entry(&mut self, name: &str, more: Value) {
        let mut object = serde_json::to_value(&self.entries[name]).unwrap();
        merge(&mut object, &more);
        self.entries.insert(name.to_owned(), serde_json::from_value(object).unwrap());
    }

    fn delete_claim(&mut self, name: &str) {
        self.change_claim(name, json!({ "metadata": { "deletionTimestamp": "1970-01-01T01:00:00Z" } }));
    }

    /// What ends with everything done that can be. Says so if it never ends.
    fn settle(&mut self) -> &mut Self {
        let mut asked = HashMap::new();
        for _ in 0..30 {
            let pass = self.look(&asked);
            asked.clear();
            if pass.is_done() {
                return self;
            }
            let missing = pass.missing.iter().filter(|name| !self.entries.contains_key(*name));
            self.gone.extend(missing.cloned());
            for name in &pass.unname {
                self.log.push(format!("{name} unnamed"));
                let patch = json!({ "metadata": { "annotations": { claim::POOL_ENTRY: null, claim::POOL_HOST: null } } });
                self.change_claim(name, patch);
            }
            for (name, claim) in pass.retell {
                self.log.push(format!("{name} told again"));
                let machine = self.machines.values().find(|object| claim::id(object) == claim);
                let machine = machine.unwrap().clone();
                let patch = given::again(&self.entries[&name], &machine);
                self.change_claim(&machine.metadata.name.unwrap(), patch);
            }
            for (name, steps) in pass.entries {
                for step in steps {
                    self.carry_out(&name, step, &mut asked);
                }
            }
        }
        panic!("it never ends: {:#?}", self.log);
    }

    fn look(&mut self, asked: &HashMap<ClaimId, Answer>) -> Pass {
        let readings: Vec<Reading> = self.entries.values().map(Reading::of).collect();
        let seen = Seen {
            entries: self
                .entries
                .iter()
                .zip(&readings)
                .map(|((name, object), reading)| SeenEntry {
                    object,
                    reading,
                    work: self.work.get(name).cloned().unwrap_or(Work::None),
                    is_mended: self.mended.contains(name),
                })
                .collect(),
            machines: self
                .machines
                .iter()
                .map(|(name, object)| SeenMachine {
                    object,
                    failure_domain: None,
                    is_paused: self.paused.contains(name),
                })
                .collect(),
            asked: asked.clone(),
            gone: &self.gone,
            is_paused: self.cluster_is_paused,
        };
        let pass = pass(&seen, at(self.now), &Retry::default());
        self.told.clone_from(&pass.told);
        self.wake_at = pass.wake_at;
        self.figures.clone_from(&pass.figures);
        pass
    }

    fn carry_out(&mut self, name: &str, step: Step, asked: &mut HashMap<ClaimId, Answer>) {
        let entry = self.entries.get_mut(name).expect("an entry that is there");
        match step {
            Step::Metadata { finalizer, obeyed } => {
                let finalizers = entry.metadata.finalizers.get_or_insert_default();
                finalizers.retain(|name| name != entry::FINALIZER);
                if finalizer {
                    finalizers.push(entry::FINALIZER.to_owned());
                }
                for order in &obeyed {
                    entry.metadata.annotations.as_mut().unwrap().remove(*order);
                }
                self.log.push(
                    format!("{name} finalizer {finalizer} {}", obeyed.join(" "))
                        .trim_end()
                        .to_owned(),
                );
                let entry = &self.entries[name];
                if entry.metadata.deletion_timestamp.is_some() && !finalizer {
                    self.entries.remove(name);
                }
            }
            Step::Status { status, change } => {
                if let Some(change) = change {
                    self.log.push(format!("{name} {} -> {}", change.0.name(), change.1.name()));
                    self.work.remove(name);
                }
                entry.status = Some(*status);
            }
            Step::Do(Action::Name { claim, at }) => {
                self.log.push(format!("{name} named"));
                let machine = self
                    .machines
                    .values()
                    .find(|object| claim::id(object) == claim)
                    .unwrap()
                    .clone();
                let patch = given::patch(&self.entries[name], &machine, &at);
                self.change_claim(&machine.metadata.name.unwrap(), patch);
            }
            Step::Do(Action::Confirm(claim)) => {
                let known = self.machines.values().find(|object| {
                    claim::id(object) == claim
                        || claim.as_str() == format!("default/{}", object.metadata.name.as_deref().unwrap())
                });
                asked.insert(claim, if known.is_some() { Answer::There } else { Answer::Gone });
            }
            Step::Do(Action::Stop) => {
                self.log.push(format!("{name} stopped"));
                self.work.remove(name);
            }
            Step::Do(Action::Clean { at, attempt, .. }) => {
                self.log.push(format!("{name} cleans {at} #{attempt}"));
                self.work.insert(name.to_owned(), Work::Cleaning);
            }
            Step::Do(Action::LetGo) => panic!("is a write of metadata"),
        }
    }

    /// A cleaning ends.
    fn cleaned(&mut self, name: &str, attempt: u32, outcome: Outcome) -> &mut Self {
        self.work.insert(name.to_owned(), Work::Cleaned { attempt, outcome });
        self.settle()
    }

    fn state(&self, name: &str) -> State {
        entry::read(&self.entries[name]).unwrap().state
    }

    /// Each entry with its state and who has it, in a line.
    fn shown(&self) -> Vec<String> {
        let show = |object: &PooledRemoteMachine| {
            let status = object.status.as_ref().expect("a status");
            let state = status.state.as_deref().unwrap_or("?");
            format!("{} {state} {}", name(object), status.machine_ref.name)
                .trim_end()
                .to_owned()
        };
        self.entries.values().map(show).collect()
    }

    fn told(&self, name: &str) -> String {
        self.told.get(name).map_or_else(
            || "nothing".to_owned(),
            |told| format!("{}: {}", told.reason(), told.message()),
        )
    }

    fn condition(&self, name: &str, kind: &str) -> String {
        let conditions = self.entries[name].status.as_ref().unwrap().conditions.as_ref().unwrap();
        let condition = conditions.iter().find(|condition| condition.type_ == kind).unwrap();
        format!("{} {}: {}", condition.status, condition.reason, condition.message)
    }
}

/// RFC 7396.
fn merge(into: &mut Value, patch: &Value) {
    let (Value::Object(fields), Value::Object(changes)) = (&mut *into, patch) else {
        *into = patch.clone();
        return;
    };
    for (key, value) in changes {
        if value.is_null() {
            fields.remove(key);
        } else {
            merge(fields.entry(key).or_insert(Value::Null), value);
        }
    }
}

fn unreachable() -> Outcome {
    Outcome::Unclean(Reason::Unreachable("timed out".to_owned()))
}

#[test]
fn a_claim_gets_an_entry_and_all_that_says_how_it_is_reached() {
    let mut world = World::new(&["a"], &["m"]);
    world.settle();
    assert_eq!(
        world.log,
        ["a Free -> Reserved", "a finalizer true", "a named", "a Reserved -> Bound"]
    );
    assert_eq!(world.shown(), ["a Bound m"]);
    let machine = &world.machines["m"];
    assert_eq!(claim::named(machine).unwrap().at.to_string(), "a.example.com:22");
    assert_eq!(machine.spec.as_ref().unwrap().address.as_deref(), Some("a.example.com"));
    assert_eq!(world.told("m"), "nothing");
    assert_eq!(world.condition("a", "Ready"), "True InUse: a RemoteMachine has it");
    assert_eq!(world.condition("a", "Available"), "False Bound: ");
    let status = world.entries["a"].status.as_ref().unwrap();
    assert!(status.reserved);
    assert_eq!(status.machine_ref.uid.as_deref(), Some("uid-m"));
}

#[test]
fn who_gets_nothing_is_told_its_place_and_why() {
    let mut world = World::new(&["a", "b"], &["m1", "m2", "m3", "m4"]);
    world.claim(
        "m5",
        json!({ "spec": { "poolSelector": { "matchLabels": { "gpu": "yes" } } } }),
    );
    world.claim("m6", json!({ "spec": { "pool": "none" } }));
    world.claim(
        "m7",
        json!({ "spec": { "poolSelector": { "matchExpressions": [{ "key": "gpu", "operator": "has" }] } } }),
    );
    world.settle();
    assert_eq!(world.shown(), ["a Bound m1", "b Bound m2"]);
    assert_eq!(world.told("m2"), "nothing");
    assert_eq!(
        world.told("m3"),
        "WaitingForPoolEntry: position 1 of 3 in pool edge: 2 entries fit, all in use"
    );
    assert_eq!(
        world.told("m4"),
        "WaitingForPoolEntry: position 2 of 3 in pool edge: 2 entries fit, all in use"
    );
    assert_eq!(
        world.told("m5"),
        "WaitingForPoolEntry: position 3 of 3 in pool edge: it has 2 entries, none of which is what poolSelector and failureDomain \
         ask for"
    );
    assert_eq!(
        world.told("m6"),
        "WaitingForPoolEntry: position 1 of 1 in pool none: it has no entries"
    );
    assert_eq!(
        world.told("m7"),
        "PoolSelectorInvalid: spec.poolSelector.matchExpressions[0]: operator \"has\" is none of In, NotIn, Exists, DoesNotExist"
    );
    assert_eq!(
        world.figures["edge"],
        Figures {
            entries: BTreeMap::from([("Bound", 2)]),
            waiting: 3,
            oldest: Some(at(2)),
        }
    );
    world.entry("c", json!({}));
    world.settle();
    assert_eq!(world.shown(), ["a Bound m1", "b Bound m2", "c Bound m3"]);
    assert_eq!(
        world.told("m4"),
        "WaitingForPoolEntry: position 1 of 2 in pool edge: 3 entries fit, all in use"
    );
}

#[test]
fn however_long_a_claim_waits_no_timer_runs_and_the_first_entry_is_its() {
    let mut world = World::new(&[], &["c1", "c2"]);
    for now in [2, 3600, 30 * 24 * 3600] {
        world.now = now;
        world.settle();
        assert_eq!((world.wake_at, world.log.len()), (None, 0), "{now}");
    }
    world.entry("e", json!({}));
    world.settle();
    assert_eq!(world.shown(), ["e Bound c1"]);
}

#[test]
fn a_released_machine_is_cleaned_before_the_next_one_has_it() {
    let mut world = World::new(&["a"], &["m1", "m2"]);
    world.settle();
    world.log.clear();
    world.work.insert("a".to_owned(), Work::Provisioning);
    world.delete_claim("m1");
    world.settle();
    assert_eq!(
        world.log,
        [
            "a Bound -> Releasing",
            "a Releasing -> Cleaning",
            "a cleans a.example.com:22 #1"
        ],
    );
    assert_eq!(
        world.told("m2"),
        "WaitingForPoolEntry: position 1 of 1 in pool edge: 1 entry fits, being cleaned"
    );
    world.now = 500;
    world.cleaned("a", 1, Outcome::Clean);
    assert_eq!(world.shown(), ["a Verified m1"]);
    assert_eq!(
        world.entries["a"].status.as_ref().unwrap().last_reached_time,
        entry::time(at(500))
    );
    // The RemoteMachine lets go.
    world.machines.remove("m1");
    world.log.clear();
    world.settle();
    assert_eq!(
        world.log,
        ["a Verified -> Free", "a Free -> Reserved", "a named", "a Reserved -> Bound"]
    );
    assert_eq!(world.shown(), ["a Bound m2"]);
}

#[test]
fn a_free_entry_has_no_finalizer_and_can_be_deleted_at_once() {
    let mut world = World::new(&["a"], &["m"]);
    world.settle();
    world.machines.remove("m");
    world.settle();
    world.cleaned("a", 1, Outcome::Clean);
    assert_eq!(world.shown(), ["a Free"]);
    assert_eq!(world.entries["a"].metadata.finalizers, Some(Vec::new()));
    assert_eq!(
        world.condition("a", "Ready"),
        "True ProvenClean: free: it was cleaned and proven clean"
    );
    assert_eq!(world.condition("a", "Available"), "True Free: ");
}

#[test]
fn a_host_that_does_not_answer_is_kept_aside_and_tried_again() {
    let mut world = World::new(&["a"], &["m1", "m2"]);
    world.settle();
    world.delete_claim("m1");
    world.now = 1000;
    world.settle();
    world.cleaned("a", 1, unreachable());
    assert_eq!(world.shown(), ["a Quarantined m1"]);
    assert_eq!(world.entries["a"].status.as_ref().unwrap().last_reached_time, None);
    assert_eq!(
        world.condition("a", "Ready"),
        "False Unreachable: attempt 1: it does not answer: timed out; it is tried again at 1970-01-01T00:17:40Z (annotations \
         anywhere.k0smotron.io/retry, accept, give-up)"
    );
    assert_eq!(world.wake_at, Some(at(1060)));
    assert_eq!(
        world.told("m2"),
        "WaitingForPoolEntry: position 1 of 1 in pool edge: 1 entry fits, quarantined"
    );
    world.log.clear();
    world.now = 1060;
    world.settle();
    assert_eq!(world.log, ["a Quarantined -> Cleaning", "a cleans a.example.com:22 #2"]);
    world.cleaned("a", 2, unreachable());
    assert_eq!(world.wake_at, Some(at(1060 + 120)));
}

#[test]
fn one_that_was_mended_is_tried_again_at_once_unless_somebody_gave_up() {
    let mut world = World::new(&["a"], &["m"]);
    world.settle();
    world.machines.remove("m");
    world.settle();
    world.cleaned("a", 1, unreachable());
    world.mended.insert("a".to_owned());
    world.change_entry("a", json!({ "metadata": { "annotations": { entry::GIVE_UP: "" } } }));
    assert!(!world.settle().shown()[0].contains("Cleaning"));
    world.log.clear();
    world.change_entry("a", json!({ "metadata": { "annotations": { entry::GIVE_UP: null } } }));
    world.settle();
    assert_eq!(world.log, ["a Quarantined -> Cleaning", "a cleans a.example.com:22 #2"]);
}

#[test]
fn a_claim_that_has_begun_is_told_what_was_edited_and_stays_where_it_is() {
    let mut world = World::new(&["a"], &["m"]);
    world.settle();
    world.change_claim("m", json!({ "metadata": { "annotations": { claim::BEGUN: "true" } } }));
    world.log.clear();
    let edited = json!({ "address": "b.example.com", "user": "admin", "sshKeyRef": { "name": "other" } });
    world.change_entry("a", json!({ "metadata": { "generation": 2 }, "spec": { "machine": edited } }));
    // Of the way to another host it is told nothing.
    assert_eq!(world.settle().log, [""; 0]);
    world.change_entry(
        "a",
        json!({ "metadata": { "generation": 3 }, "spec": { "machine": { "address": "a.example.com" } } }),
    );
    assert_eq!(world.settle().log, ["a told again"]);
    let spec = world.machines["m"].spec.clone().unwrap();
    assert_eq!(spec.address.as_deref(), Some("a.example.com"));
    let key = spec.ssh_key_ref.as_ref().unwrap();
    assert_eq!((spec.user(), key.name.as_str()), ("admin", "other"));
    // One that is provisioned is left alone.
    world.change_claim("m", json!({ "spec": { "providerID": "remote-machine://a.example.com:22" } }));
    world.log.clear();
    world.change_entry(
        "a",
        json!({ "metadata": { "generation": 4 }, "spec": { "machine": { "user": "root" } } }),
    );
    assert_eq!(world.settle().log, [""; 0]);
}

#[test]
fn orders_are_obeyed_once() {
    let quarantined = || {
        let mut world = World::new(&["a"], &["m"]);
        world.settle();
        world.machines.remove("m");
        world.settle();
        world.cleaned("a", 1, unreachable());
        world.log.clear();
        world
    };
    let order = |key: &str| json!({ "metadata": { "annotations": { key: "" } } });

    let mut world = quarantined();
    world.change_entry("a", order(entry::RETRY));
    world.settle();
    assert_eq!(
        world.log,
        [
            "a Quarantined -> Cleaning",
            "a finalizer true anywhere.k0smotron.io/retry",
            "a cleans a.example.com:22 #2"
        ]
    );
    world.cleaned("a", 2, unreachable());
    assert_eq!(world.shown(), ["a Quarantined"].map(|line| format!("{line} m")));

    let mut world = quarantined();
    world.change_entry("a", order(entry::ACCEPT));
    world.settle();
    assert_eq!(world.state("a"), State::Free(pool::Verification::Accepted));
    assert_eq!(world.entries["a"].metadata.annotations, Some(BTreeMap::new()));

    let mut world = quarantined();
    world.change_entry("a", order(entry::GIVE_UP));
    world.settle();
    assert_eq!(world.wake_at, None);
    assert!(world.condition("a", "Ready").contains("timed out; it is not tried again"));
    world.change_entry("a", order(entry::ACCEPT));
    world.settle();
    assert_eq!(
        world.entries["a"].metadata.annotations,
        Some(BTreeMap::new()),
        "its matter is closed"
    );
}

#[test]
fn an_entry_that_is_deleted_while_it_is_used_goes_once_it_is_clean() {
    let mut world = World::new(&["a"], &["m"]);
    world.settle();
    world.change_entry("a", json!({ "metadata": { "deletionTimestamp": "1970-01-01T01:00:00Z" } }));
    world.settle();
    assert_eq!(world.shown(), ["a Bound m"]);
    assert_eq!(world.condition("a", "Available"), "False Deleting: it is being deleted");
    world.machines.remove("m");
    world.settle();
    assert_eq!(world.shown(), ["a Cleaning m"]);
    world.cleaned("a", 1, Outcome::Clean);
    assert!(world.entries.is_empty());
}

#[test]
fn a_quarantined_entry_can_be_deleted_at_once() {
    let mut world = World::new(&["a"], &["m"]);
    world.settle();
    world.machines.remove("m");
    world.settle();
    world.cleaned("a", 1, unreachable());
    world.change_entry("a", json!({ "metadata": { "deletionTimestamp": "1970-01-01T01:00:00Z" } }));
    world.settle();
    assert!(world.entries.is_empty());
}

#[test]
fn an_entry_that_is_edited_while_it_is_used_keeps_its_host() {
    let mut world = World::new(&["a"], &["m"]);
    world.settle();
    world.change_claim("m", json!({ "metadata": { "annotations": { claim::BEGUN: "true" } } }));
    world.change_entry("a", json!({ "spec": { "machine": { "address": "new.example.com" } } }));
    world.settle();
    assert_eq!(world.state("a").at().unwrap().to_string(), "a.example.com:22");
    world.log.clear();
    world.machines.remove("m");
    world.settle();
    assert!(
        world.log.contains(&"a cleans a.example.com:22 #1".to_owned()),
        "{:?}",
        world.log
    );
    world.cleaned("a", 1, Outcome::Clean);
    // Of the new host nothing is known.
    assert_eq!(world.state("a"), State::Free(pool::Verification::Untested));
}

#[test]
fn a_wrong_address_is_mended_by_editing_the_entry() {
    let mut world = World::new(&["a"], &["m"]);
    world.settle();
    world.change_entry("a", json!({ "spec": { "machine": { "address": "new.example.com" } } }));
    world.settle();
    assert_eq!(world.state("a").at().unwrap().to_string(), "new.example.com:22");
    let spec = world.machines["m"].spec.as_ref().unwrap();
    assert_eq!(spec.address.as_deref(), Some("new.example.com"));
}

#[test]
fn a_machine_that_is_described_twice_goes_to_nobody() {
    let mut world = World::new(&["a"], &[]);
    world.entry("b", json!({ "spec": { "machine": { "address": "A.example.com" } } }));
    world.entry("c", json!({}));
    world.claim("own", json!({ "spec": { "pool": null, "address": "c.example.com" } }));
    world.claim("m", json!({}));
    world.settle();
    assert_eq!(world.shown(), ["a Free", "b Free", "c Free"]);
    assert_eq!(
        world.condition("a", "AddressUnique"),
        "False DescribedTwice: its address and port are also those of PooledRemoteMachine b: keep one of them"
    );
    assert_eq!(world.condition("b", "Ready"), world.condition("b", "Available"));
    assert_eq!(
        world.condition("c", "AddressUnique"),
        "False DescribedTwice: its address and port are also those of RemoteMachine own: keep one of them"
    );
    assert_eq!(
        world.told("own"),
        "DescribedTwice: c.example.com:22 is also described by PooledRemoteMachine c: keep one of them"
    );
    assert_eq!(
        world.told("m"),
        "WaitingForPoolEntry: position 1 of 1 in pool edge: 3 entries fit, all described twice"
    );
    world.entries.remove("b");
    world.settle();
    assert_eq!(world.shown(), ["a Bound m", "c Free"]);
    assert_eq!(world.condition("a", "AddressUnique"), "True Unique: ");
}

#[test]
fn entries_of_the_original_are_taken_over() {
    let mut world = World::new(&[], &[]);
    let reserved = |name: &str| {
        json!({
            "status": { "reserved": true, "machineRef": { "name": name, "namespace": "default" } },
        })
    };
    world.entry("a", reserved("m"));
    world.entry("b", reserved("gone"));
    world.entry(
        "c",
        json!({ "status": { "reserved": false, "machineRef": { "name": "", "namespace": "" } } }),
    );
    world.claim(
        "m",
        json!({
            "spec": { "address": "a.example.com", "port": 22, "providerID": "remote-machine://a.example.com:22", "user": "root" },
            "status": { "initialization": { "provisioned": true } },
        }),
    );
    let before = world.machines["m"].spec.clone();
    world.settle();
    assert_eq!(world.shown(), ["a Bound m", "b Cleaning gone", "c Free"]);
    assert_eq!(world.machines["m"].spec, before, "it is left alone");
    assert_eq!(world.state("a").holder(), Some(&ClaimId::new("uid-m")));
    assert_eq!(
        world.entries["a"].metadata.finalizers,
        Some(vec![entry::FINALIZER.to_owned()])
    );
}

#[test]
fn states_that_were_lost_come_back_from_the_machines() {
    let mut world = World::new(&["a", "b"], &["m1", "m2"]);
    world.settle();
    for machine in ["m1", "m2"] {
        world.change_claim(machine, json!({ "status": { "initialization": { "provisioned": true } } }));
    }
    // m2 was taken over, and has not yet been told of its entry.
    let not_named = json!({ "metadata": { "annotations": { claim::POOL_ENTRY: null, claim::POOL_HOST: null } } });
    world.change_claim("m2", not_named);
    for entry in ["a", "b"] {
        world.change_entry(entry, json!({ "status": null }));
    }
    world.claim("m3", json!({}));
    world.settle();
    assert_eq!(world.shown(), ["a Bound m1", "b Bound m2"]);
    assert_eq!(
        world.told("m3"),
        "WaitingForPoolEntry: position 1 of 1 in pool edge: 2 entries fit, all in use"
    );
}

#[test]
fn a_provisioned_machine_without_an_entry_never_takes_one() {
    let mut world = World::new(&["a"], &[]);
    world.claim(
        "m",
        json!({ "spec": { "address": "elsewhere.example.com", "providerID": "remote-machine://elsewhere.example.com:22" } }),
    );
    world.settle();
    assert_eq!(world.shown(), ["a Free"]);
    assert_eq!(world.told("m"), "nothing");
}

#[test]
fn a_damaged_entry_is_left_alone_and_says_so() {
    let mut world = World::new(&[], &["m"]);
    world.entry(
        "a",
        json!({ "status": { "reserved": true, "machineRef": { "name": "", "namespace": "" }, "state": "Draining" } }),
    );
    world.entry("b", json!({ "spec": { "machine": { "address": "a.example.com" } } }));
    world.settle();
    assert_eq!(
        world.shown(),
        ["a Draining", "b Free"],
        "nor is a second entry of its machine given away"
    );
    assert_eq!(
        world.condition("a", "Ready"),
        "False StatusDamaged: status.state is \"Draining\", which this release does not know: run the release that wrote it, or \
         remove status.state"
    );
    assert_eq!(world.figures["edge"].entries, BTreeMap::from([("Damaged", 1), ("Free", 1)]));
}

#[test]
fn what_is_paused_is_left_alone() {
    let mut world = World::new(&["a", "b", "c"], &["m1", "m2"]);
    world.change_entry(
        "a",
        json!({ "metadata": { "annotations": { "cluster.x-k8s.io/paused": "" } } }),
    );
    world.paused.push("m1".to_owned());
    world.settle();
    assert_eq!(world.shown(), ["a Free", "b Bound m2", "c Free"]);
    assert_eq!(
        world.condition("a", "Available"),
        "False Paused: it, or the RemoteMachine that has it, is paused"
    );
    world.paused.push("m2".to_owned());
    world.delete_claim("m2");
    world.settle();
    assert_eq!(world.shown()[1], "b Bound m2");
    world.paused.clear();
    world.settle();
    assert_eq!(world.shown()[1..], ["b Cleaning m2", "c Bound m1"]);
}

#[test]
fn a_machine_that_has_gone_while_its_cluster_is_paused_may_have_moved() {
    let mut world = World::new(&["a"], &["m"]);
    world.settle();
    world.machines.remove("m");
    world.cluster_is_paused = true;
    let asked = HashMap::from([(ClaimId::new("uid-m"), Answer::Gone)]);
    for (_, steps) in world.look(&asked).entries {
        for step in steps {
            assert!(matches!(&step, Step::Status { change: None, .. }), "{step:?}");
        }
    }
}

#[test]
fn who_names_an_entry_that_is_not_its_own_gets_another_unless_it_has_begun() {
    let named = |name: &str| json!({ "metadata": { "annotations": { claim::POOL_ENTRY: name, claim::POOL_HOST: "x:22" } } });
    let mut world = World::new(&["a"], &["m1"]);
    world.settle();
    world.claim("m2", named("a"));
    world.claim("m3", named("never"));
    let mut begun = named("never");
    begun["metadata"]["annotations"][claim::BEGUN] = "true".into();
    world.claim("m4", begun);
    world.entry("b", json!({}));
    world.entry("c", json!({}));
    world.entry("d", json!({}));
    world.log.clear();
    world.settle();
    assert_eq!(world.shown(), ["a Bound m1", "b Bound m2", "c Bound m3", "d Free"]);
    assert_eq!(world.log[..2], ["m2 unnamed", "m3 unnamed"]);
}

#[test]
fn an_entry_remembers_what_its_machine_proved_itself_with() {
    let mut world = World::new(&["a"], &["m"]);
    world.settle();
    let keys = |key: &str| json!([{ "host": "a.example.com", "keys": [key] }]);
    for key in ["ssh-ed25519 AAAA1", "ssh-ed25519 AAAA2"] {
        world.change_claim("m", json!({ "status": { "rememberedHosts": keys(key) } }));
        world.settle();
        let status = serde_json::to_value(&world.entries["a"].status).unwrap();
        assert_eq!(status["rememberedHosts"], keys(key));
    }
}

#[test]
fn an_entry_remembers_the_job_of_its_claim_until_it_is_free() {
    let mut world = World::new(&["a"], &[]);
    let job = json!({ "jobSpecTemplate": { "spec": { "backoffLimit": 1 } } });
    world.claim("m", json!({ "spec": { "provisionJob": job } }));
    let remembered = |world: &World| serde_json::to_value(&world.entries["a"].status).unwrap()["provisionJob"].clone();
    world.settle();
    assert_eq!(remembered(&world), job);
    let edited = json!({ "scpCommand": "sftp" });
    world.change_claim("m", json!({ "spec": { "provisionJob": edited } }));
    world.settle();
    let both = json!({ "scpCommand": "sftp", "jobSpecTemplate": job["jobSpecTemplate"] });
    assert_eq!(remembered(&world), both);
    // Forced away, it is cleaned as it was provisioned.
    world.machines.remove("m");
    world.settle();
    assert_eq!((world.shown(), remembered(&world)), (vec!["a Cleaning m".to_owned()], both));
    world.cleaned("a", 1, Outcome::Clean);
    assert_eq!((world.shown(), remembered(&world)), (vec!["a Free".to_owned()], Value::Null));
}

#[test]
fn a_domain_of_the_machine_counts_where_the_pool_has_domains() {
    for (domain, expected) in [
        (json!({}), "a Bound m"),
        (json!({ "spec": { "failureDomain": "other" } }), "a Free"),
    ] {
        let mut world = World::default();
        world.entry("a", domain);
        world.claim("m", json!({}));
        let machine = world.machines["m"].clone();
        let look = |world: &World| {
            let reading = Reading::of(&world.entries["a"]);
            let seen = Seen {
                entries: vec![SeenEntry {
                    object: &world.entries["a"],
                    reading: &reading,
                    work: Work::None,
                    is_mended: false,
                }],
                machines: vec![SeenMachine {
                    object: &machine,
                    failure_domain: Some("rack-1"),
                    is_paused: false,
                }],
                asked: HashMap::new(),
                gone: &BTreeSet::new(),
                is_paused: false,
            };
            pass(&seen, at(0), &Retry::default())
        };
        let is_reserved = look(&world).entries["a"]
            .iter()
            .any(|step| matches!(step, Step::Status { change: Some(_), .. }));
        assert_eq!(is_reserved, expected == "a Bound m");
    }
}
