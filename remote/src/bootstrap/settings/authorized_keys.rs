//! SSH public keys as sshd(8), AUTHORIZED_KEYS FILE FORMAT, has them.

use crate::bootstrap::error::{BootstrapError, FieldProblem};
use crate::bootstrap::fields::Fields;
use crate::yaml::Node;

/// The keys at a key of the document that holds one, a list, or a mapping of names to keys, as cloud-init accepts them. Each is one line.
pub(in crate::bootstrap) fn read<'a>(fields: &Fields<'a>, key: &str) -> Result<Vec<&'a str>, BootstrapError> {
    let Some(node) = fields.present(key) else {
        return Ok(Vec::new());
    };
    let path = fields.key(key);
    if let Some(entries) = node.entries() {
        return entries
            .iter()
            .map(|(name, node)| {
                line(
                    fields,
                    &format!("{path}.{}", crate::yaml::shown(name.text().unwrap_or_default())),
                    node,
                )
            })
            .collect();
    }
    if node.text().is_some() {
        return Ok(vec![line(fields, &path, node)?]);
    }
    fields
        .list(key)?
        .into_iter()
        .map(|(path, node)| line(fields, &path, node))
        .collect()
}

fn line<'a>(fields: &Fields<'a>, path: &str, node: &'a Node) -> Result<&'a str, BootstrapError> {
    let text = fields.item(path, node)?.trim();
    if is_public_key(text) {
        return Ok(text);
    }
    let problem = FieldProblem::Invalid {
        expected: "an SSH public key on one line (`ssh-ed25519 AAAA…`), perhaps with options before it",
    };
    Err(fields.error(node.span, path, problem))
}

/// `[options] type base64 [comment]`
fn is_public_key(text: &str) -> bool {
    if text.contains(char::is_control) {
        return false;
    }
    starts_with_key(text) || starts_with_key(after_options(text))
}

fn starts_with_key(text: &str) -> bool {
    let mut words = text.split_whitespace();
    let (Some(kind), Some(blob)) = (words.next(), words.next()) else {
        return false;
    };
    let known = ["ssh-", "ecdsa-", "sk-ssh-", "sk-ecdsa-"]
        .iter()
        .any(|start| kind.starts_with(start));
    known
        && blob.starts_with("AAAA")
        && blob
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '='))
}

/// What follows the options: they hold blanks only within quotation marks, where `\"` is one that does not count.
fn after_options(text: &str) -> &str {
    let (mut quoted, mut escaped) = (false, false);
    for (index, c) in text.char_indices() {
        match c {
            '"' if !escaped => quoted = !quoted,
            c if c.is_whitespace() && !quoted => return text.get(index..).unwrap_or_default(),
            _ => {}
        }
        escaped = c == '\\';
    }
    ""
}

#[cfg(test)]
mod tests {
    use super::is_public_key;

    #[test]
    fn keys_with_and_without_options() {
        for (text, is_key) in [
            ("ssh-ed25519 AAAAC3Nz me@here", true),
            ("ssh-rsa AAAAB3Nz", true),
            ("sk-ssh-ed25519@openssh.com AAAAGnNr a comment", true),
            ("no-pty,command=\"echo \\\"a b\\\" c\" ssh-ed25519 AAAAC3Nz", true),
            ("ssh-ed25519", false),
            ("ssh-ed25519 key", false),
            ("-----BEGIN OPENSSH PRIVATE KEY-----", false),
            ("ssh-ed25519 AAAAC3Nz\nssh-rsa AAAAB3Nz", false),
            ("command=\"unclosed ssh-ed25519 AAAAC3Nz", false),
            ("", false),
        ] {
            assert_eq!(is_public_key(text), is_key, "{text}");
        }
    }
}
