//! `groups` (cloud-init's cc_users_groups): a text with commas, a list of names and mappings, or a mapping of names to members.

use super::{Call, account};
use crate::bootstrap::error::{BootstrapError, FieldProblem};
use crate::bootstrap::fields::Fields;
use crate::bootstrap::{Bootstrap, Stage};
use crate::yaml::{Node, Resolved, Span, shown};

/// A group, where it was asked for, and its members.
struct Group<'a> {
    name: &'a str,
    span: Span,
    members: Vec<&'a str>,
}

/// Adds the groups themselves.
pub(super) fn read(document: &Fields<'_>, bootstrap: &mut Bootstrap) -> Result<(), BootstrapError> {
    for (index, group) in groups(document)?.into_iter().enumerate() {
        let Group { name, span, .. } = group;
        let call = Call::new(format!("group {name}"), "e_group", &[name]);
        bootstrap.set(Stage::Users, "groups", index, span, call);
    }
    Ok(())
}

/// Members are added once the users of the same document are there; cloud-init is too early for these.
pub(super) fn add_members(document: &Fields<'_>, bootstrap: &mut Bootstrap) -> Result<(), BootstrapError> {
    for (index, group) in groups(document)?.into_iter().enumerate() {
        let Group { name, span, members } = group;
        if !members.is_empty() {
            let arguments: Vec<_> = [name].into_iter().chain(members).collect();
            let call = Call::new(format!("members of group {name}"), "e_members", &arguments);
            bootstrap.set(Stage::Users, "groups", index, span, call);
        }
    }
    Ok(())
}

fn groups<'a>(document: &Fields<'a>) -> Result<Vec<Group<'a>>, BootstrapError> {
    let Some(node) = document.present("groups") else {
        return Ok(Vec::new());
    };
    if let Some(text) = node.text() {
        let names = account::names(document, "groups", text, node.span)?;
        return Ok(names.into_iter().map(|name| alone(name, node.span)).collect());
    }
    if let Some(entries) = node.entries() {
        return mapping(document, "groups", entries);
    }
    let mut groups = Vec::new();
    for (path, node) in document.list("groups")? {
        match node.entries() {
            Some(entries) => groups.extend(mapping(document, &path, entries)?),
            None => groups.push(alone(account::item(document, &path, node)?, node.span)),
        }
    }
    Ok(groups)
}

fn alone(name: &str, span: Span) -> Group<'_> {
    Group {
        name,
        span,
        members: Vec::new(),
    }
}

fn mapping<'a>(document: &Fields<'a>, path: &str, entries: &'a [(Node, Node)]) -> Result<Vec<Group<'a>>, BootstrapError> {
    entries
        .iter()
        .map(|(key, value)| {
            let name = account::item(document, path, key)?;
            let path = format!("{path}.{}", shown(name));
            let members = if value.resolved() == Some(Resolved::Null) {
                Vec::new()
            } else if let Some(items) = value.items() {
                items
                    .iter()
                    .map(|item| account::item(document, &path, item))
                    .collect::<Result<_, _>>()?
            } else if value.entries().is_some() {
                let problem = FieldProblem::WrongType {
                    expected: "a list of users",
                    found: value.kind(),
                };
                return Err(document.error(value.span, &path, problem));
            } else {
                account::names(document, &path, document.item(&path, value)?, value.span)?
            };
            Ok(Group {
                name,
                span: key.span,
                members,
            })
        })
        .collect()
}
