//! `snap` (cloud-init's cc_snap).

use super::{Call, Module};
use crate::bootstrap::error::{BootstrapError, FieldProblem};
use crate::bootstrap::fields::Fields;
use crate::bootstrap::{Bootstrap, Stage};
use crate::yaml::{Node, shown};

pub(super) const MODULE: Module = Module { keys: &["snap"], read };

fn read(document: &Fields<'_>, bootstrap: &mut Bootstrap) -> Result<(), BootstrapError> {
    let Some(snap) = document.mapping("snap")? else {
        return Ok(());
    };
    bootstrap.unsupported.extend(snap.others(&["assertions", "commands"]));
    let mut assertions = String::new();
    for (path, node) in ordered(&snap, "assertions")? {
        let text = snap.item(&path, node)?;
        assertions.push_str(&format!("{}\n\n", text.trim_end()));
    }
    if !assertions.is_empty() {
        let call = Call::new("assertions of snaps", "e_snap_ack", &[&assertions]);
        bootstrap.set(Stage::Snap, "snap", 0, snap.span("assertions"), call);
    }
    for (index, (path, node)) in ordered(&snap, "commands")?.into_iter().enumerate() {
        let arguments = command(&snap, &path, node)?;
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let call = Call::new(format!("command {index} of snap"), "e_snap", &arguments);
        bootstrap.set(Stage::Snap, "snap", index, node.span, call);
    }
    Ok(())
}

/// The items of a list, or the values of a mapping in the order of its keys, each with its path.
fn ordered<'a>(snap: &Fields<'a>, key: &str) -> Result<Vec<(String, &'a Node)>, BootstrapError> {
    if snap.present(key).is_some_and(|node| node.entries().is_none()) {
        return snap.list(key);
    }
    let Some(mapping) = snap.mapping(key)? else {
        return Ok(Vec::new());
    };
    let mut entries: Vec<_> = mapping.entries().collect();
    entries.sort_by_key(|(name, _, _)| *name);
    let entries = entries.into_iter();
    Ok(entries.map(|(name, _, node)| (mapping.key(&shown(name)), node)).collect())
}

/// The words of a command; `snap` is put before it if it is not there.
fn command(snap: &Fields<'_>, path: &str, node: &Node) -> Result<Vec<String>, BootstrapError> {
    let Some(items) = node.items() else {
        let text = snap.item(path, node)?;
        let before = if text.split_whitespace().next() == Some("snap") {
            ""
        } else {
            "snap "
        };
        return Ok(vec!["/bin/sh".to_owned(), "-c".to_owned(), format!("{before}{text}")]);
    };
    let mut words = Vec::new();
    for (index, item) in items.iter().enumerate() {
        words.push(snap.item(&format!("{path}[{index}]"), item)?.to_owned());
    }
    match words.first().map(String::as_str) {
        None => Err(snap.error(node.span, path, FieldProblem::Missing)),
        Some("snap") => Ok(words),
        Some(_) => {
            words.insert(0, "snap".to_owned());
            Ok(words)
        }
    }
}
