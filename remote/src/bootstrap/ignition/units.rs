//! `systemd.units`: unit files, drop-ins, and what systemctl(1) does with them.

use super::{MapWhy, NO_KEY, setting};
use crate::bootstrap::error::{BootstrapError, FieldProblem};
use crate::bootstrap::fields::Fields;
use crate::bootstrap::{Bootstrap, File, Origin, Owner, Stage, permissions};
use crate::secret::Secret;
use crate::yaml::Node;

/// Where units of the host's owner are (systemd.unit(5)).
const FOLDER: &str = "/etc/systemd/system";

const SUFFIXES: [&str; 11] = [
    ".service",
    ".socket",
    ".device",
    ".mount",
    ".automount",
    ".swap",
    ".target",
    ".path",
    ".timer",
    ".slice",
    ".scope",
];

pub(super) fn read(systemd: &Fields<'_>, bootstrap: &mut Bootstrap) -> Result<(), BootstrapError> {
    let mut started = Vec::new();
    let mut first = None;
    for (index, (path, node)) in systemd.list("units")?.into_iter().enumerate() {
        let origin = Origin::at("systemd.units", index, node.span);
        let fields = systemd.inside(path, node, "a mapping with a `name`")?;
        if let Some(name) = unit(&fields, origin, bootstrap)? {
            started.push(name);
            first.get_or_insert(origin);
        }
    }
    if let Some(origin) = first {
        let names: Vec<&str> = started.iter().map(String::as_str).collect();
        let summary = format!("started: {}", names.join(", "));
        bootstrap
            .settings
            .push(setting(Stage::Units, origin, summary, "e_units_start", &names));
    }
    bootstrap.unsupported.extend(systemd.others(&["units"]).map_why(NO_KEY));
    Ok(())
}

/// Reads one unit. Gives its name if it has to be started.
fn unit(unit: &Fields<'_>, origin: Origin, bootstrap: &mut Bootstrap) -> Result<Option<String>, BootstrapError> {
    const KEYS: [&str; 5] = ["name", "enabled", "mask", "contents", "dropins"];
    let (name, node) = unit.required("name")?;
    if !is_file_name(name) || !SUFFIXES.iter().any(|suffix| name.ends_with(suffix)) {
        let expected = "the name of a systemd unit, such as kubelet.service";
        return Err(unit.fail(node, "name", FieldProblem::Invalid { expected }));
    }
    let is_masked = unit.flag("mask")?;
    let mut changed = false;
    if let Some((contents, node)) = unit.text("contents")?.filter(|(contents, _)| !contents.is_empty()) {
        if is_masked == Some(true) {
            let expected = "left out of a unit that is masked";
            return Err(unit.fail(node, "contents", FieldProblem::Invalid { expected }));
        }
        bootstrap.files.push(file(format!("{FOLDER}/{name}"), contents, origin));
        changed = true;
    }
    for (path, node) in unit.list("dropins")? {
        changed |= drop_in(
            &unit.inside(path, node, "a mapping with a `name`")?,
            name,
            origin,
            node,
            bootstrap,
        )?;
    }
    let is_enabled = unit.flag("enabled")?;
    let (mask, masked) = match is_masked {
        Some(true) => ("mask", " masked"),
        Some(false) => ("unmask", " unmasked"),
        None => ("", ""),
    };
    let (enable, enabled) = match is_enabled {
        // A masked unit is not started, whatever else is said of it.
        _ if is_masked == Some(true) => ("", ""),
        Some(true) => ("enable", " enabled"),
        Some(false) => ("disable", " disabled"),
        None => ("", ""),
    };
    let restart = if changed { "restart" } else { "" };
    let summary = format!("unit {name}{masked}{enabled}");
    bootstrap.settings.push(setting(
        Stage::Units,
        origin,
        summary,
        "e_unit",
        &[name, mask, enable, restart],
    ));
    bootstrap.unsupported.extend(unit.others(&KEYS).map_why(NO_KEY));
    Ok((enable == "enable").then(|| name.to_owned()))
}

/// Reads one drop-in. Whether there is anything in it.
fn drop_in(
    drop_in: &Fields<'_>,
    unit: &str,
    origin: Origin,
    at: &Node,
    bootstrap: &mut Bootstrap,
) -> Result<bool, BootstrapError> {
    let (name, node) = drop_in.required("name")?;
    if !is_file_name(name) || !name.ends_with(".conf") {
        let expected = "a file name that ends in .conf";
        return Err(drop_in.fail(node, "name", FieldProblem::Invalid { expected }));
    }
    bootstrap
        .unsupported
        .extend(drop_in.others(&["name", "contents"]).map_why(NO_KEY));
    let Some((contents, _)) = drop_in.text("contents")?.filter(|(contents, _)| !contents.is_empty()) else {
        return Ok(false);
    };
    let origin = Origin {
        line: at.span.line,
        column: at.span.column,
        ..origin
    };
    bootstrap
        .files
        .push(file(format!("{FOLDER}/{unit}.d/{name}"), contents, origin));
    Ok(true)
}

fn file(path: String, contents: &str, origin: Origin) -> File {
    File {
        source: None,
        resolved: None,
        path,
        content: Secret::from(contents),
        owner: Owner::default(),
        permissions: permissions::DEFAULT,
        append: false,
        defer: false,
        origin,
    }
}

/// Of characters that unit names have (systemd.unit(5)), and no option.
fn is_file_name(name: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b":-_.\\@%".contains(&byte);
    name.len() < 256 && name.bytes().all(is_allowed) && !name.starts_with(['-', '.'])
}
