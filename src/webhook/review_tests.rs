#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a test that cannot be set up fails

use proptest::prelude::*;
use serde_json::{Value, json};

use super::answer;

fn review(objects: &[Value], wanted: &str) -> Value {
    let review = json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "ConversionReview",
        "request": { "uid": "705ab4f5", "desiredAPIVersion": wanted, "objects": objects },
    });
    serde_json::to_value(answer(review.to_string().as_bytes())).unwrap()
}

const OLDER: &str = "infrastructure.cluster.x-k8s.io/v1beta1";
const NEWER: &str = "infrastructure.cluster.x-k8s.io/v1beta2";

fn machine(name: &str) -> Value {
    json!({
        "apiVersion": OLDER,
        "kind": "RemoteMachine",
        "metadata": { "name": name, "namespace": "default" },
        "spec": { "address": "10.0.0.1", "customCleanUpCommands": ["true"] },
    })
}

#[test]
fn a_thousand_objects_are_converted_in_their_order() {
    let objects: Vec<_> = (0..1000).map(|number| machine(&format!("m{number}"))).collect();
    let answer = review(&objects, NEWER);
    assert_eq!(answer["response"]["uid"], "705ab4f5");
    assert_eq!(answer["response"]["result"]["status"], "Success");
    let converted = answer["response"]["convertedObjects"].as_array().unwrap();
    assert_eq!(converted.len(), 1000);
    for (number, object) in converted.iter().enumerate() {
        assert_eq!(object["apiVersion"], NEWER);
        assert_eq!(object["metadata"]["name"], format!("m{number}"));
        assert_eq!(object["spec"], json!({ "address": "10.0.0.1", "cleanUpCommands": ["true"] }));
    }
}

#[test]
fn what_cannot_be_converted_is_named() {
    let mut object = machine("one");
    object["kind"] = json!("Unknown");
    let answer = review(&[object], NEWER);
    assert_eq!(answer["response"]["result"]["status"], "Failure");
    assert_eq!(
        answer["response"]["result"]["message"],
        format!("Unknown default/one: Unknown in {OLDER} is no kind of this API")
    );
    assert_eq!(answer["response"]["convertedObjects"], json!([]));
}

proptest! {
    #[test]
    fn every_body_is_answered(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let answer = serde_json::to_value(answer(&body)).unwrap();
        prop_assert_eq!(&answer["response"]["result"]["status"], &json!("Failure"));
    }
}
