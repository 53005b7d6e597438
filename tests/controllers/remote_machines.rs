//! RemoteMachines with an address of their own, on real SSH servers.

use serde_json::{Value, json};
use testbed::{Machine as Host, Shell, SudoRule};

use crate::controller_lab::{Controller, plane};
use crate::lab::{machine, sh, wait_until};
use crate::site::{COUNTS, Site, behind_attempt};

fn host() -> Host {
    machine(Shell::Dash, SudoRule::NoPassword)
}

/// How often [`COUNTS`] was applied.
fn counted(host: &Host) -> usize {
    sh(host, "cat /root/counted 2>/dev/null || :").lines().count()
}

#[test]
fn a_machine_waits_for_each_thing_and_is_then_provisioned() {
    let site = Site::new("waits");
    let host = host();
    let _controller = Controller::start(site.name(), &[]);
    site.bare_remote_machine("w", &host, &json!({ "sshKeyRef": { "name": "later" } }));
    let message = site.until("w", "WaitingForMachine");
    assert_eq!(
        message,
        "no Machine owns it yet: Cluster API sets the owner reference once a Machine names it as its infrastructureRef"
    );
    site.machine("w", None);
    site.own("w");
    assert_eq!(site.until("w", "WaitingForCluster"), "Cluster c is not there");
    site.bare_cluster();
    assert_eq!(
        site.until("w", "WaitingForClusterInfrastructure"),
        "Cluster c has no infrastructure yet (its condition InfrastructureReady)"
    );
    site.cluster_is_ready();
    assert_eq!(
        site.until("w", "WaitingForBootstrapData"),
        "Machine w has no bootstrap data yet (spec.bootstrap.dataSecretName): KubeadmConfig w is to make it"
    );
    site.patch(
        "machine/w",
        &json!({ "spec": { "bootstrap": { "dataSecretName": "w-data" } } }),
    );
    let name = site.name();
    assert_eq!(
        site.until("w", "WaitingForSecret"),
        format!(
            "spec.sshKeyRef: there is no Secret {name}/later\n\
             the Machine's spec.bootstrap.dataSecretName: there is no Secret {name}/w-data"
        )
    );
    site.data("w-data", COUNTS);
    let key = std::fs::read_to_string(crate::lab::key()).unwrap();
    site.secret("later", json!({ "value": key }));
    assert_eq!(site.until("w", "Ready"), "");
    assert_eq!(counted(&host), 1);

    let object = site.object("remotemachine/w");
    let address = host.address();
    assert_eq!(
        object["spec"]["providerID"],
        format!("remote-machine://{address}:{}", host.port())
    );
    let status = &object["status"];
    assert_eq!(status["initialization"]["provisioned"], true);
    assert_eq!(
        status["addresses"],
        json!([{ "type": "ExternalIP", "address": address.to_string() }])
    );
    assert_eq!(status["rememberedHosts"].as_array().map(Vec::len), Some(1));
    assert!(status.get("deprecated").is_none());
    let condition = |kind: &str| {
        let all = status["conditions"].as_array().unwrap();
        all.iter().find(|condition| condition["type"] == kind).unwrap()["status"].clone()
    };
    let shown = ["Ready", "BootstrapExecSucceeded", "Paused", "Deleting"].map(condition);
    assert_eq!(shown, ["True", "True", "False", "False"]);
    assert_eq!(site.get("machine/w", "{.metadata.labels.rack}"), "one");
    assert_eq!(site.events("w", "Provisioned").len(), 1);
}

