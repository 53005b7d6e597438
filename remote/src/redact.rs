//! What must not be shown: secrets found in a plan, and text without them.
//!
//! Bootstrap data does not say which of its bytes are secret, so this is a rule of thumb that rather hides too much: what stands
//! in files that not everybody may read, and what follows a word like `--token` in a command. It is used for what is shown and
//! logged only; what is sent to a host is never changed by it.

use std::collections::BTreeSet;

use crate::plan::{Action, Body, Plan};
use crate::secret::Secret;

/// Shorter values would hide half of every log.
const MIN_LEN: usize = 6;

/// So that a log line costs a bounded number of searches.
const MAX_SECRETS: usize = 2_000;

/// What stands where a secret stood.
pub const MASK: &str = "********";

/// Words that announce a secret: in `--token X`, `PASSWORD=X`, `token: X`.
const ANNOUNCE: [&str; 8] = [
    "password",
    "passwd",
    "passphrase",
    "token",
    "secret",
    "apikey",
    "api-key",
    "api_key",
];

/// Knows the secrets of a plan, and takes them out of text that is to be shown.
#[derive(Clone, Debug, Default)]
pub struct Redactor {
    /// Longest first, so that a secret within another one leaves nothing of the longer.
    secrets: Vec<Secret>,
}

impl Redactor {
    /// The secrets of this plan.
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        let mut found = BTreeSet::new();
        for step in plan.steps() {
            match &step.action {
                Action::WriteFile(file) => {
                    let text = String::from_utf8_lossy(file.content.expose());
                    if file.mode & 0o004 == 0 && !text.starts_with("#!") {
                        private_file(&text, &mut found);
                    } else {
                        announced(&text, &mut found);
                    }
                }
                Action::Command(command) => announced(&String::from_utf8_lossy(command.text.expose()), &mut found),
                Action::Script(script) => match &script.body {
                    Body::Inline(content) => announced(&String::from_utf8_lossy(content.expose()), &mut found),
                    Body::File { .. } => {}
                },
                Action::Ensure(ensure) => {
                    let private = ensure.arguments.iter().filter(|_| ensure.private);
                    private.for_each(|argument| private_file(&String::from_utf8_lossy(argument.expose()), &mut found));
                }
                Action::CopyFile(_) | Action::Remove { .. } | Action::Expect { .. } | Action::Undo | Action::Prove => {}
            }
        }
        Self::new(found)
    }

    fn new(found: BTreeSet<String>) -> Self {
        let mut found: Vec<_> = found
            .into_iter()
            .filter(|secret| !secret.bytes().all(|byte| byte == b'*'))
            .collect();
        found.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        found.truncate(MAX_SECRETS);
        Self {
            secrets: found.into_iter().map(Secret::new).collect(),
        }
    }

    /// The same, and these as well: whole values known to be secret, such as a password.
    #[must_use]
    pub fn and(self, values: impl IntoIterator<Item = Secret>) -> Self {
        let values = values
            .into_iter()
            .filter_map(|value| String::from_utf8(value.expose().to_vec()).ok());
        let known = self
            .secrets
            .iter()
            .filter_map(|secret| String::from_utf8(secret.expose().to_vec()).ok());
        Self::new(known.chain(values.filter(|value| !value.is_empty())).collect())
    }

    /// The secrets, longest first; none has a newline in it.
    pub fn secrets(&self) -> impl Iterator<Item = &Secret> {
        self.secrets.iter()
    }

    /// The text with [`MASK`] in place of each secret.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in self
            .secrets
            .iter()
            .filter_map(|secret| std::str::from_utf8(secret.expose()).ok())
        {
            if text.contains(secret) {
                text = text.replace(secret, MASK);
            }
        }
        text
    }
}

/// All that a file holds which not everybody may read: its lines, and the values in them.
fn private_file(text: &str, found: &mut BTreeSet<String>) {
    for line in text.lines().map(str::trim) {
        keep(line, found);
        if let Some((_, value)) = line.split_once([':', '=']) {
            keep(unquoted(value), found);
        }
        line.split_whitespace()
            .map(unquoted)
            .filter(|word| word.len() >= 12 && word.bytes().any(|byte| byte.is_ascii_digit()))
            .for_each(|word| keep(word, found));
    }
}

