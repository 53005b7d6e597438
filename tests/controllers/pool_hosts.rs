//! Pools of real machines: they are provisioned for who claims them, and given to the next one only when they are proven clean.

use serde_json::json;
use testbed::{Machine as Host, Shell, SudoRule};

use crate::controller_lab::{Controller, WATCHDOG};
use crate::lab::{machine, sh};
use crate::remote_machines::OTHER_KEY;
use crate::site::Site;

/// Bootstrap data that leaves a file, which a clean-up takes away again.
const LEAVES: &str = "#cloud-config\nwrite_files:\n- path: /etc/edge/token\n  content: secret\nruncmd:\n- mkdir -p /run/cluster-api\n\
                      - touch /run/cluster-api/bootstrap-success.complete\n";

fn host() -> Host {
    machine(Shell::Dash, SudoRule::NoPassword)
}

fn entry(site: &Site, name: &str, host: &Host) {
    site.apply(json!({
        "apiVersion": "infrastructure.cluster.x-k8s.io/v1beta2", "kind": "PooledRemoteMachine", "metadata": { "name": name },
        "spec": { "pool": "edge", "machine": {
            "address": host.address().to_string(), "port": host.port(), "user": "root", "sshKeyRef": { "name": "key" },
        } },
    }));
}

/// A RemoteMachine of the pool, with its Machine and bootstrap data.
fn claim(site: &Site, name: &str) {
    let secret = format!("{name}-data");
    site.data(&secret, LEAVES);
    site.machine(name, Some(&secret));
    site.apply(json!({
        "apiVersion": "infrastructure.cluster.x-k8s.io/v1beta2", "kind": "RemoteMachine", "metadata": { "name": name },
        "spec": { "pool": "edge" },
    }));
    site.own(name);
}

#[track_caller]
fn until_state(site: &Site, name: &str, state: &str) {
    let condition = format!("jsonpath={{.status.state}}={state}");
    let what = format!("prm/{name}");
    let timeout = format!("--timeout={}s", WATCHDOG.as_secs());
    if let Err(error) = site.namespace.kubectl(&["wait", "--for", &condition, &what, &timeout]) {
        panic!("{error}\n{:#}", site.object(&what));
    }
}

fn owner(host: &Host) -> String {
    sh(host, "cat /var/lib/anywhere/owner 2>/dev/null || :").trim().to_owned()
}

fn condition(site: &Site, what: &str, kind: &str) -> String {
    let path = format!("{{.status.conditions[?(@.type==\"{kind}\")]['status','reason','message']}}");
    site.get(what, &path)
}

/// Deletes a RemoteMachine, and does not wait.
fn delete(site: &Site, name: &str) {
    let what = format!("remotemachine/{name}");
    site.namespace.kubectl(&["delete", &what, "--wait=false"]).unwrap();
}

fn order(site: &Site, entry: &str, word: &str) {
    let what = format!("anywhere.k0smotron.io/{word}=");
    site.namespace.kubectl(&["annotate", "prm", entry, &what]).unwrap();
}

