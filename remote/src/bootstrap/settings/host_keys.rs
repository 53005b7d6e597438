//! `ssh_keys` (cloud-init's cc_ssh): host keys that are given. Connections are checked against the host keys that there are, also the
//! one through which this run came: so a key is added where the host has none of its type, and never replaced.

use super::Call;
use crate::bootstrap::error::{BootstrapError, FieldProblem};
use crate::bootstrap::fields::Fields;
use crate::bootstrap::{Bootstrap, Stage};

/// All that may be in it.
const KEYS: [&str; 12] = [
    "dsa_private",
    "dsa_public",
    "dsa_certificate",
    "ecdsa_private",
    "ecdsa_public",
    "ecdsa_certificate",
    "ed25519_private",
    "ed25519_public",
    "ed25519_certificate",
    "rsa_private",
    "rsa_public",
    "rsa_certificate",
];

const CERTIFICATE: &str =
    "the server's settings would have to name it; write the file and a line in sshd_config.d with `write_files`";
const ALONE: &str = "without its private key it is of no use";

pub(super) fn read(document: &Fields<'_>, bootstrap: &mut Bootstrap) -> Result<(), BootstrapError> {
    let Some(keys) = document.mapping("ssh_keys")? else {
        return Ok(());
    };
    bootstrap.unsupported.extend(keys.others(&KEYS));
    for (index, kind) in ["dsa", "ecdsa", "ed25519", "rsa"].into_iter().enumerate() {
        let [private, public, certificate] = ["private", "public", "certificate"].map(|part| format!("{kind}_{part}"));
        bootstrap.unsupported.extend(keys.not_applied(&certificate, CERTIFICATE));
        let Some((text, node)) = keys.text(&private)? else {
            bootstrap.unsupported.extend(keys.not_applied(&public, ALONE));
            continue;
        };
        let text = text.trim();
        if !text.starts_with("-----BEGIN ") || !text.ends_with("PRIVATE KEY-----") {
            let expected = "a private key without a passphrase: `-----BEGIN … PRIVATE KEY-----` and what follows";
            return Err(keys.fail(node, &private, FieldProblem::Invalid { expected }));
        }
        let public = match keys.text(&public)? {
            Some((text, node)) if text.trim().contains(|c: char| c.is_control()) => {
                let expected = "a public key on one line";
                return Err(keys.fail(node, &public, FieldProblem::Invalid { expected }));
            }
            Some((text, _)) => text.trim(),
            None => "",
        };
        let call = Call::new(format!("SSH host key {kind}"), "e_given_host_key", &[kind, text, public]).private();
        bootstrap.set(Stage::Ssh, "ssh_keys", index, node.span, call);
    }
    Ok(())
}
