//! The texts in `apt`: templates of sources, and keys.

/// The addresses that the data gives for the distribution's mirrors. Nothing: the distribution's own, which the host knows.
pub(super) struct Mirrors {
    pub(super) primary: Option<String>,
    pub(super) security: Option<String>,
}

const UNKNOWN: &str =
    "a text with no other variables than $RELEASE, $MIRROR, $PRIMARY, $SECURITY, and $KEY_FILE where there is a key";

/// A source with its variables replaced, which are written `$NAME` or `${NAME}`. What only the host knows stays, as `$RELEASE`,
/// `$PRIMARY` and `$SECURITY`.
///
/// # Errors
/// What the text should be, in words.
pub(super) fn expand(text: &str, mirrors: &Mirrors, key_file: Option<&str>) -> Result<String, &'static str> {
    if text.trim_start().starts_with("## template:") {
        return Err("a text without jinja, with variables like $RELEASE");
    }
    let primary = mirrors.primary.as_deref();
    // As in cloud-init, a primary mirror is the mirror of security updates, too, unless that is given.
    let security = mirrors.security.as_deref().or(primary);
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        expanded.push_str(before);
        let (name, after) = variable(after);
        expanded.push_str(match name.to_ascii_uppercase().as_str() {
            "" => "$",
            "RELEASE" | "CODENAME" => "$RELEASE",
            "MIRROR" | "PRIMARY" => primary.unwrap_or("$PRIMARY"),
            "SECURITY" => security.unwrap_or("$SECURITY"),
            "KEY_FILE" => key_file.ok_or(UNKNOWN)?,
            _ => return Err(UNKNOWN),
        });
        rest = after;
    }
    expanded.push_str(rest);
    Ok(format!("{}\n", expanded.trim_end()))
}

/// The name at the beginning of what comes after a `$`, and what comes after it. Empty if there is none.
fn variable(after: &str) -> (&str, &str) {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if let Some((name, rest)) = after.strip_prefix('{').and_then(|inner| inner.split_once('}'))
        && !name.is_empty()
        && name.chars().all(is_name)
    {
        return (name, rest);
    }
    let end = after.find(|c| !is_name(c)).unwrap_or(after.len());
    after.split_at(end)
}

/// Whether an address in it has a user or a password (RFC 3986, section 3.2.1).
pub(super) fn has_credentials(text: &str) -> bool {
    text.split("://").skip(1).any(|rest| {
        let authority = rest.split(|c: char| c == '/' || c.is_whitespace()).next();
        authority.is_some_and(|authority| authority.contains('@'))
    })
}

/// The armoured public keys in a text (RFC 4880, section 6.2), each line without the spaces around it.
pub(super) fn public_key(text: &str) -> Option<String> {
    const BEGIN: &str = "-----BEGIN PGP PUBLIC KEY BLOCK-----";
    const END: &str = "-----END PGP PUBLIC KEY BLOCK-----";
    let text: String = text.lines().flat_map(|line| [line.trim(), "\n"]).collect();
    let whole = text.trim();
    let is_other = whole.matches("-----BEGIN ").count() != whole.matches(BEGIN).count();
    (whole.starts_with(BEGIN) && whole.ends_with(END) && !is_other).then(|| format!("{whole}\n"))
}

#[cfg(test)]
mod tests {
    use super::{Mirrors, expand, has_credentials};

    #[test]
    fn variables() {
        let mirrors = Mirrors {
            primary: Some("http://m/x".to_owned()),
            security: None,
        };
        for (text, expanded) in [
            ("deb $MIRROR $RELEASE main", Ok("deb http://m/x $RELEASE main\n")),
            (
                "deb ${security} ${RELEASE}-updates x\n\n",
                Ok("deb http://m/x $RELEASE-updates x\n"),
            ),
            ("[signed-by=$KEY_FILE] $PRIMARY$", Ok("[signed-by=/k] http://m/x$\n")),
            ("$(reboot) ${", Ok("$(reboot) ${\n")),
            ("$RELEASES", Err(())),
            ("${HOME}", Err(())),
            ("## template: jinja\n{{ mirror }}", Err(())),
        ] {
            let actual = expand(text, &mirrors, Some("/k"));
            assert_eq!(actual.as_deref().map_err(|_| ()), expanded, "{text}");
        }
    }

    #[test]
    fn credentials() {
        assert!(has_credentials("deb https://me:pass@host/x y"));
        assert!(!has_credentials("deb https://host/@x y@z"));
    }
}