#[test]
fn a_machine_goes_to_the_next_one_when_it_is_proven_clean() {
    let site = Site::new("pool-next");
    site.cluster();
    let host = host();
    let _controller = Controller::start(site.name(), &[]);
    entry(&site, "a", &host);
    claim(&site, "m1");
    site.until("m1", "Ready");
    assert_eq!(owner(&host), format!("{}/m1", site.name()));
    let at = format!("{}:{}", host.address(), host.port());
    assert_eq!(
        condition(&site, "rm/m1", "MachineClaimed"),
        format!("True PoolEntryAssigned PooledRemoteMachine a at {at}")
    );
    assert_eq!(site.get("rm/m1", "{.spec.providerID}"), format!("remote-machine://{at}"));
    claim(&site, "m2");
    assert_eq!(
        site.until("m2", "WaitingForPoolEntry"),
        "position 1 of 1 in pool edge: 1 entry fits, in use"
    );
    assert_eq!(
        condition(&site, "rm/m2", "MachineClaimed"),
        "False WaitingForPoolEntry position 1 of 1 in pool edge: 1 entry fits, in use"
    );
    // What it was known by to the first one, the next one is told.
    // What the machine has, it said itself, and the template says it on.
    site.apply(json!({
        "apiVersion": "infrastructure.cluster.x-k8s.io/v1beta2", "kind": "RemoteMachineTemplate", "metadata": { "name": "t" },
        "spec": { "template": { "spec": { "pool": "edge" } } },
    }));
    let cpus = std::thread::available_parallelism().unwrap().to_string();
    for what in ["rm/m1", "prm/a", "rmt/t"] {
        let said = format!("--for=jsonpath={{.status.capacity.cpu}}={cpus}");
        site.namespace.kubectl(&["wait", &said, what, "--timeout=60s"]).unwrap();
        assert!(site.get(what, "{.status.capacity.memory}").ends_with("Ki"));
        assert_eq!(site.get(what, "{.status.nodeInfo.operatingSystem}"), "linux");
    }
    let known = site.get("rm/m1", "{.status.rememberedHosts}");
    assert!(!known.is_empty());
    assert_eq!(site.get("prm/a", "{.status.rememberedHosts}"), known);
    sh(&host, "test -e /etc/edge/token");
    delete(&site, "m1");
    site.until("m2", "Ready");
    assert_eq!(owner(&host), format!("{}/m2", site.name()));
    assert_eq!(site.get("rm/m2", "{.status.rememberedHosts}"), known);
    assert_eq!(site.events("a", "Freed"), ["it is proven clean, and free"]);
    site.delete("m2");
    until_state(&site, "a", "Free");
    assert_eq!(site.get("prm/a", "{.status.verification}"), "Proven");
    assert_ne!(site.get("prm/a", "{.status.lastReachedTime}"), "");
    assert_eq!(owner(&host), "");
    sh(&host, "test ! -e /etc/edge/token");
    site.namespace.kubectl(&["delete", "prm", "a", "--timeout=60s"]).unwrap();
}

#[test]
fn a_machine_that_is_gone_is_quarantined_and_its_claim_goes_all_the_same() {
    let site = Site::new("pool-gone");
    site.cluster();
    let host = host();
    let _controller = Controller::start(site.name(), &[]);
    entry(&site, "a", &host);
    claim(&site, "m1");
    site.until("m1", "Ready");
    host.stop();
    site.delete("m1");
    until_state(&site, "a", "Quarantined");
    assert_eq!(site.get("prm/a", "{.status.quarantine.reason}"), "Unreachable");
    assert_ne!(site.get("prm/a", "{.status.quarantine.retryAt}"), "");
    assert_eq!(site.get("prm/a", "{.status.machineRef.name}"), "m1");
    assert_eq!(site.get("prm/a", "{.status.reserved}"), "true");
    claim(&site, "m2");
    assert_eq!(
        site.until("m2", "WaitingForPoolEntry"),
        "position 1 of 1 in pool edge: 1 entry fits, quarantined"
    );
    // Nobody waits for it any longer.
    order(&site, "a", "give-up");
    let what = ["wait", "--for=jsonpath={.status.quarantine.reason}=Unreachable", "prm/a"];
    site.namespace.kubectl(&what).unwrap();
    site.namespace.kubectl(&["delete", "prm", "a", "--timeout=60s"]).unwrap();
    site.until_says("m2", "position 1 of 1 in pool edge: it has no entries");
    site.delete("m2");
}

