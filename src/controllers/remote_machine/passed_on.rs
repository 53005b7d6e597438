//! What Cluster API and the Machine are told of a RemoteMachine that is provisioned. Pure.

use std::collections::BTreeMap;

use crds::infrastructure::remote_machine::v1beta2::RemoteMachine;
use serde_json::{Value, json};

use crate::controllers::cache::LAST_APPLIED;
use crate::controllers::cluster_api::Machine;

/// Annotations of ours are for the object that has them.
const OURS: &str = "anywhere.k0smotron.io/";

/// `remote-machine://<address>:<port>`; an IPv6 address is in brackets.
pub(super) fn provider_id(address: &str, port: u16) -> String {
    if address.contains(':') {
        format!("remote-machine://[{address}]:{port}")
    } else {
        format!("remote-machine://{address}:{port}")
    }
}

/// What a Machine is given of its RemoteMachine's labels and annotations: those that it does not have.
pub(super) fn inherited(object: &RemoteMachine, machine: &Machine) -> Option<Value> {
    type Map = BTreeMap<String, String>;
    let lacking = |of: &Option<Map>, has: &Option<Map>| -> Map {
        let is_lacking = |(key, _): &(&String, &String)| {
            let is_there = has.as_ref().is_some_and(|has| has.contains_key(*key));
            !is_there && !key.starts_with(OURS) && *key != LAST_APPLIED
        };
        let of = of.iter().flatten().filter(is_lacking);
        of.map(|(key, value)| (key.clone(), value.clone())).collect()
    };
    let labels = lacking(&object.metadata.labels, &machine.metadata.labels);
    let annotations = lacking(&object.metadata.annotations, &machine.metadata.annotations);
    let is_needed = !labels.is_empty() || !annotations.is_empty();
    is_needed.then(|| json!({ "metadata": { "labels": labels, "annotations": annotations } }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn provider_ids_are_those_of_the_original_and_brackets_are_right() {
        assert_eq!(provider_id("10.0.0.1", 22), "remote-machine://10.0.0.1:22");
        assert_eq!(provider_id("a.example", 2222), "remote-machine://a.example:2222");
        assert_eq!(provider_id("fd00::1", 22), "remote-machine://[fd00::1]:22");
    }
}
