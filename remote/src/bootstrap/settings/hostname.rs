//! `hostname`, `fqdn` and their like, and `manage_etc_hosts` (cloud-init's cc_set_hostname, cc_update_hostname, cc_update_etc_hosts).

use super::{Call, Module};
use crate::bootstrap::error::{BootstrapError, FieldProblem};
use crate::bootstrap::fields::Fields;
use crate::bootstrap::{Bootstrap, Stage};

pub(super) const MODULE: Module = Module {
    keys: &[
        "hostname",
        "fqdn",
        "preserve_hostname",
        "prefer_fqdn_over_hostname",
        "create_hostname_file",
        "manage_etc_hosts",
    ],
    read,
};

fn read(document: &Fields<'_>, bootstrap: &mut Bootstrap) -> Result<(), BootstrapError> {
    let fqdn = name(document, "fqdn")?;
    let hostname = name(document, "hostname")?;
    // As cloud-init: a hostname with dots is an fqdn, and an fqdn's first label a hostname.
    let fqdn = fqdn.or_else(|| hostname.clone().filter(|name| name.contains('.')));
    let short = hostname
        .or_else(|| fqdn.clone())
        .map(|name| name.split('.').next().unwrap_or_default().to_owned());
    let Some(short) = short else { return Ok(()) };
    let span = document.span(if document.get("hostname").is_some() {
        "hostname"
    } else {
        "fqdn"
    });
    let prefer_fqdn = document.flag("prefer_fqdn_over_hostname")?.unwrap_or(false);
    let create_file = document.flag("create_hostname_file")?.unwrap_or(true);
    let full = fqdn.unwrap_or_else(|| short.clone());
    if !document.flag("preserve_hostname")?.unwrap_or(false) {
        let set = if prefer_fqdn { &full } else { &short };
        let file = if create_file { "file" } else { "" };
        bootstrap.set(
            Stage::Hostname,
            "hostname",
            0,
            span,
            Call::new(format!("host name {set}"), "e_hostname", &[set, file]),
        );
    }
    match document.text("manage_etc_hosts")? {
        Some((word, node)) => match word.to_lowercase().as_str() {
            // The template of a distribution, which `true` and `template` stand for, has the same two names in it.
            "true" | "yes" | "on" | "template" | "localhost" => {
                let call = Call::new(format!("{full} in /etc/hosts"), "e_etc_hosts", &[&full, &short]);
                bootstrap.set(Stage::Hostname, "manage_etc_hosts", 0, node.span, call);
                Ok(())
            }
            "false" | "no" | "off" => Ok(()),
            _ => Err(document.fail(
                node,
                "manage_etc_hosts",
                FieldProblem::Invalid {
                    expected: "true, false or localhost",
                },
            )),
        },
        None => Ok(()),
    }
}

/// A name as RFC 1123, 2.1 has it.
fn name(document: &Fields<'_>, key: &'static str) -> Result<Option<String>, BootstrapError> {
    let Some((text, node)) = document.text(key)? else {
        return Ok(None);
    };
    let is_label = |label: &str| {
        let inner = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        !label.is_empty() && label.len() <= 63 && label.chars().all(inner) && !label.starts_with('-') && !label.ends_with('-')
    };
    if text.len() > 253 || !text.trim_end_matches('.').split('.').all(is_label) {
        return Err(document.fail(
            node,
            key,
            FieldProblem::Invalid {
                expected: "a host name (letters, digits and hyphens)",
            },
        ));
    }
    Ok(Some(text.trim_end_matches('.').to_owned()))
}
