//! What is made of which template.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a test that cannot be set up fails

use crds::infrastructure::remote_machine::v1beta2::{RemoteMachine, RemoteMachineSpec};
use remote::secret::Secret;

use super::*;

fn machine(finalizers: &[&str]) -> RemoteMachine {
    let mut machine = RemoteMachine::new("m", RemoteMachineSpec::default());
    machine.metadata.namespace = Some("ns".to_owned());
    machine.metadata.uid = Some("uid-1".to_owned());
    machine.metadata.finalizers = Some(finalizers.iter().map(|name| (*name).to_owned()).collect());
    machine
}

fn template() -> Value {
    json!({
        "metadata": { "labels": { "team": "a" }, "annotations": { "note": "b" } },
        "spec": { "backoffLimit": 3, "template": {
            "metadata": { "labels": { "app": "ssh" } },
            "spec": {
                "containers": [
                    { "name": "ssh", "image": "i", "args": ["replaced"], "volumeMounts": [{ "name": "key", "mountPath": "/key" }] },
                    { "name": "other", "image": "j", "args": ["kept"] },
                ],
                "volumes": [{ "name": "key", "secret": { "secretName": "k" } }],
                "ofTheFuture": { "kept": true },
            },
        } },
    })
}

fn carrier(size: usize) -> Carrier {
    Carrier {
        entrypoint: Secret::from("entry"),
        files: [("landing", Secret::from("land")), ("program", Secret::new(vec![b'x'; size]))],
    }
}

fn shaped(template: Value, finalizers: &[&str], size: usize) -> Result<Shaped, ShapeError> {
    let provision_job = ProvisionJob {
        job_spec_template: (!template.is_null()).then(|| template.into()),
        ..ProvisionJob::default()
    };
    shape(Order {
        owner: &Owner::of(&machine(finalizers)),
        name: name(&provision_job, "c-m", Mode::Apply)?,
        provision_job: &provision_job,
        host_owner: "ns/m",
        id: "work 1",
        carrier: carrier(size),
    })
}

#[test]
fn the_contract_is_the_originals() {
    let Shaped { key, job, secret } = shaped(template(), &["f"], 7).unwrap();
    assert_eq!(key.to_string(), "ns/c-m");
    let owner = json!([{
        "apiVersion": "infrastructure.cluster.x-k8s.io/v1beta2", "kind": "RemoteMachine", "name": "m", "uid": "uid-1",
    }]);
    assert_eq!(
        job["metadata"],
        json!({
            "name": "c-m", "namespace": "ns", "ownerReferences": owner,
            "labels": { "team": "a", REMOTE_MACHINE: "m" },
            "annotations": { "note": "b", HOST_OWNER: "ns/m", WORK: "work 1" },
        })
    );
    assert_eq!(job["spec"]["backoffLimit"], 3);
    let pod = &job["spec"]["template"];
    assert_eq!(pod["metadata"]["labels"], json!({ "app": "ssh", REMOTE_MACHINE: "m" }));
    let pod = &pod["spec"];
    assert_eq!(pod["ofTheFuture"]["kept"], true);
    assert_eq!(pod["restartPolicy"], "Never");
    assert_eq!(
        pod["containers"][0]["args"],
        json!(["/var/lib/bootstrap-data/k0smotron-entrypoint.sh"])
    );
    assert_eq!(
        pod["containers"][0]["volumeMounts"][1],
        json!({ "name": "bootstrap-data", "mountPath": "/var/lib/bootstrap-data", "readOnly": true })
    );
    assert_eq!(pod["containers"][1], template()["spec"]["template"]["spec"]["containers"][1]);
    let volume = &pod["volumes"][1];
    assert_eq!(volume["secret"]["secretName"], "c-m-job-bootstrap-data");
    assert_eq!(volume["secret"]["items"][0]["mode"], 0o755);

    let secret = json!(secret);
    assert_eq!(secret["metadata"]["name"], "c-m-job-bootstrap-data");
    assert_eq!(secret["metadata"]["ownerReferences"], owner);
    let names: Vec<&String> = secret["data"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["k0smotron-entrypoint.sh", "landing", "program"]);
}

