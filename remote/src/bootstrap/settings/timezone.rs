//! `timezone` (cloud-init's cc_timezone).

use super::{Call, Module};
use crate::bootstrap::error::{BootstrapError, FieldProblem};
use crate::bootstrap::fields::Fields;
use crate::bootstrap::{Bootstrap, Stage};

pub(super) const MODULE: Module = Module {
    keys: &["timezone"],
    read,
};

fn read(document: &Fields<'_>, bootstrap: &mut Bootstrap) -> Result<(), BootstrapError> {
    let Some((name, node)) = document.text("timezone")? else {
        return Ok(());
    };
    let is_name = |part: &str| !part.is_empty() && !part.starts_with('.') && part.chars().all(|c| c.is_ascii_graphic());
    if !name.split('/').all(is_name) {
        let problem = FieldProblem::Invalid {
            expected: "the name of a time zone, such as Europe/Vienna",
        };
        return Err(document.fail(node, "timezone", problem));
    }
    let call = Call::new(format!("time zone {name}"), "e_timezone", &[name]);
    bootstrap.set(Stage::Timezone, "timezone", 0, node.span, call);
    Ok(())
}
