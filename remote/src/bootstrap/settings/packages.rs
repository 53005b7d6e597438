//! `packages`, `package_update`, `package_upgrade` and their like (cloud-init's cc_package_update_upgrade_install).

use super::{Call, Module};
use crate::bootstrap::error::{BootstrapError, FieldProblem};
use crate::bootstrap::fields::Fields;
use crate::bootstrap::{Bootstrap, Stage};
use crate::yaml::Node;

pub(super) const MODULE: Module = Module {
    keys: &[
        "packages",
        "package_update",
        "package_upgrade",
        "package_reboot_if_required",
        "apt_update",
        "apt_upgrade",
        "apt_reboot_if_required",
    ],
    read,
};

/// Which program installs a package.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Manager {
    /// The host's own.
    Any,
    Apt,
    Snap,
}

/// One package.
struct Package<'a> {
    manager: Manager,
    name: &'a str,
    /// A version; for snap an option such as `--channel=…`. May be empty.
    version: &'a str,
}

fn read(document: &Fields<'_>, bootstrap: &mut Bootstrap) -> Result<(), BootstrapError> {
    let wanted = packages(document)?;
    if let Some(name) = first_set(document, ["package_update", "apt_update"])? {
        let call = Call::new("package lists are up to date", "e_package_update", &[]);
        bootstrap.set(Stage::Packages, name, 0, document.span(name), call);
    }
    if let Some(name) = first_set(document, ["package_upgrade", "apt_upgrade"])? {
        let call = Call::new("all packages are up to date", "e_package_upgrade", &[]);
        bootstrap.set(Stage::Packages, name, 0, document.span(name), call);
    }
    for (manager, function) in [
        (Manager::Any, "e_packages"),
        (Manager::Apt, "e_packages_apt"),
        (Manager::Snap, "e_packages_snap"),
    ] {
        let chosen: Vec<_> = wanted.iter().filter(|package| package.manager == manager).collect();
        if chosen.is_empty() {
            continue;
        }
        let names: Vec<_> = chosen.iter().map(|package| package.name).collect();
        let arguments: Vec<_> = chosen.iter().flat_map(|package| [package.name, package.version]).collect();
        let what = if manager == Manager::Snap { "snaps" } else { "packages" };
        let call = Call::new(format!("{what} {}", names.join(", ")), function, &arguments);
        bootstrap.set(Stage::Packages, "packages", 0, document.span("packages"), call);
    }
    if let Some(name) = first_set(document, ["package_reboot_if_required", "apt_reboot_if_required"])? {
        let why = "a machine is not rebooted between packages and commands; use `power_state` to reboot it at the end";
        bootstrap.unsupported.extend(document.not_applied(name, why));
    }
    Ok(())
}

/// The first of these keys that is true. All are looked at.
fn first_set(document: &Fields<'_>, keys: [&'static str; 2]) -> Result<Option<&'static str>, BootstrapError> {
    let [new, old] = keys.map(|key| document.flag(key).map(|flag| flag.unwrap_or(false).then_some(key)));
    Ok(new?.or(old?))
}

fn packages<'a>(document: &Fields<'a>) -> Result<Vec<Package<'a>>, BootstrapError> {
    let mut found = Vec::new();
    let Some(node) = document.present("packages") else {
        return Ok(found);
    };
    if node.text().is_some() {
        found.push(package(document, Manager::Any, "packages", node)?);
        return Ok(found);
    }
    for (path, node) in document.list("packages")? {
        if node.entries().is_none() {
            found.push(package(document, Manager::Any, &path, node)?);
            continue;
        }
        let managers = document.within(path.clone(), node, "a mapping")?;
        for (name, span, value) in managers.entries() {
            let manager = match name {
                "apt" => Manager::Apt,
                "snap" => Manager::Snap,
                _ => {
                    let expected = "a package, or packages by `apt` or `snap`";
                    return Err(document.error(span, &path, FieldProblem::Invalid { expected }));
                }
            };
            let items = value.items().ok_or_else(|| managers.wrong_type(value, name, "a list"))?;
            for (index, item) in items.iter().enumerate() {
                found.push(package(document, manager, &format!("{}[{index}]", managers.key(name)), item)?);
            }
        }
    }
    Ok(found)
}

/// `name`, or `[name, version]`.
fn package<'a>(document: &Fields<'a>, manager: Manager, path: &str, node: &'a Node) -> Result<Package<'a>, BootstrapError> {
    let fail = |expected| Err(document.error(node.span, path, FieldProblem::Invalid { expected }));
    let (name, version) = match node.items() {
        None => (document.item(path, node)?, ""),
        Some([name]) => (document.item(path, name)?, ""),
        Some([name, version]) => (document.item(path, name)?, document.item(path, version)?),
        Some(_) => return fail("a name, or a list of a name and a version"),
    };
    if !is_word(name) || name.starts_with('-') {
        return fail("the name of a package");
    }
    if !version.is_empty() && (!is_word(version) || version.starts_with('-') != (manager == Manager::Snap)) {
        return fail(if manager == Manager::Snap {
            "a name and an option of `snap install`, such as --channel=latest/edge"
        } else {
            "a name and a version"
        });
    }
    Ok(Package { manager, name, version })
}

/// One word of printable characters; package groups of dnf have spaces in the middle.
fn is_word(text: &str) -> bool {
    !text.is_empty() && text.trim() == text && !text.contains(char::is_control)
}
