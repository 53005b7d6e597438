//! What becomes of each machine, a line for each change.

use std::collections::BTreeMap;

use serde_json::Value;

/// How each Machine stands, by its name; where it is, once it is anywhere; and its progress.
pub(crate) fn standings(machines: &[Value], remote_machines: &[Value]) -> BTreeMap<String, String> {
    let mut standings = BTreeMap::new();
    for machine in machines {
        let name = text(machine, "/metadata/name");
        let own = remote_machines
            .iter()
            .find(|remote| text(remote, "/metadata/name") == text(machine, "/spec/infrastructureRef/name"));
        let address = own.map_or_else(String::new, |own| text(own, "/spec/address"));
        let told = own.map_or_else(String::new, ready);
        let node = text(machine, "/status/nodeRef/name");
        let phase = text(machine, "/status/phase");
        let rest = match (phase.as_str(), node.is_empty()) {
            ("Running", false) => format!("Node {node}"),
            _ => told,
        };
        standings.insert(name, format!("{phase:12} {address:12} {rest}"));
    }
    standings
}

/// How many Machines run.
pub(crate) fn running(machines: &[Value]) -> usize {
    machines
        .iter()
        .filter(|machine| text(machine, "/status/phase") == "Running")
        .count()
}

/// What a RemoteMachine says of itself, in its first line.
fn ready(remote: &Value) -> String {
    let conditions = remote.pointer("/status/conditions").and_then(Value::as_array);
    let ready = conditions
        .into_iter()
        .flatten()
        .find(|condition| text(condition, "/type") == "Ready");
    let message = ready.map_or_else(String::new, |ready| text(ready, "/message"));
    let line: String = message.lines().next().unwrap_or_default().chars().take(90).collect();
    line
}

pub(crate) fn text(object: &Value, pointer: &str) -> String {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}
