//! `groups`, `users` and `user` (cloud-init's cc_users_groups): which accounts there are to be. What one of them is: `user.rs`.
//!
//! cloud-init's default user is the one that a distribution's image makes at its first start. A machine that exists already has had
//! that start, so only `user` says who it is.

use super::{Module, account, groups, user};
use crate::bootstrap::error::{BootstrapError, FieldProblem};
use crate::bootstrap::fields::Fields;
use crate::bootstrap::{Bootstrap, Unsupported};
use crate::yaml::{Node, Resolved, Span, shown};

pub(super) const MODULE: Module = Module {
    keys: &["groups", "users", "user"],
    read,
};

const DEFAULT: &str = "default";

const NO_DEFAULT: &str = "a machine that exists already has no default user of its distribution to be made; name the user that is meant, or set `user`";

fn read(document: &Fields<'_>, bootstrap: &mut Bootstrap) -> Result<(), BootstrapError> {
    groups::read(document, bootstrap)?;
    let default = default_user(document)?;
    if let Some(node) = document.present("user") {
        let why = match default {
            Some(_) => "what a distribution adds to its default user (groups, sudo rules) is not known here; write it in `users`",
            None => "it names no user, and the distribution's default user is not known here",
        };
        bootstrap.unsupported.extend(document.not_applied("user", why));
        if let Some(name) = default {
            let fields = node.entries().map(|_| document.within("user".to_owned(), node, "a mapping"));
            user::read("user", 0, name, node.span, fields.transpose()?.as_ref(), bootstrap)?;
        }
    }
    let Some(node) = document.present("users") else {
        return groups::add_members(document, bootstrap);
    };
    for (index, Entry { path, name, span, node }) in entries(document, node)?.into_iter().enumerate() {
        let fields = node
            .map(|node| document.within(path.clone(), node, "a user's name or settings"))
            .transpose()?;
        let name = match (name, &fields) {
            (Some(name), _) => name,
            (None, Some(fields)) if fields.present("name").is_none() && fields.present("snapuser").is_some() => {
                bootstrap.unsupported.extend(fields.not_applied("snapuser", user::SNAP));
                continue;
            }
            (None, Some(fields)) => {
                let (text, node) = fields.required("name")?;
                account::name(fields, &fields.key("name"), text, node.span)?
            }
            (None, None) => continue,
        };
        let name = match (name, default) {
            (DEFAULT, Some(_)) if fields.is_none() => continue,
            (DEFAULT, Some(default)) => default,
            (DEFAULT, None) => {
                bootstrap.unsupported.push(Unsupported {
                    key: path,
                    line: span.line,
                    column: span.column,
                    why: NO_DEFAULT.to_owned(),
                });
                continue;
            }
            (name, _) => name,
        };
        user::read("users", index, name, span, fields.as_ref(), bootstrap)?;
    }
    groups::add_members(document, bootstrap)
}

/// Who the default user is, if the document says so.
pub(super) fn default_user<'a>(document: &Fields<'a>) -> Result<Option<&'a str>, BootstrapError> {
    let Some(node) = document.present("user") else {
        return Ok(None);
    };
    let name = if node.text().is_some() {
        account::item(document, "user", node)?
    } else {
        let fields = document.mapping("user")?;
        match fields.map(|fields| fields.text("name")).transpose()?.flatten() {
            Some((text, node)) => account::name(document, "user.name", text, node.span)?,
            None => return Ok(None),
        }
    };
    Ok(Some(name).filter(|name| *name != DEFAULT))
}

/// One entry of `users`: a name, settings, or both.
struct Entry<'a> {
    path: String,
    name: Option<&'a str>,
    span: Span,
    node: Option<&'a Node>,
}

fn entries<'a>(document: &Fields<'a>, users: &'a Node) -> Result<Vec<Entry<'a>>, BootstrapError> {
    if users.text().is_some() {
        return named(document, "users", users);
    }
    if let Some(entries) = users.entries() {
        let entries = entries.iter().map(|(key, value)| by_name(document, key, value));
        return Ok(entries.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect());
    }
    let mut all = Vec::new();
    for (path, node) in document.list("users")? {
        if let Some(names) = node.items() {
            for name in names {
                all.extend(named(document, &path, name)?);
            }
        } else if node.text().is_some() {
            all.extend(named(document, &path, node)?);
        } else {
            let (name, span, node) = (None, node.span, Some(node));
            all.push(Entry { path, name, span, node });
        }
    }
    Ok(all)
}

/// Names in a text with commas.
fn named<'a>(document: &Fields<'a>, path: &str, node: &'a Node) -> Result<Vec<Entry<'a>>, BootstrapError> {
    let names = account::names(document, path, document.item(path, node)?, node.span)?;
    let entry = |name| Entry {
        path: path.to_owned(),
        name: Some(name),
        span: node.span,
        node: None,
    };
    Ok(names.into_iter().map(entry).collect())
}

/// `name: true` or `name: {…}`
fn by_name<'a>(document: &Fields<'a>, key: &'a Node, value: &'a Node) -> Result<Option<Entry<'a>>, BootstrapError> {
    let name = account::item(document, "users", key)?;
    let path = format!("users.{}", shown(name));
    let node = match value.resolved() {
        None if value.entries().is_some() => Some(value),
        Some(Resolved::Bool(true) | Resolved::Null) => None,
        Some(Resolved::Bool(false)) => return Ok(None),
        Some(Resolved::Str(_) | Resolved::Int(_) | Resolved::Float(_) | Resolved::Binary(_)) | None => {
            let problem = FieldProblem::WrongType {
                expected: "a mapping, true or false",
                found: value.kind(),
            };
            return Err(document.error(value.span, &path, problem));
        }
    };
    Ok(Some(Entry {
        path,
        name: Some(name),
        span: key.span,
        node,
    }))
}