#[test]
fn what_cannot_be_is_named() {
    let with = |pointer: &str, name: &str, value: Value| {
        let mut template = template();
        template.pointer_mut(pointer).unwrap()[name] = value;
        template
    };
    let pod = "/spec/template/spec";
    for (template, expected) in [
        (Value::Null, "jobSpecTemplate is missing"),
        (json!({}), "containers is empty"),
        (json!({ "spec": { "template": {} } }), "containers is empty"),
        (with(pod, "containers", json!([])), "containers is empty"),
        (with(pod, "containers", json!(7)), "jobSpecTemplate: invalid type"),
        (
            with("/metadata", "namespace", json!("other")),
            "metadata.namespace is \"other\"",
        ),
        (
            with("/metadata", "name", json!("n".repeat(64))),
            "metadata.name has more than 63",
        ),
        (with("/spec", "parallelism", json!(2)), "spec.parallelism must be 1"),
        (with("/spec", "completions", json!(5)), "spec.completions must be 1"),
        (
            with(pod, "volumes", json!([{ "name": "bootstrap-data" }])),
            "spec.volumes: bootstrap-data is",
        ),
        (
            with(
                "/spec/template/spec/containers/0",
                "volumeMounts",
                json!([{ "name": "key", "mountPath": "/var/lib/bootstrap-data/" }]),
            ),
            "containers[0].volumeMounts: bootstrap-data is",
        ),
    ] {
        let error = shaped(template, &[], 1).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    for (size, fits) in [(MAX_SECRET - 9, true), (MAX_SECRET - 8, false)] {
        assert_eq!(shaped(template(), &[], size).is_ok(), fits, "{size}");
    }
    assert!(shaped(with("/metadata", "namespace", json!("ns")), &[], 1).is_ok());
}

#[test]
fn one_that_is_deleted_last_refers_to_nobody() {
    let Shaped { job, secret, .. } = shaped(template(), &["foregroundDeletion"], 1).unwrap();
    assert_eq!(job["metadata"]["ownerReferences"], json!([]));
    assert_eq!(secret.metadata.owner_references, Some(Vec::new()));
}

#[test]
fn an_end_is_to_be_seen() {
    for (given, made) in [(0, 60), (600, 600)] {
        let mut template = template();
        template["spec"]["ttlSecondsAfterFinished"] = given.into();
        let job = shaped(template, &[], 1).unwrap().job;
        assert_eq!(job["spec"]["ttlSecondsAfterFinished"], made);
    }
}

#[test]
fn names_fit() {
    let given = |text: Option<&str>| ProvisionJob {
        job_spec_template: Some(json!({ "metadata": { "name": text } }).into()),
        ..ProvisionJob::default()
    };
    let named = |text, otherwise: &str, mode| name(&given(text), otherwise, mode).unwrap();
    assert_eq!(named(None, "c-m", Mode::Apply), "c-m");
    assert_eq!(named(None, "c-m", Mode::Reset), "c-m-clean-up");
    assert_eq!(named(Some("mine"), "c-m", Mode::Apply), "mine");
    assert_eq!(named(Some("mine"), "c-m", Mode::Reset), "mine-clean-up");
    let (one, other) = ("a".repeat(70) + "1", "a".repeat(70) + "2");
    let (one, other) = (named(None, &one, Mode::Apply), named(None, &other, Mode::Apply));
    assert_eq!((one.len(), other.len()), (63, 63));
    assert_ne!(one, other);
    // No label ends a part with a dash.
    assert!(named(None, &("a".repeat(51) + "--" + &"b".repeat(20)), Mode::Apply).starts_with(&("a".repeat(51) + "-")));
}