/// What a text announces as a secret.
fn announced(text: &str, found: &mut BTreeSet<String>) {
    for line in text.lines() {
        let mut words = line
            .split(|c: char| c.is_whitespace() || matches!(c, ';' | '|' | '&' | '<' | '>' | '(' | ')'))
            .peekable();
        while let Some(word) = words.next() {
            let word = word.trim_matches(['\'', '"', '`']);
            if is_bootstrap_token(word) {
                keep(word, found);
            }
            if let Some(secret) = in_url(word) {
                keep(secret, found);
            }
            match word.split_once(['=', ':']) {
                Some((name, value)) if announces(name) && !value.is_empty() => {
                    keep(unquoted(value), found);
                }
                Some((name, "")) if announces(name) => {
                    words.peek().into_iter().for_each(|value| keep(unquoted(value), found));
                }
                None if word.starts_with('-') && announces(word) => {
                    words.peek().into_iter().for_each(|value| keep(unquoted(value), found));
                }
                _ => {}
            }
            if word.eq_ignore_ascii_case("bearer") {
                words.peek().into_iter().for_each(|value| keep(unquoted(value), found));
            }
        }
    }
}

/// A file that holds a secret is none itself: `--token-file`, `--discovery-token-ca-cert-hash`.
fn announces(name: &str) -> bool {
    let name = name.trim_start_matches('-').to_ascii_lowercase();
    ANNOUNCE.iter().any(|word| name.ends_with(word))
}

/// kubeadm's form of a token (<https://kubernetes.io/docs/reference/access-authn-authz/bootstrap-tokens/>).
fn is_bootstrap_token(word: &str) -> bool {
    let allowed = |part: &str| part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    word.split_once('.')
        .is_some_and(|(id, secret)| id.len() == 6 && secret.len() == 16 && allowed(id) && allowed(secret))
}

/// The password in `scheme://user:password@host`.
fn in_url(word: &str) -> Option<&str> {
    let (_, rest) = word.split_once("://")?;
    let (user, _) = rest.split('/').next()?.rsplit_once('@')?;
    user.split_once(':').map(|(_, password)| password)
}

fn unquoted(value: &str) -> &str {
    value.trim().trim_matches(['\'', '"', ',', ';'])
}

fn keep(value: &str, found: &mut BTreeSet<String>) {
    if value.len() >= MIN_LEN && !is_reference(value) {
        found.insert(value.to_owned());
    }
}

/// A variable of the shell or a template stands for a secret and is none: `$TOKEN`, `${TOKEN}`, `$(cat token)`, `{{ token }}`. A
/// hash such as `$6$salt$...` is one.
fn is_reference(value: &str) -> bool {
    let is_name = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    value.starts_with("{{")
        || value.strip_prefix('$').is_some_and(|rest| {
            rest.starts_with(['{', '(']) || (is_name(rest) && !rest.starts_with(|c: char| c.is_ascii_digit()))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets_of_command(text: &str) -> Vec<String> {
        let mut found = BTreeSet::new();
        announced(text, &mut found);
        found.into_iter().collect()
    }

    #[test]
    fn a_command_announces_its_secrets() {
        for (text, secrets) in [
            (
                "kubeadm join --token abcdef.0123456789abcdef h:6443",
                vec!["abcdef.0123456789abcdef"],
            ),
            ("k0s install worker --token-file /etc/k0s.token", vec![]),
            ("kubeadm join --discovery-token-ca-cert-hash sha256:1234567890", vec![]),
            ("export DB_PASSWORD='correct horse'; run", vec!["correct"]),
            ("curl -H 'Authorization: Bearer abc123def' x", vec!["abc123def"]),
            ("curl https://me:s3cr3t!@example.com/x", vec!["s3cr3t!"]),
            ("login --password=hunter22", vec!["hunter22"]),
            ("login --password $PASSWORD", vec![]),
            ("login --password ${PASSWORD}", vec![]),
            ("login --password='$6$salt$hash'", vec!["$6$salt$hash"]),
            ("login --token /base64+of/a+key=", vec!["/base64+of/a+key="]),
        ] {
            assert_eq!(secrets_of_command(text), secrets, "{text}");
        }
    }

    #[test]
    fn a_private_file_is_secret_by_line_and_by_value() {
        let mut found = BTreeSet::new();
        private_file(
            "password: \"hunter2hunter2\"\nplain-secret\n/base64+of/a+key=\n$6$salt$hash\n",
            &mut found,
        );
        let redactor = Redactor::new(found);
        assert_eq!(redactor.redact("/base64+of/a+key= $6$salt$hash"), "******** ********");
        assert_eq!(
            redactor.redact("a hunter2hunter2 b plain-secret c"),
            "a ******** b ******** c"
        );
    }

    #[test]
    fn the_longer_secret_wins() {
        let redactor = Redactor::default().and(["secret", "secret-and-more"].map(Secret::from));
        assert_eq!(redactor.redact("a secret-and-more b secret"), "a ******** b ********");
    }
}
