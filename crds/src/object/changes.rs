//! What has changed in an object, as a patch: who writes only that keeps the fields that a newer release has added and this one does
//! not know.

use serde_json::{Map, Value};

use super::{Object, Spec};

impl<S: Spec> Object<S> {
    /// The JSON merge patch (RFC 7386) that makes `after` of this object; `None` where nothing has changed.
    ///
    /// An object that is read by these types has lost, in memory, the fields that they do not know; whoever replaces the stored object
    /// with it loses them for good. A patch has only what was changed. A list is written as a whole, entries with unknown fields
    /// in it included: change lists by server-side apply instead, where others have entries in them.
    ///
    /// # Errors
    /// Where one of them cannot be written as JSON, which no object of these types is.
    pub fn changes_to(&self, after: &Self) -> Result<Option<Value>, serde_json::Error> {
        Ok(difference(&serde_json::to_value(self)?, &serde_json::to_value(after)?))
    }
}

fn difference(before: &Value, after: &Value) -> Option<Value> {
    let (Value::Object(old), Value::Object(new)) = (before, after) else {
        return (before != after).then(|| after.clone());
    };
    let mut patch = Map::new();
    for name in old.keys().filter(|name| !new.contains_key(*name)) {
        patch.insert(name.clone(), Value::Null);
    }
    for (name, value) in new {
        let changed = match old.get(name) {
            Some(before) => difference(before, value),
            None => Some(value.clone()),
        };
        if let Some(changed) = changed {
            patch.insert(name.clone(), changed);
        }
    }
    (!patch.is_empty()).then_some(Value::Object(patch))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test that cannot be set up fails

    use serde_json::json;

    use crate::infrastructure::remote_machine::v1beta2::RemoteMachine;

    #[test]
    fn a_patch_has_what_was_changed_and_nothing_else() {
        let before: RemoteMachine = serde_json::from_value(json!({
            "apiVersion": "infrastructure.cluster.x-k8s.io/v1beta2",
            "kind": "RemoteMachine",
            "metadata": { "name": "one", "labels": { "a": "b" } },
            "spec": { "address": "10.0.0.1", "user": "admin", "hostKeys": ["a"], "future": 1 },
        }))
        .unwrap();
        assert_eq!(before.changes_to(&before).unwrap(), None);
        let mut after = before.clone();
        let spec = after.spec.as_mut().unwrap();
        (spec.user, spec.port, spec.host_keys) = (None, Some(2222), Some(vec!["b".to_owned()]));
        assert_eq!(
            before.changes_to(&after).unwrap(),
            Some(json!({ "spec": { "user": null, "port": 2222, "hostKeys": ["b"] } }))
        );
    }
}
