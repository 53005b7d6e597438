//! `storage`: files, directories and links.

use super::{MapWhy, NO_KEY, resource, setting};
use crate::bootstrap::error::{BootstrapError, FieldProblem};
use crate::bootstrap::fields::Fields;
use crate::bootstrap::{Bootstrap, File, MAX_FILE_BYTES, Origin, Owner, Stage, Unsupported, owner, path, permissions};
use crate::secret::Secret;
use crate::yaml::Resolved;

/// What only Ignition itself can do, before a host's first start.
const FIRST_START: [&str; 4] = ["disks", "raid", "luks", "filesystems"];

const NODE: &str = "a mapping with a `path`";

pub(super) fn read(storage: &Fields<'_>, bootstrap: &mut Bootstrap) -> Result<(), BootstrapError> {
    for key in FIRST_START {
        if let Some((_, node)) = storage.list(key)?.into_iter().next() {
            return Err(storage.fail(node, key, FieldProblem::FirstStart));
        }
    }
    for (index, (path, node)) in storage.list("directories")?.into_iter().enumerate() {
        let origin = Origin::at("storage.directories", index, node.span);
        directory(&storage.inside(path, node, NODE)?, origin, bootstrap)?;
    }
    let mut remaining = MAX_FILE_BYTES;
    for (index, (path, node)) in storage.list("files")?.into_iter().enumerate() {
        let origin = Origin::at("storage.files", index, node.span);
        file(&storage.inside(path, node, NODE)?, origin, &mut remaining, bootstrap)?;
    }
    for (index, (path, node)) in storage.list("links")?.into_iter().enumerate() {
        let origin = Origin::at("storage.links", index, node.span);
        link(&storage.inside(path, node, NODE)?, origin, bootstrap)?;
    }
    let known = ["disks", "raid", "luks", "filesystems", "directories", "files", "links"];
    bootstrap.unsupported.extend(storage.others(&known).map_why(NO_KEY));
    Ok(())
}

fn file(file: &Fields<'_>, origin: Origin, remaining: &mut usize, bootstrap: &mut Bootstrap) -> Result<(), BootstrapError> {
    const KEYS: [&str; 7] = ["path", "overwrite", "contents", "append", "mode", "user", "group"];
    let path = node_path(file)?;
    let mode = mode(file)?;
    let owner = node_owner(file)?;
    let mut contents = Vec::new();
    if let Some(resource) = file.mapping("contents")? {
        contents.extend(resource::read(&resource, *remaining)?.map(|content| (content, false)));
    }
    let is_whole = !contents.is_empty();
    for (path, node) in file.list("append")? {
        let resource = file.inside(path, node, "a mapping with a `source`")?;
        let content = resource::read(&resource, *remaining)?;
        contents.extend(content.map(|content| (content, true)));
        if !is_whole && mode.is_none() {
            let expected = "given where there are no `contents` to go with what is appended";
            return Err(file.fail(node, "mode", FieldProblem::Invalid { expected }));
        }
    }
    if contents.is_empty() {
        let call = [path.as_str(), &octal(mode), &chown(&owner)];
        let summary = format!("file {path}");
        bootstrap
            .settings
            .push(setting(Stage::Nodes, origin, summary, "e_ignition_file", &call));
    }
    for (content, append) in contents {
        *remaining = remaining.saturating_sub(content.len());
        bootstrap.files.push(File {
            path: path.clone(),
            content: Secret::new(content),
            source: None,
            resolved: None,
            owner: owner.clone(),
            permissions: mode.unwrap_or(permissions::DEFAULT),
            append,
            defer: false,
            origin,
        });
    }
    bootstrap.unsupported.extend(file.others(&KEYS).map_why(NO_KEY));
    Ok(())
}

