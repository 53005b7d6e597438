//! RemoteMachines as claims.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be set up fails")]

use std::time::Duration;

use serde_json::{Value, json};

use super::*;

fn object(metadata: Value, spec: Value, status: Value) -> RemoteMachine {
    let mut all = json!({ "name": "m", "namespace": "default", "uid": "u", "creationTimestamp": "1970-01-01T00:00:09Z" });
    all.as_object_mut().unwrap().extend(metadata.as_object().unwrap().clone());
    serde_json::from_value(json!({ "metadata": all, "spec": spec, "status": status })).unwrap()
}

fn claim_of(metadata: Value, spec: Value, status: Value) -> Claim {
    match read(&object(metadata, spec, status), Some("of its Machine")) {
        Role::Claim { claim, bad: None } => *claim,
        other @ (Role::Claim { .. } | Role::Alone(_) | Role::Nobody) => panic!("{other:?}"),
    }
}

#[test]
fn who_has_a_machine_of_its_own_claims_none() {
    let role = |spec| read(&object(json!({}), spec, json!({})), None);
    assert_eq!(
        role(json!({ "address": "192.0.2.1", "port": 2222 })),
        Role::Alone(Endpoint::new("192.0.2.1", 2222))
    );
    assert_eq!(role(json!({})), Role::Nobody);
}

#[test]
fn a_new_one_wants_what_it_says() {
    let claim = claim_of(
        json!({ "labels": { "cluster.x-k8s.io/cluster-name": "shop", "cluster.x-k8s.io/deployment-name": "md" } }),
        json!({ "pool": "edge", "poolSelector": { "matchLabels": { "disk": "nvme" } } }),
        json!({}),
    );
    assert_eq!(
        claim,
        Claim {
            id: ClaimId::new("u"),
            pool: Pool {
                namespace: "default".into(),
                name: "edge".into()
            },
            selector: Selector(vec![Requirement::In("disk".to_owned(), vec!["nvme".to_owned()])]),
            failure_domain: Some("of its Machine".to_owned()),
            group: "shop/deployment-name/md".to_owned(),
            created: SystemTime::UNIX_EPOCH + Duration::from_secs(9),
            named: None,
            begun: false,
            deleting: false,
        }
    );
}

#[test]
fn what_it_says_itself_comes_before_its_machine() {
    let claim = claim_of(json!({}), json!({ "pool": "edge", "failureDomain": "rack-1" }), json!({}));
    assert_eq!(claim.failure_domain.as_deref(), Some("rack-1"));
}

#[test]
fn the_entry_that_it_names() {
    let annotated = |annotations: Value, spec: Value| claim_of(json!({ "annotations": annotations }), spec, json!({})).named;
    let at = |address, port| {
        Some(Named {
            entry: EntryId::new("one"),
            at: Endpoint::new(address, port),
        })
    };
    let spec = json!({ "pool": "edge", "address": "192.0.2.9", "port": 2222 });
    for (annotations, expected) in [
        (
            json!({ POOL_ENTRY: "one", POOL_HOST: "[2001:db8::1]:22" }),
            at("2001:db8::1", 22),
        ),
        // Somebody mended the annotations by hand, not well.
        (json!({ POOL_ENTRY: "one", POOL_HOST: "?" }), at("192.0.2.9", 2222)),
        (json!({ POOL_ENTRY: "one" }), at("192.0.2.9", 2222)),
        (json!({ POOL_ENTRY: "" }), None),
        (json!({ POOL_HOST: "192.0.2.9:22" }), None),
    ] {
        assert_eq!(annotated(annotations.clone(), spec.clone()), expected, "{annotations}");
    }
}

#[test]
fn what_has_begun() {
    let pool = || json!({ "pool": "edge" });
    let marked = |value| json!({ "annotations": { BEGUN: value } });
    for (metadata, spec, status, begun) in [
        (json!({}), pool(), json!({}), false),
        (marked("true"), pool(), json!({}), true),
        (marked("false"), pool(), json!({}), false),
        (json!({}), json!({ "pool": "edge", "providerID": "" }), json!({}), false),
        (
            json!({}),
            json!({ "pool": "edge", "providerID": "remote-machine://a:22" }),
            json!({}),
            true,
        ),
        (json!({}), pool(), json!({ "initialization": { "provisioned": true } }), true),
        (
            json!({}),
            pool(),
            json!({ "initialization": { "provisioned": false } }),
            false,
        ),
    ] {
        assert_eq!(
            claim_of(metadata.clone(), spec.clone(), status).begun,
            begun,
            "{metadata} {spec}"
        );
    }
}

#[test]
fn machines_that_are_spread_together() {
    let group = |labels: Value| claim_of(json!({ "labels": labels }), json!({ "pool": "edge" }), json!({})).group;
    let cluster = "cluster.x-k8s.io/cluster-name";
    for (labels, expected) in [
        (json!({}), "/"),
        (json!({ cluster: "c" }), "c/"),
        (
            json!({ cluster: "c", "cluster.x-k8s.io/set-name": "s", "cluster.x-k8s.io/deployment-name": "d" }),
            "c/deployment-name/d",
        ),
        (json!({ cluster: "c", "cluster.x-k8s.io/set-name": "s" }), "c/set-name/s"),
        (
            json!({ cluster: "c", "cluster.x-k8s.io/control-plane-name": "p" }),
            "c/control-plane-name/p",
        ),
    ] {
        assert_eq!(group(labels.clone()), expected, "{labels}");
    }
}

#[test]
fn every_operator() {
    let wanted = |expression: Value| {
        let spec = json!({ "pool": "edge", "poolSelector": { "matchExpressions": [expression] } });
        match read(&object(json!({}), spec, json!({})), None) {
            Role::Claim { claim, bad: None } => Ok(claim.selector.0),
            Role::Claim { bad: Some(bad), .. } => Err(bad.to_string()),
            other @ (Role::Alone(_) | Role::Nobody) => panic!("{other:?}"),
        }
    };
    let (key, values) = (|| "k".to_owned(), || vec!["a".to_owned(), "b".to_owned()]);
    let with = |operator: &str| json!({ "key": "k", "operator": operator, "values": ["a", "b"] });
    let without = |operator: &str| json!({ "key": "k", "operator": operator });
    let wrong = |what: &str| Err(format!("spec.poolSelector.matchExpressions[0]: {what}"));
    assert_eq!(wanted(with("In")), Ok(vec![Requirement::In(key(), values())]));
    assert_eq!(wanted(with("NotIn")), Ok(vec![Requirement::NotIn(key(), values())]));
    assert_eq!(wanted(without("Exists")), Ok(vec![Requirement::Exists(key())]));
    assert_eq!(wanted(without("DoesNotExist")), Ok(vec![Requirement::DoesNotExist(key())]));
    assert_eq!(wanted(without("In")), wrong("operator In needs values"));
    assert_eq!(wanted(with("Exists")), wrong("operator Exists takes no values"));
    assert_eq!(
        wanted(with("in")),
        wrong("operator \"in\" is none of In, NotIn, Exists, DoesNotExist")
    );
}
