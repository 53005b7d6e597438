//! `ssh_import_id` (cloud-init's cc_ssh_import_id): keys that ssh-import-id(1) fetches on the host, once packages are there.

use super::{Call, Module, users};
use crate::bootstrap::error::{BootstrapError, FieldProblem};
use crate::bootstrap::fields::Fields;
use crate::bootstrap::{Bootstrap, Stage};
use crate::yaml::Span;

pub(super) const MODULE: Module = Module {
    keys: &["ssh_import_id"],
    read,
};

/// As with `ssh_authorized_keys`: the keys are `user`'s, or those of whom the run logs in as.
fn read(document: &Fields<'_>, bootstrap: &mut Bootstrap) -> Result<(), BootstrapError> {
    let user = users::default_user(document)?.unwrap_or_default();
    let span = document.span("ssh_import_id");
    import(document, "ssh_import_id", user, ("ssh_import_id", 0, span), bootstrap)
}

/// Adds what a key of these fields asks for.
pub(super) fn import(
    fields: &Fields<'_>,
    key: &str,
    user: &str,
    (module, index, span): (&'static str, usize, Span),
    bootstrap: &mut Bootstrap,
) -> Result<(), BootstrapError> {
    let mut arguments = vec![user];
    for (path, text, span) in fields.texts(key)? {
        let (server, name) = text.split_once(':').unwrap_or(("lp", text));
        let is_word = |text: &str| {
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
            !text.is_empty() && !text.starts_with('-') && text.bytes().all(allowed)
        };
        if !matches!(server, "lp" | "gh") || !is_word(name) {
            let expected = "a name at Launchpad or GitHub: `lp:name` or `gh:name`";
            return Err(fields.error(span, &path, FieldProblem::Invalid { expected }));
        }
        arguments.push(text);
    }
    if arguments.len() > 1 {
        let whose = if user.is_empty() { "the user who logs in" } else { user };
        let call = Call::new(format!("imported SSH keys of {whose}"), "e_ssh_import", &arguments);
        bootstrap.set(Stage::ImportedKeys, module, index, span, call);
    }
    Ok(())
}
