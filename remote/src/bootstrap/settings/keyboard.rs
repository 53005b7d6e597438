//! `keyboard` (cloud-init's cc_keyboard).

use super::{Call, Module};
use crate::bootstrap::error::{BootstrapError, FieldProblem};
use crate::bootstrap::fields::Fields;
use crate::bootstrap::{Bootstrap, Stage};

pub(super) const MODULE: Module = Module {
    keys: &["keyboard"],
    read,
};

/// cloud-init's default.
const MODEL: &str = "pc105";

fn read(document: &Fields<'_>, bootstrap: &mut Bootstrap) -> Result<(), BootstrapError> {
    let Some(keyboard) = document.mapping("keyboard")? else {
        return Ok(());
    };
    let known = ["layout", "model", "variant", "options"];
    bootstrap.unsupported.extend(keyboard.others(&known));
    let (layout, _) = keyboard.required("layout")?;
    let text = |key| keyboard.text(key).map(|text| text.map(|(text, _)| text));
    let model = text("model")?.unwrap_or(MODEL);
    let variant = text("variant")?.unwrap_or_default();
    let options = text("options")?.unwrap_or_default();
    // keyboard(5) and xkeyboard-config(7)
    let is_name = |c: char| c.is_ascii_alphanumeric() || "_-,:+()".contains(c);
    for (key, value) in known.into_iter().zip([layout, model, variant, options]) {
        if !value.chars().all(is_name) || value.starts_with('-') {
            let expected = "a name that xkeyboard-config(7) has";
            return Err(keyboard.error(keyboard.span(key), &keyboard.key(key), FieldProblem::Invalid { expected }));
        }
    }
    let call = Call::new(format!("keyboard {layout}"), "e_keyboard", &[layout, model, variant, options]);
    bootstrap.set(Stage::Keyboard, "keyboard", 0, document.span("keyboard"), call);
    Ok(())
}
