//! From one version to the other and back, nothing is lost, whatever an object holds.

use crate::arbitrary;

use crds::KINDS;
use crds::conversion::convert;
use crds::definition::Version;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

fn other(version: Version) -> Version {
    match version {
        Version::V1Beta1 => Version::V1Beta2,
        Version::V1Beta2 => Version::V1Beta1,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn there_and_back_is_where_it_was(
        (definition, version, object) in (select(&KINDS[..]), select(&Version::ALL[..]))
            .prop_flat_map(|(definition, version)| (Just(definition), Just(version), arbitrary::object(definition, version)))
    ) {
        let there = convert(object.clone(), &definition.api_version(other(version))).unwrap();
        prop_assert_eq!(&there["apiVersion"], &json!(definition.api_version(other(version))));
        prop_assert_eq!(&there["metadata"]["name"], &object["metadata"]["name"]);
        let back = convert(there, &definition.api_version(version)).unwrap();
        prop_assert_eq!(back, object);
    }

    #[test]
    fn what_the_other_version_has_no_place_for_is_out_of_its_sight(
        (definition, version, object) in (select(&KINDS[..]), select(&Version::ALL[..]))
            .prop_flat_map(|(definition, version)| (Just(definition), Just(version), arbitrary::object(definition, version)))
    ) {
        let there = convert(object.clone(), &definition.api_version(other(version))).unwrap();
        let served = definition.served(other(version));
        arbitrary::assert_known(&there["spec"], &(served.spec)(), "spec");
        if let Some(status) = served.status {
            arbitrary::assert_known(&there["status"], &status(), "status");
        }
    }

    #[test]
    fn anything_at_all_is_converted_or_refused(object in arbitrary::json(), version in select(&Version::ALL[..])) {
        for definition in KINDS {
            let mut object = object.clone();
            if let Some(fields) = object.as_object_mut() {
                fields.insert("apiVersion".to_owned(), definition.api_version(version).into());
                fields.insert("kind".to_owned(), definition.kind.into());
            }
            let _ = convert(object, &definition.api_version(other(version)));
        }
    }
}

/// A newer release may have added fields to either version, or to both.
#[test]
fn fields_that_nobody_knows_are_where_they_were() {
    for version in Version::ALL {
        for definition in KINDS {
            let object = json!({
                "apiVersion": definition.api_version(version),
                "kind": definition.kind,
                "metadata": { "name": "one" },
                "spec": { "future": { "a": [1] }, "template": { "spec": { "future": true } } },
                "status": { "future": "b" },
            });
            let there = convert(object.clone(), &definition.api_version(other(version))).unwrap();
            let back = convert(there, &definition.api_version(version)).unwrap();
            assert_eq!(back, object);
        }
    }
}

#[test]
fn a_token_request_names_its_own_namespace_where_it_must_name_one() {
    let newer = json!({
        "apiVersion": "k0smotron.io/v1beta2",
        "kind": "JoinTokenRequest",
        "metadata": { "name": "one", "namespace": "edge" },
        "spec": { "clusterName": "shop" },
    });
    let older = convert(newer.clone(), "k0smotron.io/v1beta1").unwrap();
    assert_eq!(older["spec"]["clusterRef"], json!({ "name": "shop", "namespace": "edge" }));
    assert_eq!(convert(older, "k0smotron.io/v1beta2").unwrap(), newer);
}

#[test]
fn what_is_no_object_of_ours_is_refused() {
    let cases = [
        (json!([]), "not an object"),
        (json!({ "kind": "RemoteMachine" }), "not an object"),
        (json!({ "apiVersion": "v1", "kind": "Pod" }), "Pod in v1 is no kind"),
        (
            json!({ "apiVersion": "infrastructure.cluster.x-k8s.io/v1alpha1", "kind": "RemoteMachine" }),
            "RemoteMachine has no version",
        ),
    ];
    for (object, text) in cases {
        let error = convert(object, "infrastructure.cluster.x-k8s.io/v1beta1")
            .unwrap_err()
            .to_string();
        assert!(error.contains(text), "{error}");
    }
}

/// The annotation is in reach of users; what they make of it must not end up anywhere else than in spec and status.
#[test]
fn an_annotation_that_somebody_has_changed_is_refused() {
    for text in ["{", "[]", r#"{"metadata":{"ownerReferences":[]}}"#, r#"{"kind":"Secret"}"#] {
        let object: Value = json!({
            "apiVersion": "infrastructure.cluster.x-k8s.io/v1beta1",
            "kind": "RemoteMachine",
            "metadata": { "name": "one", "annotations": { "anywhere.k0smotron.io/v1beta2-fields": text } },
        });
        let error = convert(object, "infrastructure.cluster.x-k8s.io/v1beta2")
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("anywhere.k0smotron.io/v1beta2-fields does not hold what was put there"),
            "{error}"
        );
    }
}