#[test]
fn what_is_wrong_is_said_and_mended_without_a_restart() {
    let site = Site::new("wrong");
    site.cluster();
    let controller = Controller::start(site.name(), &[]);
    let (one, two, three, four) = (
        host(),
        host(),
        machine(Shell::Dash, SudoRule::Password("right".to_owned())),
        host(),
    );
    // A key that the machine does not know, one that is none, a password that sudo does not take, and data that is none.
    let other = ssh_key();
    site.secret("other", json!({ "value": other }));
    site.remote_machine("key", &one, COUNTS, &json!({ "sshKeyRef": { "name": "other" } }));
    site.secret("none", json!({ "value": "nonsense" }));
    site.remote_machine("none", &two, COUNTS, &json!({ "sshKeyRef": { "name": "none" } }));
    site.secret("sudo", json!({ "value": "wrong" }));
    let sudo = json!({ "user": "admin", "useSudo": true, "sudoPasswordRef": { "name": "sudo" } });
    site.remote_machine("sudo", &three, COUNTS, &sudo);
    site.remote_machine("data", &four, "#cloud-config\nruncmd: 7\n", &json!({}));
    site.secret("powershell", json!({ "value": "<powershell>", "format": "powershell" }));

    let name = site.name();
    site.until("key", "AuthenticationFailed");
    // By now it may have been tried again.
    let failure = site.object("remotemachine/key")["status"]["deprecated"]["v1beta1"].clone();
    assert_eq!(failure["failureReason"], "ProvisionFailed");
    let message = failure["failureMessage"].as_str().unwrap();
    assert!(message.starts_with("attempt ") && message.contains("publickey"), "{message}");
    let message = site.until("none", "InvalidCredentials");
    assert!(message.contains(&format!("Secret {name}/none key \"value\"")), "{message}");
    let message = site.until("sudo", "PrivilegeFailed");
    assert!(message.contains("sudo"), "{message}");
    let message = site.until("data", "InvalidBootstrapData");
    assert!(
        message.contains(&format!("Secret {name}/data-data key \"value\":2:")),
        "{message}"
    );
    assert_eq!([&one, &two, &three, &four].map(counted), [0; 4]);

    // Another wrong thing is said in turn.
    site.patch(
        "machine/data",
        &json!({ "spec": { "bootstrap": { "dataSecretName": "powershell" } } }),
    );
    site.until_says("data", "bootstrap data of format `powershell` is not supported");

    let key = std::fs::read_to_string(crate::lab::key()).unwrap();
    site.secret("other", json!({ "value": key }));
    site.secret("none", json!({ "value": key }));
    site.secret("sudo", json!({ "value": "right" }));
    site.data("data-data", COUNTS);
    site.patch(
        "machine/data",
        &json!({ "spec": { "bootstrap": { "dataSecretName": "data-data" } } }),
    );
    for name in ["key", "none", "sudo", "data"] {
        site.until(name, "Ready");
    }
    assert_eq!([&one, &two, &three, &four].map(counted), [1; 4]);
    assert!(site.object("remotemachine/key")["status"].get("deprecated").is_none());
    assert!(!controller.has_said("panicked"));
}

/// A private key that no machine knows.
pub(crate) fn ssh_key() -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    let made = std::process::Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(&path)
        .status()
        .unwrap();
    assert!(made.success());
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn a_failing_step_is_told_with_its_last_words_and_goes_on_where_it_failed() {
    let site = Site::new("step");
    site.cluster();
    let _controller = Controller::start(site.name(), &[]);
    let host = host();
    let data = |last: &str| {
        format!(
            "#cloud-config\nruncmd:\n- echo once >> /root/counted\n- {last}\n- mkdir -p /run/cluster-api\n- touch /run/cluster-api/bootstrap-success.complete\n"
        )
    };
    site.remote_machine("s", &host, &data("echo out of order >&2; exit 7"), &json!({}));
    let message = site.until("s", "StepFailed");
    let (first, retry) = message.rsplit_once('\n').unwrap();
    assert_eq!(
        behind_attempt(first),
        "step 3 of 6, runcmd[1]: exit status 7\n  | out of order"
    );
    assert!(retry.starts_with("tried again at 2"), "{retry}");
    assert!(!site.events("s", "ProvisioningFailed").is_empty());
    site.data("s-data", &data("touch /root/mended"));
    site.until("s", "Ready");
    assert_eq!(counted(&host), 1);
}

