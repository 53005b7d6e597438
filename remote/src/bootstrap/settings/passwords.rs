//! `chpasswd` and `password` (cloud-init's cc_set_passwords). `ssh_pwauth`, which that module reads as well, is in `ssh.rs`.
//!
//! Random passwords are not made: cloud-init prints them to the machine's console, and here they could only go to a log or a
//! terminal, where no secret may be. Such an entry is listed, and the account stays as it is.

use super::{Call, Module, account, users};
use crate::bootstrap::error::{BootstrapError, FieldProblem};
use crate::bootstrap::fields::Fields;
use crate::bootstrap::{Bootstrap, Stage, Unsupported};
use crate::yaml::{Node, Span};

pub(super) const MODULE: Module = Module {
    keys: &["chpasswd", "password"],
    read,
};

const RANDOM: &str = "a random password would have to be shown to be of use; give a hashed one";
const NO_DEFAULT: &str =
    "it is for the default user, which a machine that exists already does not have; set `user`, or use `chpasswd`";
const NOT_ALONE: &str = "cloud-init ignores it where `chpasswd` names users";

/// What is to become of a user's password.
enum Password<'a> {
    Text(&'a str),
    Hash(&'a str),
    Random,
}

/// One user's new password.
struct Change<'a> {
    path: String,
    span: Span,
    name: &'a str,
    password: Password<'a>,
}

fn read(document: &Fields<'_>, bootstrap: &mut Bootstrap) -> Result<(), BootstrapError> {
    let chpasswd = document.mapping("chpasswd")?;
    let mut changes = Vec::new();
    let mut expire = true;
    if let Some(fields) = &chpasswd {
        changes.extend(users(fields, bootstrap)?);
        changes.extend(list(fields)?);
        expire = fields.flag("expire")?.unwrap_or(true);
        bootstrap.unsupported.extend(fields.others(&["expire", "list", "users"]));
    }
    add(bootstrap, "chpasswd", &changes, expire);
    let Some((text, node)) = document.text("password")? else {
        return Ok(());
    };
    match users::default_user(document)? {
        _ if !changes.is_empty() => bootstrap.unsupported.extend(document.not_applied("password", NOT_ALONE)),
        Some(name) => {
            let change = change(document, "password".to_owned(), node.span, name, text)?;
            add(bootstrap, "password", &[change], expire);
        }
        None => bootstrap.unsupported.extend(document.not_applied("password", NO_DEFAULT)),
    }
    Ok(())
}

fn add(bootstrap: &mut Bootstrap, module: &'static str, changes: &[Change<'_>], expire: bool) {
    for (index, change) in changes.iter().enumerate() {
        let Change {
            path,
            span,
            name,
            password,
        } = change;
        let (password, kind) = match password {
            Password::Text(text) => (text, "text"),
            Password::Hash(hash) => (hash, "hash"),
            Password::Random => {
                bootstrap.unsupported.push(Unsupported {
                    key: path.clone(),
                    line: span.line,
                    column: span.column,
                    why: RANDOM.to_owned(),
                });
                continue;
            }
        };
        let line = format!("{name}:{password}");
        let expire = if expire { "1" } else { "" };
        let call = Call::new(format!("password of {name}"), "e_password", &[&line, kind, expire, ""]).private();
        bootstrap.set(Stage::Passwords, module, index, *span, call);
    }
}

/// `users`: mappings, whose passwords are hashed unless they say otherwise.
fn users<'a>(chpasswd: &Fields<'a>, bootstrap: &mut Bootstrap) -> Result<Vec<Change<'a>>, BootstrapError> {
    let mut changes = Vec::new();
    for (path, node) in chpasswd.list("users")? {
        let fields = chpasswd.within(path.clone(), node, "a mapping with `name` and `password`")?;
        let (text, at) = fields.required("name")?;
        let name = account::name(&fields, &fields.key("name"), text, at.span)?;
        let kind = fields.text("type")?;
        let password = match kind.map(|(kind, _)| kind) {
            Some("RANDOM") => Password::Random,
            Some("text") => Password::Text(given(&fields)?.0),
            Some("hash") | None => {
                let (text, at) = given(&fields)?;
                Password::Hash(account::hash(&fields, &fields.key("password"), text, at.span)?)
            }
            Some(_) => {
                let expected = "hash, text or RANDOM";
                return Err(fields.error(fields.span("type"), &fields.key("type"), FieldProblem::Invalid { expected }));
            }
        };
        bootstrap.unsupported.extend(fields.others(&["name", "password", "type"]));
        changes.push(Change {
            path,
            span: node.span,
            name,
            password,
        });
    }
    Ok(changes)
}

fn given<'a>(fields: &Fields<'a>) -> Result<(&'a str, &'a Node), BootstrapError> {
    let (text, node) = fields.required("password")?;
    Ok((account::one_line(fields, &fields.key("password"), text, node.span)?, node))
}

/// `list`: `name:password`, one a line or an item.
fn list<'a>(chpasswd: &Fields<'a>) -> Result<Vec<Change<'a>>, BootstrapError> {
    let mut changes = Vec::new();
    for (path, text, span) in chpasswd.texts("list")? {
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let Some((name, password)) = line.split_once(':') else {
                let expected = "`name:password`";
                return Err(chpasswd.error(span, &path, FieldProblem::Invalid { expected }));
            };
            let name = account::name(chpasswd, &path, name.trim(), span)?;
            changes.push(change(chpasswd, path.clone(), span, name, password)?);
        }
    }
    Ok(changes)
}

/// A password of which only its form says what it is.
fn change<'a>(
    fields: &Fields<'_>,
    path: String,
    span: Span,
    name: &'a str,
    password: &'a str,
) -> Result<Change<'a>, BootstrapError> {
    if password.is_empty() {
        return Err(fields.error(span, &path, FieldProblem::Missing));
    }
    let password = account::one_line(fields, &path, password, span)?;
    let password = match password {
        "R" | "RANDOM" => Password::Random,
        hash if is_hash(hash) => Password::Hash(hash),
        text => Password::Text(text),
    };
    Ok(Change {
        path,
        span,
        name,
        password,
    })
}

/// `$id$salt$hash`, with the ids of crypt(5) that cloud-init knows (1, 2a, 2y, 5, 6) and those that came later.
fn is_hash(text: &str) -> bool {
    let mut parts = text.split('$');
    let known = |id: &str| matches!(id, "1" | "2a" | "2b" | "2y" | "5" | "6" | "7" | "y" | "gy");
    parts.next() == Some("") && parts.next().is_some_and(known) && !text.contains(':') && {
        let rest: Vec<_> = parts.collect();
        rest.len() >= 2 && rest.last().is_some_and(|hash| !hash.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::is_hash;

    #[test]
    fn hashes_are_told_from_clear_text() {
        for (text, expected) in [
            ("$6$salt$hash", true),
            ("$6$rounds=4096$salt$hash", true),
            ("$y$j9T$salt$hash", true),
            ("$6$salt", false),
            ("$6$salt$", false),
            ("$9$salt$hash", false),
            ("$6$sa:lt$hash", false),
            ("x$6$salt$hash", false),
            ("secret", false),
        ] {
            assert_eq!(is_hash(text), expected, "{text}");
        }
    }
}
