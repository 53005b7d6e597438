//! What a Node can be given: pure. The API server of the workload cluster refuses anything else, when the machine has long been
//! provisioned.
//!
//! Sources: <https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set>,
//! <https://kubernetes.io/docs/concepts/overview/working-with-objects/annotations/#syntax-and-character-set>

use crds::infrastructure::NodeMetadata;

/// The longest name in a key, and the longest value of a label or taint.
const MOST: usize = 63;
/// The longest prefix of a key.
const MOST_OF_PREFIX: usize = 253;

const KEY: &str = "is no key: it is at most 63 letters, digits, '-', '_' and '.', with a letter or digit at both ends, after a DNS name and \
                   '/' if it is somebody's own";
const VALUE: &str =
    "is no value: it is empty, or at most 63 letters, digits, '-', '_' and '.', with a letter or digit at both ends";

/// What is wrong with it, each with its field.
pub(super) fn problems(node: &NodeMetadata) -> Vec<String> {
    let mut problems = Vec::new();
    let mut need = |is_right: bool, field: &str, text: &str, rule: &str| {
        if !is_right {
            problems.push(format!("spec.node.{field}: {text:?} {rule}"));
        }
    };
    for (key, value) in node.labels.iter().flatten() {
        need(is_key(key), "labels", key, KEY);
        need(is_value(value), "labels", value, VALUE);
    }
    for key in node.annotations.iter().flatten().map(|(key, _)| key) {
        // As the API server does.
        need(is_key(&key.to_lowercase()), "annotations", key, KEY);
    }
    for (index, taint) in node.taints.iter().flatten().enumerate() {
        need(is_key(&taint.key), &format!("taints[{index}].key"), &taint.key, KEY);
        let value = taint.value.as_deref().unwrap_or_default();
        need(is_value(value), &format!("taints[{index}].value"), value, VALUE);
    }
    problems
}

fn is_key(key: &str) -> bool {
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    prefix.is_none_or(is_dns_name) && !name.is_empty() && is_value(name)
}

fn is_value(value: &str) -> bool {
    let is_inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let is_end = |c: Option<char>| c.is_none_or(|c| c.is_ascii_alphanumeric());
    value.len() <= MOST && value.chars().all(is_inner) && is_end(value.chars().next()) && is_end(value.chars().last())
}

/// A subdomain as RFC 1123 has it, in small letters.
fn is_dns_name(name: &str) -> bool {
    let is_inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let is_label =
        |label: &str| !label.is_empty() && label.chars().all(is_inner) && !label.starts_with('-') && !label.ends_with('-');
    name.len() <= MOST_OF_PREFIX && name.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

    use serde_json::{Value, json};

    use super::*;

    fn wrong(node: Value) -> Vec<String> {
        let all = problems(&serde_json::from_value(node).unwrap());
        all.iter()
            .map(|what| what.split(" is no ").next().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn what_no_node_can_be_given_is_named() {
        let long = "x".repeat(64);
        for key in ["a", "a.b/C_d-e", "node.kubernetes.io/x", &long[1..]] {
            assert_eq!(
                wrong(json!({ "labels": { key: "" }, "annotations": { key: "any\nthing" } })),
                [""; 0],
                "{key}"
            );
        }
        for key in [
            "", "a b", "-a", "a-", "a/", "/a", "a/b/c", "A.b/c", "a..b/c", "a_b/c", "ä", &long,
        ] {
            assert_eq!(
                wrong(json!({ "labels": { key: "v" } })),
                [format!("spec.node.labels: {key:?}")]
            );
        }
        for value in ["a b", "-a", "a/b", &long] {
            assert_eq!(
                wrong(json!({ "labels": { "k": value } })),
                [format!("spec.node.labels: {value:?}")]
            );
        }
        let taints = json!([{ "key": "k", "effect": "NoSchedule" }, { "key": "a b", "value": "-", "effect": "NoSchedule" }]);
        assert_eq!(
            wrong(json!({ "annotations": { "A.b/c": "" , "a b": "" }, "taints": taints })),
            [
                "spec.node.annotations: \"a b\"",
                "spec.node.taints[1].key: \"a b\"",
                "spec.node.taints[1].value: \"-\""
            ]
        );
    }
}
