//! `ca_certs`, and its old name `ca-certs` (cloud-init's cc_ca_certs).

use super::{Call, Module};
use crate::bootstrap::error::{BootstrapError, FieldProblem};
use crate::bootstrap::fields::Fields;
use crate::bootstrap::{Bootstrap, Stage};
use crate::yaml::decode_base64;

pub(super) const MODULE: Module = Module {
    keys: &["ca_certs", "ca-certs"],
    read,
};

/// Where one certificate begins and ends (RFC 7468, section 5.1).
const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

fn read(document: &Fields<'_>, bootstrap: &mut Bootstrap) -> Result<(), BootstrapError> {
    // As cloud-init: the old name counts only where the new one is missing.
    let name = if document.get("ca_certs").is_some() {
        bootstrap
            .unsupported
            .extend(document.not_applied("ca-certs", "`ca_certs` is there, too, and is the one that counts"));
        "ca_certs"
    } else {
        "ca-certs"
    };
    let Some(settings) = document.mapping(name)? else {
        return Ok(());
    };
    let known = ["remove_defaults", "remove-defaults", "trusted"];
    bootstrap.unsupported.extend(settings.others(&known));
    let remove = match settings.flag("remove-defaults")? {
        Some(remove) => remove,
        None => settings.flag("remove_defaults")?.unwrap_or(false),
    };
    let mut arguments = vec![if remove { "remove" } else { "keep" }.to_owned()];
    for (path, text, span) in settings.texts("trusted")? {
        let invalid = || {
            let expected = "certificates in PEM form (-----BEGIN CERTIFICATE-----)";
            settings.error(span, &path, FieldProblem::Invalid { expected })
        };
        arguments.extend(certificates(text).ok_or_else(invalid)?);
    }
    let count = arguments.len() - 1;
    if count == 0 && !remove {
        return Ok(());
    }
    let and = if remove { ", and none of the distribution's" } else { "" };
    let summary = match count {
        1 => format!("1 CA certificate{and}"),
        _ => format!("{count} CA certificates{and}"),
    };
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let call = Call::new(summary, "e_ca_certs", &arguments);
    bootstrap.set(Stage::CaCerts, name, 0, document.span(name), call);
    Ok(())
}

/// The certificates in a text, each by itself, because the tools of the distributions want one a file. What stands around them is
/// explanation (RFC 7468, section 5.2). Nothing if there is none, or something that is none.
fn certificates(text: &str) -> Option<Vec<String>> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once(BEGIN) {
        let (body, after) = after.split_once(END)?;
        let lines: Vec<_> = body.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        // DER of a certificate is a SEQUENCE (RFC 5280, section 4.1).
        let is_sequence = decode_base64(lines.concat().as_bytes()).is_some_and(|der| der.first() == Some(&0x30));
        if !is_sequence {
            return None;
        }
        found.push(format!("{BEGIN}\n{}\n{END}\n", lines.join("\n")));
        rest = after;
    }
    // A private key in the middle would be published.
    let is_other = text.contains("-----BEGIN ") && text.matches("-----BEGIN ").count() != found.len();
    (!found.is_empty() && !is_other).then_some(found)
}