#[test]
fn a_quarantined_machine_is_tried_again_or_accepted_when_somebody_says_so() {
    let site = Site::new("pool-orders");
    site.cluster();
    let hosts = [host(), host()];
    let _controller = Controller::start(site.name(), &[]);
    entry(&site, "a", &hosts[0]);
    entry(&site, "b", &hosts[1]);
    claim(&site, "m1");
    claim(&site, "m2");
    site.until("m1", "Ready");
    site.until("m2", "Ready");
    site.secret("key", json!({ "value": "no key" }));
    delete(&site, "m1");
    delete(&site, "m2");
    for name in ["a", "b"] {
        until_state(&site, name, "Quarantined");
        assert_eq!(site.get(&format!("prm/{name}"), "{.status.quarantine.reason}"), "Failed");
    }
    order(&site, "b", "accept");
    until_state(&site, "b", "Free");
    assert_eq!(site.get("prm/b", "{.status.verification}"), "Accepted");
    order(&site, "a", "retry");
    let again = ["wait", "--for=jsonpath={.status.attempt}=2", "prm/a", "--timeout=60s"];
    site.namespace.kubectl(&again).unwrap();
    until_state(&site, "a", "Quarantined");
    let why = condition(&site, "prm/a", "Ready");
    assert!(
        why.contains("is not a private key") && why.contains("see to sshKeyRef"),
        "{why}"
    );
    // The cause is mended: it is tried again at once, without an order.
    let key = std::fs::read_to_string(crate::lab::key()).unwrap();
    site.secret("key", json!({ "value": key }));
    until_state(&site, "a", "Free");
    assert_eq!(site.get("prm/a", "{.status.verification}"), "Proven");
    for name in ["a", "b"] {
        let what = ["wait", "--for=delete", "rm/m1", "rm/m2", "--timeout=60s"];
        site.namespace.kubectl(&what).unwrap();
        let annotations = site.get(&format!("prm/{name}"), "{.metadata.annotations}");
        assert!(!annotations.contains("anywhere.k0smotron.io/"), "{annotations}");
    }
    // The second one was not cleaned after all: the host itself refuses the next owner, and the claim gets another one.
    site.namespace.kubectl(&["delete", "prm", "a", "--timeout=60s"]).unwrap();
    claim(&site, "m3");
    until_state(&site, "b", "Quarantined");
    let whose = condition(&site, "prm/b", "Ready");
    assert!(whose.contains("it carries a run of"), "{whose}");
    entry(&site, "a", &hosts[0]);
    site.until("m3", "Ready");
    assert_eq!(owner(&hosts[0]), format!("{}/m3", site.name()));
}

#[test]
fn who_waits_on_an_empty_pool_is_deleted_at_once() {
    let site = Site::new("pool-empty");
    site.cluster();
    let _controller = Controller::start(site.name(), &[]);
    claim(&site, "m");
    assert_eq!(
        site.until("m", "WaitingForPoolEntry"),
        "position 1 of 1 in pool edge: it has no entries"
    );
    site.delete("m");
}

#[test]
fn a_controller_that_is_killed_while_it_cleans_is_followed_by_one_that_goes_on() {
    let site = Site::new("pool-killed");
    site.cluster();
    let host = host();
    let first = Controller::start(site.name(), &[]);
    entry(&site, "a", &host);
    claim(&site, "m");
    site.until("m", "Ready");
    delete(&site, "m");
    until_state(&site, "a", "Cleaning");
    first.kill();
    let _second = Controller::start(site.name(), &[]);
    until_state(&site, "a", "Free");
    assert_eq!(owner(&host), "");
}

