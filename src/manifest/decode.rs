//! Documents to objects.

use std::collections::BTreeMap;

use base64::Engine;
use crds::conversion::convert;
use crds::definition::Version;
use crds::infrastructure::remote_machine::{ProvisionJob, v1beta1, v1beta2};
use crds::infrastructure::{JumpHost, NodeMetadata, NodeTaint, Timeouts};
use crds::object::{Object, Spec};
use crds::shared::{SecretKeyRef, SecretValueRef};
use remote::secret::Secret;
use remote::yaml::{Node, PathSegment};
use serde::de::DeserializeOwned;
use serde_aux::serde_introspection::serde_introspect;

use super::object::Head;
use super::{Machine, Objects, Place, RemoteMachine};
use crate::input::Problem;

/// What an object has beside its spec.
const OBJECT: [&str; 5] = ["apiVersion", "kind", "metadata", "spec", "status"];
const SECRET: [&str; 7] = ["apiVersion", "kind", "metadata", "data", "stringData", "type", "immutable"];

/// Adds what a document holds to `objects`; what is wrong with it goes to `problems`.
pub(super) fn document(objects: &mut Objects, node: &Node, source: &str, problems: &mut Vec<Problem>) {
    if node.entries().is_none() && node.to_json().is_null() {
        return;
    }
    let head = match Head::read(node, source) {
        Ok(head) => head,
        Err(problem) => return problems.push(problem),
    };
    if head.kind == "List" {
        let Some(items) = node.get("items") else { return };
        return match items.items() {
            Some(items) => items.iter().for_each(|item| document(objects, item, source, problems)),
            None if items.to_json().is_null() => {}
            None => problems.push(Place::of(source, items).problem("items: must be a list")),
        };
    }
    let is_ours = matches!(head.kind, "RemoteMachine" | "Secret" | "Machine");
    if is_ours && head.key.name.is_empty() {
        return problems.push(head.place.problem(format!("a {} without metadata.name", head.kind)));
    }
    if is_ours && !(is_name(&head.key.name) && is_name(&head.key.namespace)) {
        let what = format!(
            "a {}'s metadata.name and namespace may have only a-z, 0-9, - and .",
            head.kind
        );
        return problems.push(head.place.problem(what));
    }
    match (head.api_version, head.kind) {
        ("infrastructure.cluster.x-k8s.io/v1beta2", "RemoteMachine") => {
            remote_machine::<v1beta2::RemoteMachineSpec>(objects, node, source, head, problems);
        }
        ("infrastructure.cluster.x-k8s.io/v1beta1", "RemoteMachine") => {
            remote_machine::<v1beta1::RemoteMachineSpec>(objects, node, source, head, problems);
        }
        ("v1", "Secret") => secret(objects, node, source, head, problems),
        ("cluster.x-k8s.io/v1beta1" | "cluster.x-k8s.io/v1beta2", "Machine") => machine(objects, node, head),
        (api_version, kind @ ("RemoteMachine" | "Secret" | "Machine")) => {
            problems.push(head.place.problem(format!("{kind} is not known in apiVersion {api_version}")));
        }
        (_, kind) => objects
            .unused
            .push(format!("{}: {kind} {} plays no part without a cluster", head.place, head.key)),
    }
}

/// What Kubernetes takes for an object's name (RFC 1123, a DNS subdomain): it ends up in reports, and on hosts.
fn is_name(text: &str) -> bool {
    let is_end = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    let is_inside = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    text.len() <= 253 && is_end(text.chars().next()) && is_end(text.chars().next_back()) && text.chars().all(is_inside)
}

fn remote_machine<S: Spec>(objects: &mut Objects, node: &Node, source: &str, head: Head<'_>, problems: &mut Vec<Problem>) {
    unknown_keys(node, &OBJECT, source, problems);
    let Some(spec) = node.get("spec") else {
        return problems.push(head.place.problem("a RemoteMachine without spec"));
    };
    let spec = typed::<S>(spec, source, problems);
    match spec.and_then(|spec| stored(spec).map_err(|reason| head.place.problem(reason))) {
        Ok(spec) => {
            if let Some(first) = objects.remote_machines.iter().find(|other| other.key == head.key) {
                let what = format!(
                    "there is a second RemoteMachine {}; the first one is at {}",
                    head.key, first.place
                );
                problems.push(head.place.problem(what));
            }
            objects.remote_machines.push(RemoteMachine {
                key: head.key,
                place: head.place,
                spec,
            });
        }
        Err(problem) => problems.push(problem),
    }
}

