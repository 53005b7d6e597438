//! `final_message` (cloud-init's cc_final_message).

use super::{Call, Module};
use crate::bootstrap::error::{BootstrapError, FieldProblem};
use crate::bootstrap::fields::Fields;
use crate::bootstrap::{Bootstrap, Stage};

pub(super) const MODULE: Module = Module {
    keys: &["final_message"],
    read,
};

/// What a message may have variables for, as jinja writes them and as cloud-init's own templates do.
const VARIABLES: [&str; 4] = ["uptime", "timestamp", "version", "datasource"];

fn read(document: &Fields<'_>, bootstrap: &mut Bootstrap) -> Result<(), BootstrapError> {
    let Some((text, node)) = document.text("final_message")? else {
        return Ok(());
    };
    let text = text.trim();
    if text.is_empty() {
        return Ok(());
    }
    // The first line says which language it is in, as with the document.
    let (opening, closing, text) = match text.split_once('\n') {
        Some((first, rest)) if first.starts_with("## template:") && first.contains("jinja") => ("{{", "}}", rest),
        Some(_) | None => ("$", "", text),
    };
    let mut canonical = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(opening) {
        canonical.push_str(&before.replace('@', "@@"));
        let (name, after) = name(after, closing);
        if name.is_empty() && closing.is_empty() {
            canonical.push('$');
        } else {
            let lower = name.to_ascii_lowercase();
            if !VARIABLES.contains(&lower.as_str()) {
                let expected = "a text with no other variables than uptime, timestamp, version and datasource";
                return Err(document.fail(node, "final_message", FieldProblem::Invalid { expected }));
            }
            canonical.push_str(&format!("@{lower};"));
        }
        rest = after;
    }
    canonical.push_str(&rest.replace('@', "@@"));
    let call = Call::new("final message", "e_final_message", &[canonical.trim_end()]);
    bootstrap.set(Stage::FinalMessage, "final_message", 0, node.span, call);
    Ok(())
}

/// The name of a variable, and what comes after it.
fn name<'a>(after: &'a str, closing: &str) -> (&'a str, &'a str) {
    if closing.is_empty() {
        let end = after
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .unwrap_or(after.len());
        if let Some((name, rest)) = after.strip_prefix('{').and_then(|inner| inner.split_once('}')) {
            return (name, rest);
        }
        return after.split_at(end);
    }
    let (name, rest) = after.split_once(closing).unwrap_or((after, ""));
    (name.trim_matches(|c: char| c == '-' || c.is_whitespace()), rest)
}
