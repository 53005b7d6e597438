//! Merging of configs, as Ignition does it (<https://coreos.github.io/ignition/operator-notes/#config-merging>).

use std::collections::HashMap;

use crate::yaml::{Node, Resolved, Span, Value};

/// The lists whose items are paths of one file system: what is at a path is one of them.
const AT_PATHS: [&str; 3] = ["directories", "files", "links"];

/// Merges a child config into its parent: what the child says wins.
pub(super) fn configs(mut parent: Node, child: Node) -> Node {
    if let (Some(storage), Some(child)) = (child_of(&mut parent, "storage"), child.get("storage")) {
        for kind in AT_PATHS {
            let others = AT_PATHS.iter().filter(|other| **other != kind);
            let taken: Vec<&str> = others
                .filter_map(|other| child.get(other)?.items())
                .flatten()
                .filter_map(|item| item.get("path")?.text())
                .collect();
            if let Some(Value::Sequence(items)) = child_of(storage, kind).map(|node| &mut node.value) {
                items.retain(|item| {
                    !item
                        .get("path")
                        .and_then(Node::text)
                        .is_some_and(|path| taken.contains(&path))
                });
            }
        }
    }
    nodes(parent, child)
}

fn child_of<'n>(node: &'n mut Node, key: &str) -> Option<&'n mut Node> {
    match &mut node.value {
        Value::Mapping(entries) => entries
            .iter_mut()
            .find(|(name, _)| name.text() == Some(key))
            .map(|(_, value)| value),
        Value::Scalar { .. } | Value::Sequence(_) => None,
    }
}

/// Recursion is bounded by [`MAX_DEPTH`](crate::yaml::MAX_DEPTH).
fn nodes(parent: Node, child: Node) -> Node {
    if child.resolved() == Some(Resolved::Null) {
        return parent;
    }
    let span = child.span;
    let value = match (parent.value, child.value) {
        (Value::Mapping(parent), Value::Mapping(child)) => mappings(parent, child),
        (Value::Sequence(parent), Value::Sequence(child)) => lists(parent, child),
        (_, child) => child,
    };
    Node { span, value }
}

fn mappings(parent: Vec<(Node, Node)>, child: Vec<(Node, Node)>) -> Value {
    let places: HashMap<String, usize> = parent
        .iter()
        .enumerate()
        .filter_map(|(place, (key, _))| Some((key.text()?.to_owned(), place)))
        .collect();
    let mut merged = parent;
    for (key, value) in child {
        let place = key.text().and_then(|name| places.get(name));
        match place.and_then(|place| merged.get_mut(*place)) {
            Some((_, old)) => *old = nodes(taken(old), value),
            None => merged.push((key, value)),
        }
    }
    Value::Mapping(merged)
}

/// Items with the same path, name or source are merged, equal texts kept once, and the child's others added.
fn lists(parent: Vec<Node>, child: Vec<Node>) -> Value {
    let places: HashMap<String, usize> = parent
        .iter()
        .enumerate()
        .filter_map(|(place, item)| Some((identity(item)?.to_owned(), place)))
        .collect();
    let mut merged = parent;
    for item in child {
        let place = identity(&item).and_then(|name| places.get(name));
        match place.and_then(|place| merged.get_mut(*place)) {
            Some(old) => *old = nodes(taken(old), item),
            None => merged.push(item),
        }
    }
    Value::Sequence(merged)
}

fn identity(item: &Node) -> Option<&str> {
    item.text()
        .or_else(|| ["path", "name", "source"].into_iter().find_map(|key| item.get(key)?.text()))
}

fn taken(node: &mut Node) -> Node {
    let empty = Node {
        span: Span::START,
        value: Value::Sequence(Vec::new()),
    };
    std::mem::replace(node, empty)
}