/// The spec as the stored version has it.
fn stored<S: Spec>(spec: S) -> Result<v1beta2::RemoteMachineSpec, String> {
    let object = serde_json::to_value(Object::new("", spec)).map_err(|error| error.to_string())?;
    let object = convert(object, &S::DEFINITION.api_version(Version::V1Beta2)).map_err(|error| error.to_string())?;
    let object: v1beta2::RemoteMachine = serde_json::from_value(object).map_err(|error| error.to_string())?;
    Ok(object.spec.unwrap_or_default())
}

/// The fields of a spec that are mappings; serde would take a list of their values as well.
fn mappings(spec: &Node) -> Vec<Vec<PathSegment<'static>>> {
    let key = PathSegment::Key;
    let mut paths = vec![Vec::new()];
    paths.extend(
        [
            "sshKeyRef",
            "provisionJob",
            "sshCertificateRef",
            "sshPasswordRef",
            "sudoPasswordRef",
            "timeouts",
            "node",
        ]
        .map(|name| vec![key(name)]),
    );
    let taints = spec.get("node").and_then(|node| node.get("taints")).and_then(Node::items);
    paths.extend((0..taints.unwrap_or_default().len()).map(|index| vec![key("node"), key("taints"), PathSegment::Index(index)]));
    let jump_hosts = spec.get("jumpHosts").and_then(Node::items).unwrap_or_default();
    for index in 0..jump_hosts.len() {
        let path = vec![key("jumpHosts"), PathSegment::Index(index)];
        paths.push([path.as_slice(), &[key("sshKeyRef")]].concat());
        paths.push(path);
    }
    paths
}