#[test]
fn a_secret_that_a_step_prints_is_in_no_condition_event_or_log() {
    const TOKEN: &str = "q7Lr2vZk9XwTe4Hs";
    let site = Site::new("printed");
    site.cluster();
    let environment = [("RUST_LOG", "debug".to_owned())];
    let controller = Controller::start_with(&plane().kubeconfig(), site.name(), &[], &environment);
    controller.until("the controllers work");
    let host = host();
    let data = format!(
        "#cloud-config\nwrite_files:\n- path: /etc/join/token\n  permissions: '0600'\n  content: |\n    {TOKEN}\nruncmd:\n\
         - cat /etc/join/token >&2; exit 7\n"
    );
    site.remote_machine("p", &host, &data, &json!({}));
    let message = site.until("p", "StepFailed");
    assert!(message.contains("exit status 7"), "{message}");
    let events = site.events("p", "ProvisioningFailed").join("\n");
    assert!(events.contains("exit status 7"), "{events}");
    let object = site.object("remotemachine/p").to_string();
    for (place, text) in [("condition", message), ("Event", events), ("object", object)] {
        assert!(!text.contains(TOKEN), "{place}: {text}");
    }
    assert!(!controller.has_said(TOKEN));
}

#[test]
fn a_killed_controllers_work_is_gone_on_with_by_the_next() {
    let site = Site::new("killed");
    site.cluster();
    let controller = Controller::start(site.name(), &[]);
    let host = host();
    let data =
        format!("{COUNTS}- echo begun > /root/begun\n- while [ ! -e /root/go ]; do sleep 0.1; done\n- echo end >> /root/ended\n");
    site.remote_machine("k", &host, &data, &json!({}));
    wait_until(&host, "[ -e /root/begun ]");
    controller.kill();
    sh(&host, "touch /root/go");
    let second = Controller::start(site.name(), &[]);
    site.until("k", "Ready");
    assert_eq!((counted(&host), sh(&host, "wc -l < /root/ended").trim()), (1, "1"));

    // Told to stop, it lets go within seconds, and what runs there runs on.
    let third = format!("{data}- touch /root/late\n- while [ ! -e /root/on ]; do sleep 0.1; done\n- touch /root/done\n");
    let other = machine(Shell::Dash, SudoRule::NoPassword);
    sh(&other, "touch /root/go");
    site.remote_machine("l", &other, &third, &json!({}));
    wait_until(&other, "[ -e /root/late ]");
    let (ended, took) = second.stop();
    assert!(ended.success());
    println!("stopped within {took:?} while a host was worked on");
    sh(&other, "touch /root/on");
    wait_until(&other, "[ -e /root/done ]");
    let _third = Controller::start(site.name(), &[]);
    site.until("l", "Ready");
    assert_eq!((counted(&other), sh(&other, "wc -l < /root/ended").trim()), (1, "1"));
}

#[test]
fn killed_again_and_again_nothing_is_done_twice() {
    let site = Site::new("again");
    site.cluster();
    let host = host();
    site.remote_machine("a", &host, COUNTS, &json!({}));
    let mut kills = 0;
    loop {
        let environment = [("RUST_LOG", "anywhere=debug".to_owned())];
        let controller = Controller::start_with(&plane().kubeconfig(), site.name(), &[], &environment);
        // It has looked once more often than one before when it goes.
        let looks = 1 + kills / 2;
        controller.until_true("that it looked", |lines| {
            let decided = lines
                .iter()
                .filter(|line| line.contains("\"message\":\"decided\""))
                .nth(looks - 1);
            let provisioned = lines
                .iter()
                .find(|line| line.contains("\"action\":\"None\",\"standing\":\"Provisioned\""));
            decided.or(provisioned).cloned()
        });
        let is_provisioned = site.get("remotemachine/a", "{.status.initialization.provisioned}") == "true";
        controller.kill();
        kills += 1;
        if is_provisioned {
            break;
        }
        assert!(kills < 40, "it gets nowhere");
    }
    println!("killed {kills} times");
    assert_eq!(counted(&host), 1);
    let _controller = Controller::start(site.name(), &[]);
    site.until("a", "Ready");
    assert_eq!(counted(&host), 1);
}

