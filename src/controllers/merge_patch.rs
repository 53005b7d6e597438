//! The JSON merge patch (RFC 7396) that makes one value of another: pure. What would change nothing is never sent.

use serde_json::{Map, Value};

/// The patch that turns `from` into `to`; none if they are equal. Nulls inside of `to` are not to be had by such a patch: our types
/// leave out what is not there.
pub(crate) fn difference(from: &Value, to: &Value) -> Option<Value> {
    if from == to {
        return None;
    }
    let (Value::Object(from), Value::Object(to)) = (from, to) else {
        return Some(to.clone());
    };
    let mut patch = Map::new();
    for key in from.keys().filter(|key| !to.contains_key(*key)) {
        patch.insert(key.clone(), Value::Null);
    }
    for (key, to) in to {
        match from.get(key) {
            Some(from) => {
                if let Some(change) = difference(from, to) {
                    patch.insert(key.clone(), change);
                }
            }
            None => {
                patch.insert(key.clone(), to.clone());
            }
        }
    }
    Some(Value::Object(patch))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_patch_has_what_differs_and_no_more() {
        for (from, to, patch) in [
            (json!({ "a": 1 }), json!({ "a": 1 }), None),
            (json!(null), json!({ "a": 1 }), Some(json!({ "a": 1 }))),
            (
                json!({ "a": 1, "b": 2 }),
                json!({ "b": 3 }),
                Some(json!({ "a": null, "b": 3 })),
            ),
            (
                json!({ "a": { "b": 1, "c": 2 } }),
                json!({ "a": { "b": 1, "c": 3 } }),
                Some(json!({ "a": { "c": 3 } })),
            ),
            (json!({ "a": [1, 2] }), json!({ "a": [1] }), Some(json!({ "a": [1] }))),
            (json!({}), json!({ "a": {} }), Some(json!({ "a": {} }))),
        ] {
            assert_eq!(difference(&from, &to), patch, "{from} to {to}");
        }
    }

    proptest::proptest! {
        /// Applied as the RFC says, the patch makes one of the other.
        #[test]
        fn it_does_what_it_shall(from in value(), to in value()) {
            let mut patched = from.clone();
            if let Some(patch) = difference(&from, &to) {
                apply(&mut patched, &patch);
            }
            proptest::prop_assert_eq!(patched, to);
        }
    }

    fn value() -> impl proptest::strategy::Strategy<Value = Value> {
        use proptest::prelude::*;
        let leaf = prop_oneof![any::<bool>().prop_map(Value::from), (0..3_i32).prop_map(Value::from)];
        let inner = leaf.prop_recursive(3, 12, 3, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                proptest::collection::btree_map("[a-c]", inner, 0..3).prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        });
        proptest::collection::btree_map("[a-c]", inner, 0..3).prop_map(|map| Value::Object(map.into_iter().collect()))
    }

    fn apply(to: &mut Value, patch: &Value) {
        let Value::Object(patch) = patch else {
            *to = patch.clone();
            return;
        };
        if !to.is_object() {
            *to = json!({});
        }
        let Some(to) = to.as_object_mut() else { return };
        for (key, value) in patch {
            if value.is_null() {
                to.remove(key);
            } else {
                apply(to.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
    }
}
