//! `passwd`: groups and users, by the functions of cloud-init's users where these do the same.
//!
//! Unlike cloud-init, Ignition also changes a user or group that is there.

use super::{MapWhy, NO_KEY, setting};
use crate::bootstrap::error::{BootstrapError, FieldProblem};
use crate::bootstrap::fields::Fields;
use crate::bootstrap::settings::{account, authorized_keys};
use crate::bootstrap::{Bootstrap, Origin, Stage};

const ENTRY: &str = "a mapping with a `name`";

pub(super) fn read(passwd: &Fields<'_>, bootstrap: &mut Bootstrap) -> Result<(), BootstrapError> {
    for (index, (path, node)) in passwd.list("groups")?.into_iter().enumerate() {
        let origin = Origin::at("passwd.groups", index, node.span);
        group(&passwd.inside(path, node, ENTRY)?, origin, bootstrap)?;
    }
    for (index, (path, node)) in passwd.list("users")?.into_iter().enumerate() {
        let origin = Origin::at("passwd.users", index, node.span);
        user(&passwd.inside(path, node, ENTRY)?, origin, bootstrap)?;
    }
    bootstrap
        .unsupported
        .extend(passwd.others(&["groups", "users"]).map_why(NO_KEY));
    Ok(())
}

fn group(group: &Fields<'_>, origin: Origin, bootstrap: &mut Bootstrap) -> Result<(), BootstrapError> {
    const KEYS: [&str; 5] = ["name", "gid", "passwordHash", "shouldExist", "system"];
    let name = name(group)?;
    bootstrap.unsupported.extend(group.others(&KEYS).map_why(NO_KEY));
    let gid = number(group, "gid")?;
    let is_system = group.flag("system")?.unwrap_or(false);
    let mut add = |summary: String, function, words: &[&str]| {
        let setting = setting(Stage::Accounts, origin, summary, function, words);
        bootstrap.settings.push(setting);
    };
    if group.flag("shouldExist")? == Some(false) {
        add(format!("no group {name}"), "e_no_group", &[name]);
        return Ok(());
    }
    let system = if is_system { "system" } else { "" };
    add(
        format!("group {name}"),
        "e_ignition_group",
        &[name, gid.unwrap_or_default(), system],
    );
    if let Some(hash) = hash(group)? {
        let line = format!("{name}:{hash}");
        let mut setting = setting(
            Stage::Accounts,
            origin,
            format!("password of group {name}"),
            "e_group_password",
            &[&line],
        );
        setting.private = true;
        bootstrap.settings.push(setting);
    }
    Ok(())
}

fn user(user: &Fields<'_>, origin: Origin, bootstrap: &mut Bootstrap) -> Result<(), BootstrapError> {
    const KEYS: [&str; 14] = [
        "name",
        "passwordHash",
        "sshAuthorizedKeys",
        "uid",
        "gecos",
        "homeDir",
        "noCreateHome",
        "primaryGroup",
        "groups",
        "noUserGroup",
        "noLogInit",
        "shell",
        "shouldExist",
        "system",
    ];
    let name = name(user)?;
    bootstrap.unsupported.extend(user.others(&KEYS).map_why(NO_KEY));
    let words = words(user)?;
    let keys = authorized_keys::read(user, "sshAuthorizedKeys")?;
    let hash = hash(user)?;
    let should_exist = user.flag("shouldExist")? != Some(false);
    let mut add = |summary: String, function, words: &[&str]| {
        let setting = setting(Stage::Accounts, origin, summary, function, words);
        bootstrap.settings.push(setting);
    };
    if !should_exist {
        add(format!("no user {name}"), "e_no_user", &[name]);
        return Ok(());
    }
    let arguments: Vec<_> = [name].into_iter().chain(words.iter().map(String::as_str)).collect();
    add(format!("user {name}"), "e_ignition_user", &arguments);
    if !keys.is_empty() {
        let arguments: Vec<_> = [name].into_iter().chain(keys).collect();
        add(format!("SSH keys of {name}"), "e_authorized_keys", &arguments);
    }
    if let Some(hash) = hash {
        let line = format!("{name}:{hash}");
        let arguments = [line.as_str(), "hash", "", ""];
        let mut setting = setting(
            Stage::Accounts,
            origin,
            format!("password of {name}"),
            "e_password",
            &arguments,
        );
        setting.private = true;
        bootstrap.settings.push(setting);
    }
    Ok(())
}

/// The words of `e_ignition_user`.
fn words(user: &Fields<'_>) -> Result<Vec<String>, BootstrapError> {
    let mut words = Vec::new();
    for (key, word) in [("gecos", "gecos"), ("homeDir", "homedir"), ("shell", "shell")] {
        let Some((text, node)) = user.text(key)?.filter(|(text, _)| !text.is_empty()) else {
            continue;
        };
        let text = account::one_line(user, &user.key(key), text, node.span)?;
        if text.contains(':') || (key != "gecos" && !text.starts_with('/')) {
            let expected = if key == "gecos" {
                "a text without a colon"
            } else {
                "an absolute path without a colon"
            };
            return Err(user.fail(node, key, FieldProblem::Invalid { expected }));
        }
        words.push(format!("{word}={text}"));
    }
    if let Some(uid) = number(user, "uid")? {
        words.push(format!("uid={uid}"));
    }
    if let Some((text, node)) = user.text("primaryGroup")?.filter(|(text, _)| !text.is_empty()) {
        let group = account::name(user, &user.key("primaryGroup"), text, node.span)?;
        words.push(format!("primary_group={group}"));
    }
    let groups = user.list("groups")?;
    let groups: Result<Vec<_>, _> = groups.iter().map(|(path, node)| account::item(user, path, node)).collect();
    let groups = groups?;
    if !groups.is_empty() {
        words.push(format!("groups={}", groups.join(",")));
    }
    for (key, word) in [
        ("noLogInit", "no_log_init"),
        ("noUserGroup", "no_user_group"),
        ("system", "system"),
    ] {
        if user.flag(key)?.unwrap_or(false) {
            words.push(word.to_owned());
        }
    }
    // Unlike cloud-init's, system users have a home unless it is said that they have none.
    let home = match user.flag("noCreateHome")? {
        Some(true) => "no_create_home",
        Some(false) | None => "create_home",
    };
    // A group that is missing is an error to Ignition.
    words.extend([home, "no_create_groups"].map(str::to_owned));
    Ok(words)
}

fn name<'a>(fields: &Fields<'a>) -> Result<&'a str, BootstrapError> {
    let (text, node) = fields.required("name")?;
    account::name(fields, &fields.key("name"), text, node.span)
}

/// The hash at `passwordHash`; an empty one means that no password matches.
fn hash<'a>(fields: &Fields<'a>) -> Result<Option<&'a str>, BootstrapError> {
    match fields.text("passwordHash")? {
        None => Ok(None),
        Some(("", _)) => Ok(Some("*")),
        Some((text, node)) => account::hash(fields, &fields.key("passwordHash"), text, node.span).map(Some),
    }
}

/// An id as text.
fn number<'a>(fields: &Fields<'a>, key: &str) -> Result<Option<&'a str>, BootstrapError> {
    let Some((text, node)) = fields.text(key)? else {
        return Ok(None);
    };
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u32>().is_ok();
    if is_number {
        Ok(Some(text))
    } else {
        let expected = "a number";
        Err(fields.fail(node, key, FieldProblem::Invalid { expected }))
    }
}