#[test]
fn a_machine_behind_another_is_reached_and_both_are_remembered() {
    let site = Site::new("jump");
    site.cluster();
    let _controller = Controller::start(site.name(), &[]);
    let (jump, host) = (host(), host());
    let way = json!([{ "address": jump.address().to_string(), "port": jump.port() }]);
    site.remote_machine(
        "j",
        &host,
        COUNTS,
        &json!({ "jumpHosts": way, "timeouts": { "connectSeconds": 5 } }),
    );
    site.until("j", "Ready");
    assert_eq!(counted(&host), 1);
    let remembered = site.object("remotemachine/j")["status"]["rememberedHosts"].clone();
    let mut hosts: Vec<_> = remembered
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["host"].as_str().unwrap().to_owned())
        .collect();
    let mut both = [jump.address().to_string(), host.address().to_string()];
    hosts.sort();
    both.sort();
    assert_eq!(hosts, both);
    site.delete("j");
    sh(&host, "[ ! -e /var/lib/anywhere ]");
}

#[test]
fn only_what_carries_the_label_is_touched() {
    let site = Site::new("filter");
    site.cluster();
    let _controller = Controller::start(site.name(), &["--watch-filter", "mine"]);
    let (one, two) = (host(), host());
    site.remote_machine("not", &one, COUNTS, &json!({}));
    site.remote_machine("mine", &two, COUNTS, &json!({}));
    let label = json!({ "metadata": { "labels": { "cluster.x-k8s.io/watch-filter": "mine" } } });
    site.patch("remotemachine/mine", &label);
    site.until("mine", "Ready");
    assert_eq!(site.get("remotemachine/not", "{.metadata.finalizers}{.status}"), "");
    assert_eq!((counted(&one), counted(&two)), (0, 1));
}

#[test]
fn a_changed_host_key_is_not_believed_until_somebody_says_so() {
    let site = Site::new("hostkey");
    site.cluster();
    let _controller = Controller::start(site.name(), &[]);
    let host = host();
    let wrong = json!([{ "host": host.address().to_string(), "keys": [OTHER_KEY] }]);
    site.data("h-data", COUNTS);
    site.machine("h", Some("h-data"));
    site.bare_remote_machine("h", &host, &json!({}));
    site.until("h", "WaitingForMachine");
    site.patch_status("remotemachine/h", &json!({ "status": { "rememberedHosts": wrong } }));
    site.own("h");
    let message = site.until("h", "HostKeyNotTrusted");
    assert!(
        message.contains("has changed") && message.contains("rememberedHosts"),
        "{message}"
    );
    assert_eq!(counted(&host), 0);
    site.patch_status("remotemachine/h", &json!({ "status": { "rememberedHosts": Value::Null } }));
    site.until("h", "Ready");
    let key = site.get("remotemachine/h", "{.status.rememberedHosts[0].keys[0]}");
    assert!(host.host_key().starts_with(&key), "{key}");
}

pub(crate) const OTHER_KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";

