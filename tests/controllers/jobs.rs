//! What the controller makes of Jobs, as it can be seen on an API server alone: a test says here what Kubernetes' own Job controller, which
//! keeps away from these, would say of a Job. That one really runs is tried in `tests/cluster_api/jobs.rs`.

use std::time::Instant;

use serde_json::{Value, json};
use testbed::{Machine as Host, Shell, SudoRule};

use crate::controller_lab::{Controller, WATCHDOG};
use crate::lab::machine;
use crate::site::{COUNTS, Site, behind_attempt};

fn host() -> Host {
    machine(Shell::Dash, SudoRule::None)
}

fn provision_job(metadata: Value) -> Value {
    let template = json!({ "spec": { "containers": [{ "name": "ssh", "image": "example.org/ssh:1" }] } });
    json!({ "provisionJob": { "jobSpecTemplate": { "metadata": metadata, "spec": { "backoffLimit": 2, "managedBy": "example.org/a-test", "template": template } } } })
}

/// Waits until there is a Job of this name and another UID, and gives it.
#[track_caller]
fn job(site: &Site, name: &str, other_than: &str) -> Value {
    let began = Instant::now();
    loop {
        let found = site
            .namespace
            .kubectl(&["get", "job", name, "-o", "json", "--ignore-not-found"])
            .unwrap();
        if let Ok(job) = serde_json::from_str::<Value>(&found)
            && job["metadata"]["uid"] != other_than
        {
            return job;
        }
        assert!(began.elapsed() < WATCHDOG, "no Job {name} but {other_than}");
    }
}

/// Says of a Job that it has ended like this.
fn end(site: &Site, name: &str, kind: &str, reason: &str) {
    let at = "2026-11-21T00:00:00Z";
    let before = if kind == "Complete" {
        "SuccessCriteriaMet"
    } else {
        "FailureTarget"
    };
    let condition = |kind: &str| json!({ "type": kind, "status": "True", "reason": reason, "message": "so it is said", "lastTransitionTime": at, "lastProbeTime": at });
    let mut status = json!({ "startTime": at, "conditions": [condition(before), condition(kind)] });
    if kind == "Complete" {
        status["completionTime"] = at.into();
        status["succeeded"] = 1.into();
    }
    site.patch_status(&format!("job/{name}"), &json!({ "status": status }));
}

fn uid(job: &Value) -> String {
    job["metadata"]["uid"].as_str().unwrap().to_owned()
}

