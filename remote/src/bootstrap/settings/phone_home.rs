//! `phone_home` (cloud-init's cc_phone_home): a URL is told about the host once everything else is done.

use super::{Call, Module};
use crate::bootstrap::error::{BootstrapError, FieldProblem};
use crate::bootstrap::fields::Fields;
use crate::bootstrap::{Bootstrap, Stage};

pub(super) const MODULE: Module = Module {
    keys: &["phone_home"],
    read,
};

/// What can be told, as cloud-init names it; all of it without `post`.
const ALL: [&str; 6] = [
    "pub_key_rsa",
    "pub_key_ecdsa",
    "pub_key_ed25519",
    "instance_id",
    "hostname",
    "fqdn",
];

fn read(document: &Fields<'_>, bootstrap: &mut Bootstrap) -> Result<(), BootstrapError> {
    let Some(phone) = document.mapping("phone_home")? else {
        return Ok(());
    };
    bootstrap.unsupported.extend(phone.others(&["url", "post", "tries"]));
    let (url, node) = phone.required("url")?;
    let is_url = ["http://", "https://"].iter().any(|scheme| url.starts_with(scheme));
    if !is_url || url.contains(|c: char| c.is_whitespace() || c.is_control() || c == '"' || c == '\\') {
        let expected = "an http or https URL";
        return Err(phone.fail(node, "url", FieldProblem::Invalid { expected }));
    }
    let tries = match phone.text("tries")? {
        Some((text, node)) => {
            let tries = text.parse::<u8>().ok().filter(|tries| (1..=100).contains(tries));
            let expected = "a number from 1 to 100";
            tries.ok_or_else(|| phone.fail(node, "tries", FieldProblem::Invalid { expected }))?
        }
        None => 10,
    };
    let mut told = Vec::new();
    for (path, text, span) in phone.texts("post")? {
        match text {
            "all" => told.extend(ALL),
            // Newer hosts have none.
            "pub_key_dsa" => {}
            text => match ALL.iter().find(|known| **known == text) {
                Some(known) => told.push(*known),
                None => {
                    let expected = "all, or pub_key_rsa, pub_key_ecdsa, pub_key_ed25519, instance_id, hostname and fqdn";
                    return Err(phone.error(span, &path, FieldProblem::Invalid { expected }));
                }
            },
        }
    }
    if told.is_empty() {
        told.extend(ALL);
    }
    let tries = tries.to_string();
    let arguments: Vec<_> = [url, &tries].into_iter().chain(told).collect();
    // A URL may have a password in it.
    let call = Call::new("call home", "e_phone_home", &arguments).private();
    bootstrap.set(Stage::PhoneHome, "phone_home", 0, document.span("phone_home"), call);
    Ok(())
}
