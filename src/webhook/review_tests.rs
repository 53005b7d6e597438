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
    serde_json::from_slice(&answer(review.to_string().as_bytes())).unwrap()
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

#[test]
fn what_is_no_review_is_told_why() {
    let review = r#""apiVersion":"apiextensions.k8s.io/v1","kind":"ConversionReview""#;
    let request = r#""uid":"u","desiredAPIVersion":"a/v1""#;
    for (body, why) in [
        ("{}".to_owned(), "missing field"),
        (format!("{{{review}}}"), "missing field `request`"),
        (format!("{{{review},\"request\":{{{request}}}}}"), "there is no objects"),
        (
            format!("{{{review},\"request\":{{{request},\"objects\":{{}}}}}}"),
            "expected a list of objects",
        ),
        (
            format!("{{{review},\"request\":{{{request},\"objects\":[],\"objects\":[]}}}}"),
            "there is more than one objects",
        ),
        (
            format!("{{{review},\"request\":{{{request},\"objects\":[]}}}}").replace("ConversionReview", "AdmissionReview"),
            "it is a AdmissionReview of apiextensions.k8s.io/v1",
        ),
    ] {
        let answer: Value = serde_json::from_slice(&answer(body.as_bytes())).unwrap();
        let message = answer["response"]["result"]["message"].as_str().unwrap();
        assert!(
            message.starts_with("not a ConversionReview: ") && message.contains(why),
            "{body}: {message}"
        );
    }
}

/// The objects may come before what they are to become.
#[test]
fn members_may_come_in_any_order() {
    let object = machine("one");
    let text = format!(
        r#"{{"request":{{"objects":[{object}],"desiredAPIVersion":"{NEWER}","uid":"u\""}},"more":[{{}}],"kind":"ConversionReview","apiVersion":"apiextensions.k8s.io/v1"}}"#
    );
    let answer: Value = serde_json::from_slice(&answer(text.as_bytes())).unwrap();
    assert_eq!(answer["response"]["uid"], "u\"");
    assert_eq!(answer["response"]["convertedObjects"][0]["apiVersion"], NEWER);
}

proptest! {
    #[test]
    fn every_body_is_answered(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let answer: Value = serde_json::from_slice(&answer(&body)).unwrap();
        prop_assert_eq!(&answer["response"]["result"]["status"], &json!("Failure"));
    }

    #[test]
    fn every_review_is_answered(objects in proptest::collection::vec(object(), 0..4), wanted in wanted()) {
        let count = objects.len();
        let answer = review(&objects, &wanted);
        let is_success = answer["response"]["result"]["status"] == "Success";
        let converted = answer["response"]["convertedObjects"].as_array().unwrap();
        prop_assert_eq!(converted.len(), if is_success { count } else { 0 });
        prop_assert_eq!(&answer["response"]["uid"], &json!("705ab4f5"));
    }
}

/// A version asked for, perhaps one that there is.
fn wanted() -> BoxedStrategy<String> {
    prop_oneof![Just(OLDER.to_owned()), Just(NEWER.to_owned()), "[a-z./0-9]{0,12}"].boxed()
}

/// Anything that JSON can say, with the names that are looked at in it.
fn object() -> BoxedStrategy<Value> {
    let text = prop_oneof![
        Just(OLDER.to_owned()),
        Just(NEWER.to_owned()),
        Just("RemoteMachine".to_owned()),
        Just("{\"spec\":{\"user\":1}}".to_owned()),
        "[a-z{}\"\\[]{0,6}",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        text.prop_map(Value::from),
    ];
    let any = leaf.prop_recursive(5, 40, 5, |inner| {
        let names = proptest::sample::select(vec![
            "metadata",
            "annotations",
            "anywhere.k0smotron.io/v1beta1-fields",
            "anywhere.k0smotron.io/v1beta2-fields",
            "spec",
            "status",
            "sshKeyRef",
            "cleanUpCommands",
            "initialization",
            "deprecated",
            "v1beta1",
        ]);
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            proptest::collection::btree_map(names.prop_map(str::to_owned), inner, 0..5).prop_map(|fields| json!(fields)),
        ]
    });
    // Most of them are objects of ours, as far as can be told from outside.
    (any, 0..4_u8)
        .prop_map(|(mut object, form)| {
            if let (Some(fields), true) = (object.as_object_mut(), form > 0) {
                fields.insert("kind".to_owned(), json!("RemoteMachine"));
                fields.insert("apiVersion".to_owned(), json!(if form > 1 { NEWER } else { OLDER }));
            }
            object
        })
        .boxed()
}