#[test]
fn the_end_of_the_job_decides() {
    let site = Site::new("jobs");
    site.cluster();
    let controller = Controller::start(site.name(), &[]);
    let host = host();
    site.remote_machine("j", &host, COUNTS, &provision_job(json!({})));
    let first = job(&site, "c-j", "");
    assert_eq!(first["metadata"]["ownerReferences"][0]["name"], "j");
    assert_eq!(first["spec"]["backoffLimit"], 2);
    let secret = site.object("secret/c-j-job-bootstrap-data");
    assert_eq!(secret["immutable"], true);
    site.until_says("j", "no Pod yet");

    // Whoever comes next goes on with it.
    controller.kill();
    let controller = Controller::start(site.name(), &[]);
    site.until_says("j", "no Pod yet");
    assert_eq!(uid(&job(&site, "c-j", "")), uid(&first));

    // Failed, it is made anew; and again when somebody deletes it.
    end(&site, "c-j", "Failed", "BackoffLimitExceeded");
    let message = site.until("j", "JobFailed");
    let name = site.name();
    let failed = format!("Job {name}/c-j failed: BackoffLimitExceeded: so it is said");
    assert!(behind_attempt(&message).starts_with(&failed), "{message}");
    let second = job(&site, "c-j", &uid(&first));
    site.namespace.kubectl(&["delete", "job", "c-j"]).unwrap();
    let message = site.until("j", "JobDeleted");
    assert!(message.contains(&format!("Job {name}/c-j was deleted")), "{message}");

    // Another spec is another Job, at once.
    site.patch("remotemachine/j", &json!({ "spec": { "user": "admin" } }));
    let third = job(&site, "c-j", &uid(&second));
    site.patch("remotemachine/j", &json!({ "spec": { "user": "root" } }));
    let fourth = job(&site, "c-j", &uid(&third));
    assert_ne!(uid(&fourth), uid(&third));
    site.until_says("j", "no Pod yet");
    end(&site, "c-j", "Complete", "CompletionsReached");
    site.until("j", "Ready");
    assert_eq!(
        site.get("remotemachine/j", "{.spec.providerID}"),
        format!("remote-machine://{}:{}", host.address(), host.port())
    );
    let secrets = site.namespace.kubectl(&["get", "secrets", "-o", "name"]).unwrap();
    assert!(!secrets.contains("job-bootstrap-data"), "{secrets}");

    // Deleted, it goes once the Job says so.
    site.namespace
        .kubectl(&["delete", "remotemachine", "j", "--wait=false", "--cascade=foreground"])
        .unwrap();
    let clean_up = job(&site, "c-j-clean-up", "");
    assert_eq!(clean_up["metadata"].get("ownerReferences"), None, "{clean_up}");
    site.until_says("j", "no Pod yet");
    // Where it cannot begin, another spec helps here, too.
    site.patch("remotemachine/j", &json!({ "spec": { "user": "admin" } }));
    let other = job(&site, "c-j-clean-up", &uid(&clean_up));
    assert_ne!(uid(&other), uid(&clean_up));
    site.until_says("j", "no Pod yet");
    end(&site, "c-j-clean-up", "Complete", "CompletionsReached");
    assert_eq!(site.events("j", "Cleaned").len(), 1);
    let jobs = site.namespace.kubectl(&["get", "jobs", "-o", "name"]).unwrap();
    assert!(!jobs.contains("clean-up"), "{jobs}");
    drop(controller);
}

#[test]
fn what_cannot_be_a_job_is_said() {
    let site = Site::new("no-jobs");
    site.cluster();
    let _controller = Controller::start(site.name(), &[]);
    let hosts = [host(), host(), host()];
    let [one, two, three] = &hosts;
    site.remote_machine("none", one, COUNTS, &json!({ "provisionJob": {} }));
    site.remote_machine("elsewhere", two, COUNTS, &provision_job(json!({ "namespace": "default" })));
    let theirs = json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": { "name": "mine" },
        "spec": { "suspend": true, "template": { "spec": {
            "restartPolicy": "Never", "containers": [{ "name": "a", "image": "b" }],
        } } },
    });
    site.apply(theirs);
    site.remote_machine("taken", three, COUNTS, &provision_job(json!({ "name": "mine" })));
    for (name, reason, text) in [
        ("none", "InvalidSpec", "spec.provisionJob.jobSpecTemplate is missing"),
        (
            "elsewhere",
            "InvalidSpec",
            "spec.provisionJob.jobSpecTemplate.metadata.namespace is \"default\"",
        ),
        ("taken", "JobNameTaken", "mine is there already, and is somebody else's"),
    ] {
        let message = site.until(name, reason);
        assert!(message.contains(text), "{message}");
    }
    assert_eq!(site.get("job/mine", "{.metadata.annotations}"), "");
}

#[test]
fn the_example_is_one() {
    let site = Site::new("job-example");
    let example = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/provision-job.yaml")).unwrap();
    let mut objects = example.replace("  namespace: default\n", "");
    objects = objects.replace("\n  labels:\n    cluster.x-k8s.io/cluster-name: edge", "");
    site.namespace.apply(&objects).unwrap();
    site.cluster();
    let _controller = Controller::start(site.name(), &[]);
    site.data("edge-1-data", COUNTS);
    site.machine("edge-1", Some("edge-1-data"));
    site.own("edge-1");
    let made = job(&site, "c-edge-1", "");
    let pod = &made["spec"]["template"]["spec"];
    assert_eq!(pod["containers"][0]["volumeMounts"].as_array().unwrap().len(), 3);
    assert_eq!(pod["restartPolicy"], "Never");
}