#[test]
fn an_entry_that_is_edited_or_deleted_while_it_is_used_stays_with_its_machine() {
    let site = Site::new("pool-edited");
    site.cluster();
    let (old, new) = (host(), host());
    let _controller = Controller::start(site.name(), &[]);
    entry(&site, "a", &old);
    claim(&site, "m1");
    site.until("m1", "Ready");
    entry(&site, "a", &new);
    let generation = site.get("prm/a", "{.metadata.generation}");
    let seen = format!("jsonpath={{.status.conditions[?(@.type==\"Ready\")].observedGeneration}}={generation}");
    site.namespace
        .kubectl(&["wait", "--for", &seen, "prm/a", "--timeout=60s"])
        .unwrap();
    let at = format!("{}:{}", old.address(), old.port());
    assert_eq!(site.get("prm/a", "{.status.host}"), at);
    assert_eq!(site.get("rm/m1", "{.spec.address}"), old.address().to_string());
    site.delete("m1");
    until_state(&site, "a", "Free");
    // The machine that was used is clean; of the one that it speaks of now, nothing is known.
    assert_eq!(owner(&old), "");
    assert_eq!(site.get("prm/a", "{.status.verification}"), "Untested");
    claim(&site, "m2");
    site.until("m2", "Ready");
    assert_eq!(owner(&new), format!("{}/m2", site.name()));
    site.namespace.kubectl(&["delete", "prm", "a", "--wait=false"]).unwrap();
    site.delete("m2");
    site.namespace
        .kubectl(&["wait", "--for=delete", "prm/a", "--timeout=60s"])
        .unwrap();
    assert_eq!(owner(&new), "");
}

#[test]
fn a_claim_whose_job_was_made_stays_with_its_machine() {
    let site = Site::new("pool-job");
    site.cluster();
    let (old, new) = (host(), host());
    let _controller = Controller::start(site.name(), &[]);
    entry(&site, "a", &old);
    site.data("m-data", LEAVES);
    site.machine("m", Some("m-data"));
    let template = json!({ "spec": { "containers": [{ "name": "ssh", "image": "example.org/ssh:1" }] } });
    site.apply(json!({
        "apiVersion": "infrastructure.cluster.x-k8s.io/v1beta2", "kind": "RemoteMachine", "metadata": { "name": "m" },
        "spec": { "pool": "edge", "provisionJob": { "jobSpecTemplate": { "spec": {
            "managedBy": "example.org/a-test", "template": template,
        } } } },
    }));
    site.own("m");
    site.until_says("m", "no Pod yet");
    let job = site.get("job/c-m", "{.metadata.uid}");
    entry(&site, "a", &new);
    let generation = site.get("prm/a", "{.metadata.generation}");
    let seen = format!("jsonpath={{.status.conditions[?(@.type==\"Ready\")].observedGeneration}}={generation}");
    site.namespace
        .kubectl(&["wait", "--for", &seen, "prm/a", "--timeout=60s"])
        .unwrap();
    // What the Job has done by now nobody knows.
    assert_eq!(site.get("job/c-m", "{.metadata.uid}"), job);
    delete(&site, "m");
    site.until_says("m", "PooledRemoteMachine a is being cleaned");
    assert_eq!(site.get("rm/m", "{.spec.address}"), old.address().to_string());
    assert_eq!(
        site.get("prm/a", "{.status.host}"),
        format!("{}:{}", old.address(), old.port())
    );
}

#[test]
fn a_changed_host_key_is_told_with_all_who_remember_the_old_one() {
    let site = Site::new("pool-hostkey");
    site.cluster();
    let host = host();
    let _controller = Controller::start(site.name(), &[]);
    entry(&site, "a", &host);
    let wrong = json!([{ "host": host.address().to_string(), "keys": [OTHER_KEY] }]);
    let status = json!({ "reserved": false, "machineRef": { "name": "", "namespace": "" }, "rememberedHosts": wrong });
    site.patch_status("prm/a", &json!({ "status": status }));
    claim(&site, "m");
    let message = site.until("m", "HostKeyNotTrusted");
    let (_, advice) = message.split_once("(kubectl ").unwrap();
    let advice = advice.split_once(')').unwrap().0;
    let forget = "patch remotemachine/m pooledremotemachine/a -n NAMESPACE --subresource=status --type=merge \
                  -p '{\"status\":{\"rememberedHosts\":null}}'";
    assert_eq!(advice, forget.replace("NAMESPACE", site.name()));
    // As it says.
    let words: Vec<&str> = advice.split(' ').map(|word| word.trim_matches('\'')).collect();
    site.namespace.kubectl(&words).unwrap();
    site.until("m", "Ready");
}
