//! `locale`, `locale_configfile` (cloud-init's cc_locale).

use super::{Call, Module};
use crate::bootstrap::error::{BootstrapError, FieldProblem};
use crate::bootstrap::fields::Fields;
use crate::bootstrap::path::absolute;
use crate::bootstrap::{Bootstrap, Stage};

pub(super) const MODULE: Module = Module {
    keys: &["locale", "locale_configfile"],
    read,
};

fn read(document: &Fields<'_>, bootstrap: &mut Bootstrap) -> Result<(), BootstrapError> {
    let file = match document.text("locale_configfile")? {
        Some((file, node)) if !file.starts_with('/') || file.contains(char::is_control) => {
            let expected = "an absolute path";
            return Err(document.fail(node, "locale_configfile", FieldProblem::Invalid { expected }));
        }
        Some((file, node)) => absolute(file).map_err(|problem| document.fail(node, "locale_configfile", problem))?,
        None => String::new(),
    };
    let Some((name, node)) = document.text("locale")? else {
        return Ok(());
    };
    if matches!(name.to_lowercase().as_str(), "false" | "no" | "off" | "0" | "") {
        return Ok(());
    }
    // locale(7): language[_territory][.codeset][@modifier]
    if !name.chars().all(|c| c.is_ascii_alphanumeric() || "_.@-".contains(c)) || name.starts_with('-') {
        let expected = "the name of a locale, such as de_AT.UTF-8";
        return Err(document.fail(node, "locale", FieldProblem::Invalid { expected }));
    }
    let call = Call::new(format!("locale {name}"), "e_locale", &[name, &file]);
    bootstrap.set(Stage::Locale, "locale", 0, node.span, call);
    Ok(())
}
