//! `write_files[].owner`.

use super::Owner;
use super::error::FieldProblem;

impl Default for Owner {
    /// cloud-init's default, root:root.
    fn default() -> Self {
        Self {
            user: Some("root".to_owned()),
            group: Some("root".to_owned()),
        }
    }
}

/// Reads `user`, `user:group`, `:group` or `user:`. As in cloud-init, a part that is empty, `-1` or `none` is not changed; numbers, which
/// cloud-init refuses, are taken as IDs.
///
/// # Errors
///
/// A part that cannot be a name.
pub(super) fn parse(text: &str) -> Result<Owner, FieldProblem> {
    let (user, group) = text.split_once(':').unwrap_or((text, ""));
    Ok(Owner {
        user: part(user)?,
        group: part(group)?,
    })
}

fn part(name: &str) -> Result<Option<String>, FieldProblem> {
    let name = name.trim();
    if name.is_empty() || name == "-1" || name.eq_ignore_ascii_case("none") {
        return Ok(None);
    }
    let odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, ':' | '/');
    if name.contains(odd) || name.starts_with('-') {
        return Err(FieldProblem::Owner);
    }
    Ok(Some(name.to_owned()))
}