#[test]
fn a_deleted_machine_gives_its_host_back_clean_whatever_else_is_gone() {
    let site = Site::new("deleted");
    site.cluster();
    let _controller = Controller::start(site.name(), &["--clean-timeout", "20"]);
    let hosts = [host(), host(), host()];
    for (index, host) in hosts.iter().enumerate() {
        site.remote_machine(&format!("d{index}"), host, COUNTS, &json!({}));
    }
    for index in 0..hosts.len() {
        site.until(&format!("d{index}"), "Ready");
    }
    // With all else there; with Machine and Cluster gone; with the host gone.
    site.delete("d0");
    sh(
        &hosts[0],
        "[ ! -e /var/lib/anywhere ] && [ ! -e /run/cluster-api/bootstrap-success.complete ]",
    );
    assert!(site.events("d0", "Cleaned")[0].contains("proven clean"));
    site.namespace
        .kubectl(&["delete", "machine/d1", "cluster/c", "secret/d1-data"])
        .unwrap();
    site.delete("d1");
    sh(&hosts[1], "[ ! -e /var/lib/anywhere ]");
    let [_, _, last] = hosts;
    let address = last.address().to_string();
    last.stop();
    site.delete("d2");
    let told = site.events("d2", "CleanUpGivenUp");
    assert!(
        told[0].starts_with(&format!("{address} is not clean, and was let go after 20 s: ")),
        "{told:?}"
    );
}

#[test]
fn without_its_key_a_deleted_machine_waits_for_it_and_for_no_more_than_it_may() {
    let site = Site::new("keyless");
    site.cluster();
    let _controller = Controller::start(site.name(), &["--clean-timeout", "8"]);
    let (one, two) = (host(), host());
    site.remote_machine("a", &one, COUNTS, &json!({}));
    site.remote_machine("b", &two, COUNTS, &json!({}));
    site.until("a", "Ready");
    site.until("b", "Ready");
    site.namespace.kubectl(&["delete", "secret/key"]).unwrap();
    site.delete("a");
    assert!(site.events("a", "CleanUpGivenUp")[0].contains("spec.sshKeyRef: there is no Secret"));
    // Skipped by order, it goes at once.
    let skip = json!({ "metadata": { "annotations": { "anywhere.k0smotron.io/skip-clean-up": "true" } } });
    site.patch("remotemachine/b", &skip);
    site.delete("b");
    assert!(site.events("b", "NotCleaned")[0].contains("skip-clean-up"));
}

#[test]
fn what_is_paused_is_not_touched_and_goes_on_afterwards() {
    let site = Site::new("paused");
    site.cluster();
    site.patch("cluster/c", &json!({ "spec": { "paused": true } }));
    let _controller = Controller::start(site.name(), &[]);
    let host = host();
    site.remote_machine("p", &host, COUNTS, &json!({}));
    let paused = "{.status.conditions[?(@.type==\"Paused\")]";
    site.wait("p", &format!("jsonpath={paused}.status}}=True"));
    assert_eq!(
        site.get("remotemachine/p", &format!("{paused}.message}}")),
        "Cluster c has spec.paused"
    );
    assert_eq!(counted(&host), 0);
    site.patch("cluster/c", &json!({ "spec": { "paused": false } }));
    site.until("p", "Ready");
    assert_eq!(counted(&host), 1);
}

#[test]
fn nothing_is_written_when_nothing_changes() {
    let site = Site::new("idle");
    site.cluster();
    let controller = Controller::start(site.name(), &[]);
    let host = host();
    site.remote_machine("i", &host, COUNTS, &json!({}));
    site.until("i", "Ready");
    let version = || site.get("remotemachine/i", "{.metadata.resourceVersion}");
    let before = version();
    controller.kill();
    // A new one looks at everything, and has nothing to say; nor when it is woken by what is none of its business.
    let controller = Controller::start(site.name(), &[]);
    let looked = || controller.metric("anywhere_reconciles_total{controller=\"remotemachine\",result=\"ok\"}");
    while looked() < 1.0 {}
    site.patch("machine/i", &json!({ "metadata": { "annotations": { "some": "thing" } } }));
    while looked() < 2.0 {}
    site.secret(
        "key",
        json!({ "value": std::fs::read_to_string(crate::lab::key()).unwrap(), "more": "more" }),
    );
    site.patch("cluster/c", &json!({ "metadata": { "annotations": { "some": "thing" } } }));
    assert_eq!(controller.metric("anywhere_api_requests_total"), 0.0);
    assert_eq!(version(), before);
}