fn directory(directory: &Fields<'_>, origin: Origin, bootstrap: &mut Bootstrap) -> Result<(), BootstrapError> {
    const KEYS: [&str; 5] = ["path", "overwrite", "mode", "user", "group"];
    let path = node_path(directory)?;
    if directory.flag("overwrite")? == Some(true) {
        let span = directory.span("overwrite");
        bootstrap.unsupported.push(Unsupported {
            key: directory.key("overwrite"),
            line: span.line,
            column: span.column,
            why: "what is in the directory stays".to_owned(),
        });
    }
    let call = [path.as_str(), &octal(mode(directory)?), &chown(&node_owner(directory)?)];
    let summary = format!("directory {path}");
    bootstrap
        .settings
        .push(setting(Stage::Nodes, origin, summary, "e_directory", &call));
    bootstrap.unsupported.extend(directory.others(&KEYS).map_why(NO_KEY));
    Ok(())
}

fn link(link: &Fields<'_>, origin: Origin, bootstrap: &mut Bootstrap) -> Result<(), BootstrapError> {
    const KEYS: [&str; 6] = ["path", "overwrite", "target", "hard", "user", "group"];
    let path = node_path(link)?;
    let (target, node) = link.required("target")?;
    let is_hard = link.flag("hard")?.unwrap_or(false);
    if is_hard && !target.starts_with('/') {
        let expected = "an absolute path for a hard link";
        return Err(link.fail(node, "target", FieldProblem::Invalid { expected }));
    }
    let overwrite = if link.flag("overwrite")?.unwrap_or(false) {
        "overwrite"
    } else {
        ""
    };
    let kind = if is_hard { "hard" } else { "symbolic" };
    let owner = chown(&node_owner(link)?);
    let summary = format!("{kind} link {path}");
    let call = [path.as_str(), target, kind, overwrite, &owner];
    bootstrap
        .settings
        .push(setting(Stage::Nodes, origin, summary, "e_link", &call));
    bootstrap.unsupported.extend(link.others(&KEYS).map_why(NO_KEY));
    Ok(())
}

/// Ignition's paths are absolute.
fn node_path(fields: &Fields<'_>) -> Result<String, BootstrapError> {
    let (text, node) = fields.required("path")?;
    if !text.starts_with('/') {
        let expected = "an absolute path";
        return Err(fields.fail(node, "path", FieldProblem::Invalid { expected }));
    }
    path::absolute(text).map_err(|problem| fields.fail(node, "path", problem))
}

/// A JSON number, so it is decimal: 420 is 0644.
fn mode(fields: &Fields<'_>) -> Result<Option<u32>, BootstrapError> {
    let Some(node) = fields.present("mode") else {
        return Ok(None);
    };
    let expected = "a decimal number of at most 4095 (07777), such as 420 (0644)";
    let fail = || fields.fail(node, "mode", FieldProblem::Invalid { expected });
    let is_decimal = node
        .text()
        .is_some_and(|text| text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0')));
    match node.resolved() {
        Some(Resolved::Int(mode)) if is_decimal => u32::try_from(mode)
            .ok()
            .filter(|mode| *mode <= 0o7777)
            .map(Some)
            .ok_or_else(fail),
        Some(_) | None => Err(fail()),
    }
}

/// `user` and `group`, each with an `id` or a `name`; root without.
fn node_owner(fields: &Fields<'_>) -> Result<Owner, BootstrapError> {
    let mut owner = Owner::default();
    for (key, part) in [("user", &mut owner.user), ("group", &mut owner.group)] {
        let Some(named) = fields.mapping(key)? else { continue };
        for form in ["id", "name"] {
            let Some((text, node)) = named.text(form)?.filter(|(text, _)| !text.is_empty()) else {
                continue;
            };
            *part = match owner::parse(text) {
                Ok(Owner {
                    user: Some(user),
                    group: None,
                }) if !text.contains(':') => Some(user),
                Ok(_) | Err(_) => return Err(named.fail(node, form, FieldProblem::Owner)),
            };
        }
    }
    Ok(owner)
}

/// The word for chown(1); nothing for root, to whom everything belongs anyway.
fn chown(owner: &Owner) -> String {
    if *owner == Owner::default() {
        return String::new();
    }
    let part = |name: &Option<String>| name.clone().unwrap_or_default();
    format!("{}:{}", part(&owner.user), part(&owner.group))
}

fn octal(mode: Option<u32>) -> String {
    mode.map_or_else(String::new, |mode| format!("{mode:04o}"))
}
