//! The SSH server and its keys (cloud-init's cc_ssh, and `ssh_pwauth` of its cc_set_passwords), as far as it is safe on a machine
//! that is reached through that very server: its host keys stay, because connections are checked against them, and root stays able
//! to log in, because it may be root who is logged in.

use super::host_keys::read as given_host_keys;
use super::{Call, Module, authorized_keys, users};
use crate::bootstrap::error::{BootstrapError, FieldProblem};
use crate::bootstrap::fields::Fields;
use crate::bootstrap::{Bootstrap, Stage};

pub(super) const MODULE: Module = Module {
    keys: &[
        "allow_public_ssh_keys",
        "disable_root",
        "disable_root_opts",
        "ssh_authorized_keys",
        "ssh_deletekeys",
        "ssh_genkeytypes",
        "ssh_keys",
        "ssh_publish_hostkeys",
        "ssh_pwauth",
        "ssh_quiet_keygen",
    ],
    read,
};

/// Keys that ask for nothing if they are false, and why they are listed otherwise.
const FLAGS: [(&str, &str); 3] = [
    (
        "allow_public_ssh_keys",
        "it is about keys from a cloud's metadata, and there are none here",
    ),
    (
        "disable_root",
        "keys that root has already stay as they are; `ssh_authorized_keys` are given to root only if this is false",
    ),
    (
        "ssh_deletekeys",
        "the host keys of a machine that exists already are what connections to it are checked against",
    ),
];

const ROOT_OPTIONS: &str = "no options are added to keys of root, because `disable_root` is not applied";
const PUBLISH: &str = "there is no cloud to publish host keys to";

fn read(document: &Fields<'_>, bootstrap: &mut Bootstrap) -> Result<(), BootstrapError> {
    for (key, why) in FLAGS {
        if document.flag(key)? == Some(true) {
            bootstrap.unsupported.extend(document.not_applied(key, why));
        }
    }
    document.flag("ssh_quiet_keygen")?;
    if let Some(publish) = document.mapping("ssh_publish_hostkeys")?
        && publish.flag("enabled")? != Some(false)
    {
        bootstrap
            .unsupported
            .extend(document.not_applied("ssh_publish_hostkeys", PUBLISH));
    }
    bootstrap
        .unsupported
        .extend(document.not_applied("disable_root_opts", ROOT_OPTIONS));
    given_host_keys(document, bootstrap)?;
    keys_of_users(document, bootstrap)?;
    host_keys(document, bootstrap)?;
    password_authentication(document, bootstrap)
}

/// The default user's keys: `user`'s, or else those of whom the run logs in as, who is what a default user is to a cloud's image.
fn keys_of_users(document: &Fields<'_>, bootstrap: &mut Bootstrap) -> Result<(), BootstrapError> {
    let keys = authorized_keys::read(document, "ssh_authorized_keys")?;
    if keys.is_empty() {
        return Ok(());
    }
    let user = users::default_user(document)?;
    let span = document.span("ssh_authorized_keys");
    let mut add = |user: &str, whose: String| {
        let arguments: Vec<_> = [user].into_iter().chain(keys.iter().copied()).collect();
        let call = Call::new(format!("SSH keys of {whose}"), "e_authorized_keys", &arguments);
        bootstrap.set(Stage::Ssh, "ssh_authorized_keys", 0, span, call);
    };
    let whose = user.map_or_else(|| "the user who logs in".to_owned(), str::to_owned);
    add(user.unwrap_or_default(), whose);
    if document.flag("disable_root")? == Some(false) && user != Some("root") {
        add("root", "root".to_owned());
    }
    Ok(())
}

fn host_keys(document: &Fields<'_>, bootstrap: &mut Bootstrap) -> Result<(), BootstrapError> {
    let mut types = Vec::new();
    for (path, text, span) in document.texts("ssh_genkeytypes")? {
        if !matches!(text, "rsa" | "dsa" | "ecdsa" | "ed25519") {
            let expected = "rsa, ecdsa, ed25519 or dsa";
            return Err(document.error(span, &path, FieldProblem::Invalid { expected }));
        }
        types.push(text);
    }
    if !types.is_empty() {
        let call = Call::new(format!("SSH host keys {}", types.join(", ")), "e_host_keys", &types);
        bootstrap.set(Stage::Ssh, "ssh_genkeytypes", 0, document.span("ssh_genkeytypes"), call);
    }
    Ok(())
}

fn password_authentication(document: &Fields<'_>, bootstrap: &mut Bootstrap) -> Result<(), BootstrapError> {
    let Some((text, node)) = document.text("ssh_pwauth")? else {
        return Ok(());
    };
    if text.eq_ignore_ascii_case("unchanged") {
        return Ok(());
    }
    let Ok(Some(allowed)) = document.flag("ssh_pwauth") else {
        let expected = "true, false or unchanged";
        return Err(document.fail(node, "ssh_pwauth", FieldProblem::Invalid { expected }));
    };
    let value = if allowed { "yes" } else { "no" };
    let call = Call::new(format!("SSH password authentication: {value}"), "e_ssh_pwauth", &[value]);
    bootstrap.set(Stage::Passwords, "ssh_pwauth", 0, node.span, call);
    Ok(())
}