/// The names that a mapping in a spec may have.
fn known_in<Spec: DeserializeOwned>(parent: &[PathSegment<'_>]) -> &'static [&'static str] {
    match parent {
        [] => serde_introspect::<Spec>(),
        [PathSegment::Key("sshKeyRef")] | [PathSegment::Key("jumpHosts"), _, PathSegment::Key("sshKeyRef")] => {
            serde_introspect::<SecretKeyRef>()
        }
        [PathSegment::Key("sshCertificateRef" | "sshPasswordRef" | "sudoPasswordRef")] => serde_introspect::<SecretValueRef>(),
        [PathSegment::Key("jumpHosts"), _] => serde_introspect::<JumpHost>(),
        [PathSegment::Key("timeouts")] => serde_introspect::<Timeouts>(),
        [PathSegment::Key("node")] => serde_introspect::<NodeMetadata>(),
        [PathSegment::Key("node"), PathSegment::Key("taints"), _] => serde_introspect::<NodeTaint>(),
        [PathSegment::Key("provisionJob")] => serde_introspect::<ProvisionJob>(),
        _ => &[],
    }
}

/// A spec, decoded; fields it does not know are problems, and so is the first field of another type.
fn typed<Spec: DeserializeOwned>(spec: &Node, source: &str, problems: &mut Vec<Problem>) -> Result<Spec, Problem> {
    for path in mappings(spec) {
        if let Some(node) = spec.at(&path).filter(|node| node.items().is_some()) {
            return Err(Place::of(source, node).problem(format!("{}: must be a mapping, not a list", spec_path(&path))));
        }
    }
    let json = spec.to_json();
    let mut unknown = Vec::new();
    let mut track = serde_path_to_error::Track::new();
    let decoded = {
        let deserializer = serde_path_to_error::Deserializer::new(json, &mut track);
        serde_ignored::deserialize(deserializer, |path| unknown.push(path.to_string()))
    };
    for path in unknown {
        // serde_ignored writes `?` for the inside of an Option.
        let path: Vec<_> = path.split('.').filter(|part| *part != "?").collect();
        let segments: Vec<_> = path
            .iter()
            .map(|part| part.parse().map_or(PathSegment::Key(part), PathSegment::Index))
            .collect();
        let (Some(key), Some((_, parent))) = (path.last(), segments.split_last()) else {
            continue;
        };
        let place = Place::of(source, spec.at(&segments).unwrap_or(spec));
        problems.push(place.problem(unknown_field(&spec_path(&segments), key, known_in::<Spec>(parent))));
    }
    decoded.map_err(|error: serde_json::Error| {
        let path = track.path();
        let segments: Vec<_> = path.iter().filter_map(segment).collect();
        let node = spec.at(&segments).unwrap_or(spec);
        let what = without_value(&error.to_string(), &node.to_json());
        Place::of(source, node).problem(format!("{}: {what}", spec_path(&segments)))
    })
}

fn segment(segment: &serde_path_to_error::Segment) -> Option<PathSegment<'_>> {
    match segment {
        serde_path_to_error::Segment::Seq { index } => Some(PathSegment::Index(*index)),
        serde_path_to_error::Segment::Map { key } => Some(PathSegment::Key(key)),
        serde_path_to_error::Segment::Enum { .. } | serde_path_to_error::Segment::Unknown => None,
    }
}

/// `spec.cleanUpCommands[1]`
fn spec_path(path: &[PathSegment<'_>]) -> String {
    path.iter().fold("spec".to_owned(), |text, segment| match segment {
        PathSegment::Key(key) => format!("{text}.{key}"),
        PathSegment::Index(index) => format!("{text}[{index}]"),
    })
}

/// serde quotes the value that it did not expect, which may be secret, and names types as Rust does.
fn without_value(message: &str, found: &serde_json::Value) -> String {
    if let Some(field) = message
        .strip_prefix("missing field `")
        .and_then(|rest| rest.split('`').next())
    {
        return format!("{field} is missing");
    }
    let Some((_, expected)) = message.rsplit_once(", expected ") else {
        return "the value is not valid".to_owned();
    };
    let expected = match expected.split(" at line ").next().unwrap_or(expected) {
        "u16" => "a number between 0 and 65535",
        "u32" => "a number of seconds",
        "a map" => "a mapping",
        "a sequence" => "a list",
        "a boolean" => "true or false",
        other if other.starts_with("struct ") => "a mapping",
        other if other.starts_with("one of ") => return format!("must be {other}"),
        other => other,
    };
    let found = match found {
        serde_json::Value::Null => "nothing",
        serde_json::Value::Bool(_) => "a boolean",
        // It may well be a number: another one.
        serde_json::Value::Number(_) if expected.starts_with("a number") => return format!("must be {expected}"),
        serde_json::Value::Number(_) => "a number; put it in quotation marks",
        serde_json::Value::String(_) => "a string",
        serde_json::Value::Array(_) => "a list",
        serde_json::Value::Object(_) => "a mapping",
    };
    format!("must be {expected}, not {found}")
}

fn unknown_keys(node: &Node, known: &[&str], source: &str, problems: &mut Vec<Problem>) {
    for (key, _) in node.entries().unwrap_or_default() {
        let name = key.text().unwrap_or_default();
        if !known.contains(&name) {
            problems.push(Place::of(source, key).problem(unknown_field(name, name, known)));
        }
    }
}

fn unknown_field(path: &str, key: &str, known: &[&str]) -> String {
    let lower = key.to_lowercase();
    let near = known
        .iter()
        .map(|name| (strsim::damerau_levenshtein(&lower, &name.to_lowercase()), name))
        .min();
    // The other version's name for it may be the longer one by a word.
    let longer = known
        .iter()
        .find(|name| lower.len() >= 4 && name.to_lowercase().ends_with(&lower));
    match near.filter(|_| longer.is_none()).or(longer.map(|name| (0, name))) {
        Some((distance, name)) if distance <= 1 + key.len() / 4 => format!("unknown field {path}; did you mean {name}?"),
        _ => format!("unknown field {path}"),
    }
}

fn secret(objects: &mut Objects, node: &Node, source: &str, head: Head<'_>, problems: &mut Vec<Problem>) {
    unknown_keys(node, &SECRET, source, problems);
    let mut data = BTreeMap::new();
    for (field, is_base64) in [("data", true), ("stringData", false)] {
        let Some(node) = node.get(field) else { continue };
        if node.entries().is_none() && !node.to_json().is_null() {
            problems.push(Place::of(source, node).problem(format!("{field}: must be a mapping")));
        }
        for (key, value) in node.entries().unwrap_or_default() {
            let name = key.text().unwrap_or_default().to_owned();
            let place = Place::of(source, value);
            let Some(text) = value.text() else {
                problems.push(place.problem(format!("{field}.{name} is not a string")));
                continue;
            };
            let bytes = if is_base64 {
                let packed: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
                match base64::engine::general_purpose::STANDARD.decode(packed) {
                    Ok(bytes) => bytes,
                    Err(_) => {
                        problems.push(place.problem(format!("{field}.{name} is not base64; plain text goes into stringData")));
                        continue;
                    }
                }
            } else {
                text.as_bytes().to_vec()
            };
            data.insert(name, Secret::new(bytes));
        }
    }
    if objects.secrets.insert(head.key.clone(), data).is_some() {
        problems.push(head.place.problem(format!("there is a second Secret {}", head.key)));
    }
}

/// Not our kind: fields that we do not know are none of our business.
fn machine(objects: &mut Objects, node: &Node, head: Head<'_>) {
    let text = |path: &[&str]| {
        let path: Vec<_> = path.iter().map(|key| PathSegment::Key(key)).collect();
        node.at(&path).and_then(Node::text).map(str::to_owned)
    };
    let kind = text(&["spec", "infrastructureRef", "kind"]);
    objects.machines.push(Machine {
        remote_machine: text(&["spec", "infrastructureRef", "name"]).filter(|_| kind.as_deref() == Some("RemoteMachine")),
        data_secret_name: text(&["spec", "bootstrap", "dataSecretName"]),
        key: head.key,
        place: head.place,
    });
}
