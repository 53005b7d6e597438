//! `apt` (cloud-init's cc_apt_configure): where packages come from on Debian and Ubuntu.

use super::apt_text::{Mirrors, expand, has_credentials, public_key};
use super::{Call, Module};
use crate::bootstrap::error::{BootstrapError, FieldProblem};
use crate::bootstrap::fields::Fields;
use crate::bootstrap::path::absolute;
use crate::bootstrap::{Bootstrap, Stage};
use crate::yaml::{Node, Span, shown};

pub(super) const MODULE: Module = Module { keys: &["apt"], read };

/// Where cloud-init keeps what is not its distribution's.
const PROXY_FILE: &str = "/etc/apt/apt.conf.d/90cloud-init-aptproxy";
const CONF_FILE: &str = "/etc/apt/apt.conf.d/94cloud-init-config";
const TRUSTED: &str = "/etc/apt/trusted.gpg.d";
/// For keys that only one source trusts, by `signed-by=$KEY_FILE`.
const HARDENED: &str = "/etc/apt/cloud-init.gpg.d";
const KEY_SERVER: &str = "keyserver.ubuntu.com";

const KNOWN: [&str; 14] = [
    "add_apt_repo_match",
    "conf",
    "debconf_selections",
    "disable_suites",
    "ftp_proxy",
    "generate_mirrorlists",
    "http_proxy",
    "https_proxy",
    "preserve_sources_list",
    "primary",
    "proxy",
    "security",
    "sources",
    "sources_list",
];

const NOT_APPLIED: [(&str, &str); 3] = [
    ("add_apt_repo_match", "PPAs are not supported, which it is for"),
    (
        "disable_suites",
        "the host's own sources stay as they are; give `sources_list` without these suites",
    ),
    ("generate_mirrorlists", "lists of mirrors are not written"),
];

fn read(document: &Fields<'_>, bootstrap: &mut Bootstrap) -> Result<(), BootstrapError> {
    let Some(apt) = document.mapping("apt")? else {
        return Ok(());
    };
    bootstrap.unsupported.extend(apt.others(&KNOWN));
    let not_applied = NOT_APPLIED.iter().filter_map(|(key, why)| apt.not_applied(key, why));
    bootstrap.unsupported.extend(not_applied);
    debconf(&apt, bootstrap)?;
    let mirrors = Mirrors {
        primary: mirror(&apt, "primary", bootstrap)?,
        security: mirror(&apt, "security", bootstrap)?,
    };
    let before = bootstrap.settings.len();
    sources_list(&apt, &mirrors, bootstrap)?;
    configuration(&apt, bootstrap)?;
    if let Some(sources) = apt.mapping("sources")? {
        for (index, (name, span, node)) in sources.entries().enumerate() {
            let fields = sources.within(sources.key(&shown(name)), node, "a mapping")?;
            source(&fields, name, (index, span), &mirrors, bootstrap)?;
        }
    }
    if bootstrap.settings.len() > before {
        let call = Call::new("package lists are up to date", "e_package_update", &[]);
        bootstrap.set(Stage::Repositories, "apt", 0, document.span("apt"), call);
    }
    Ok(())
}

/// Answers to what packages will ask. They may hold passwords.
fn debconf(apt: &Fields<'_>, bootstrap: &mut Bootstrap) -> Result<(), BootstrapError> {
    let Some(sets) = apt.mapping("debconf_selections")? else {
        return Ok(());
    };
    let mut texts = Vec::new();
    for (name, _, node) in sets.entries() {
        texts.push((name, sets.item(&sets.key(&shown(name)), node)?.trim_end()));
    }
    texts.sort_by_key(|(name, _)| *name);
    let text: String = texts.iter().flat_map(|(_, text)| [*text, "\n"]).collect();
    if !text.trim().is_empty() {
        let call = Call::new("answers to questions of packages", "e_debconf", &[&text]).private();
        bootstrap.set(Stage::Repositories, "apt", 0, apt.span("debconf_selections"), call);
    }
    Ok(())
}

/// The address of the mirror for hosts of any architecture.
fn mirror(apt: &Fields<'_>, key: &str, bootstrap: &mut Bootstrap) -> Result<Option<String>, BootstrapError> {
    let mut found = None;
    for (path, node) in apt.list(key)? {
        let mirror = apt.within(path, node, "a mapping")?;
        let arches = mirror.texts("arches")?;
        let unusable = "only the `uri` of a mirror for the architecture `default` is used";
        let others = ["key", "keyid", "keyserver", "search", "search_dns"];
        bootstrap
            .unsupported
            .extend(others.iter().filter_map(|key| mirror.not_applied(key, unusable)));
        if arches.iter().any(|(_, arch, _)| *arch == "default") {
            found = mirror.text("uri")?.map(|(uri, _)| uri.to_owned()).or(found);
        } else {
            bootstrap.unsupported.extend(mirror.not_applied("uri", unusable));
        }
    }
    if found.is_some() && apt.present("sources_list").is_none() {
        let why = "it stands for $PRIMARY, $MIRROR and $SECURITY in `sources` only; the host's own sources stay as they are, unless \
                   `sources_list` is given";
        bootstrap.unsupported.extend(apt.not_applied(key, why));
    }
    Ok(found)
}

fn sources_list(apt: &Fields<'_>, mirrors: &Mirrors, bootstrap: &mut Bootstrap) -> Result<(), BootstrapError> {
    let preserve = apt.flag("preserve_sources_list")?.unwrap_or(false);
    let Some((text, node)) = apt.text("sources_list")? else {
        return Ok(());
    };
    if preserve {
        let why = "`preserve_sources_list` keeps the host's own";
        bootstrap.unsupported.extend(apt.not_applied("sources_list", why));
        return Ok(());
    }
    let text = expand(text, mirrors, None).map_err(|expected| invalid(apt, node, "sources_list", expected))?;
    let call = Call::new(
        "/etc/apt/sources.list",
        "e_apt_source",
        &["/etc/apt/sources.list", "replace", &text],
    );
    set(bootstrap, 0, node.span, call, &text);
    Ok(())
}

/// Proxies, and settings of apt.
fn configuration(apt: &Fields<'_>, bootstrap: &mut Bootstrap) -> Result<(), BootstrapError> {
    let mut proxies = String::new();
    let mut span = None;
    for (key, scheme) in [
        ("proxy", "http"),
        ("http_proxy", "http"),
        ("ftp_proxy", "ftp"),
        ("https_proxy", "https"),
    ] {
        if let Some((proxy, node)) = apt.text(key)?.filter(|(proxy, _)| !proxy.is_empty()) {
            if proxy.contains(|c: char| c == '"' || c.is_whitespace() || c.is_control()) {
                return Err(invalid(apt, node, key, "the address of a proxy"));
            }
            span = span.or(Some(node.span));
            proxies.push_str(&format!("Acquire::{scheme}::Proxy \"{proxy}\";\n"));
        }
    }
    if let Some(span) = span {
        let call = Call::new("proxies of apt", "e_apt_file", &[PROXY_FILE, &proxies]);
        set(bootstrap, 0, span, call, &proxies);
    }
    if let Some((conf, node)) = apt.text("conf")?.filter(|(conf, _)| !conf.is_empty()) {
        let text = format!("{}\n", conf.trim_end());
        let call = Call::new("settings of apt", "e_apt_file", &[CONF_FILE, &text]);
        set(bootstrap, 0, node.span, call, &text);
    }
    Ok(())
}

/// One source, and the key that its packages are signed with.
fn source(
    fields: &Fields<'_>,
    name: &str,
    (index, span): (usize, Span),
    mirrors: &Mirrors,
    bootstrap: &mut Bootstrap,
) -> Result<(), BootstrapError> {
    let known = ["source", "keyid", "key", "keyserver", "filename", "append"];
    bootstrap.unsupported.extend(fields.others(&known));
    let filename = fields.text("filename")?.map_or(name, |(filename, _)| filename);
    let path = absolute(&format!("/etc/apt/sources.list.d/{filename}")).ok();
    let path = if filename.starts_with('/') {
        absolute(filename).ok()
    } else {
        path
    };
    let (folder, stem) = match path.as_deref().map(|path| path.strip_suffix(".list").unwrap_or(path)) {
        Some(path) if !filename.contains("..") && !filename.contains(char::is_control) => {
            path.rsplit_once('/').unwrap_or_default()
        }
        Some(_) | None => {
            let problem = FieldProblem::Invalid {
                expected: "the name of a file",
            };
            return Err(fields.error(span, &fields.key("filename"), problem));
        }
    };
    let source = fields.text("source")?.filter(|(source, _)| !source.is_empty());
    let is_hardened = source.is_some_and(|(source, _)| source.contains("KEY_FILE"));
    let key_file = format!("{}/{stem}.asc", if is_hardened { HARDENED } else { TRUSTED });
    let has_key = if let Some((key, node)) = fields.text("key")? {
        let key = public_key(key).ok_or_else(|| invalid(fields, node, "key", "an OpenPGP public key in ASCII armour"))?;
        let call = Call::new(format!("key of the source {stem}"), "e_apt_file", &[&key_file, &key]);
        bootstrap.set(Stage::Repositories, "apt", index, node.span, call);
        true
    } else if let Some((id, node)) = fields.text("keyid")? {
        fetched_key(fields, (id, node), (index, stem, &key_file), bootstrap)?;
        true
    } else {
        false
    };
    let Some((text, node)) = source else { return Ok(()) };
    if text.starts_with("ppa:") {
        let why = "PPAs are not supported; give the source as `deb ...`, and its key";
        bootstrap.unsupported.extend(fields.not_applied("source", why));
        return Ok(());
    }
    let text = expand(text, mirrors, has_key.then_some(key_file.as_str()));
    let text = text.map_err(|expected| invalid(fields, node, "source", expected))?;
    let how = if fields.flag("append")?.unwrap_or(true) {
        "append"
    } else {
        "replace"
    };
    let file = format!("{folder}/{stem}.list");
    let call = Call::new(format!("source of packages {stem}"), "e_apt_source", &[&file, how, &text]);
    set(bootstrap, index, node.span, call, &text);
    Ok(())
}

/// A key that the host gets from a key server.
fn fetched_key(
    fields: &Fields<'_>,
    (id, node): (&str, &Node),
    (index, stem, key_file): (usize, &str, &str),
    bootstrap: &mut Bootstrap,
) -> Result<(), BootstrapError> {
    let id: String = id.split_whitespace().collect();
    let digits = id.strip_prefix("0x").unwrap_or(&id);
    if !matches!(digits.len(), 8 | 16 | 32 | 40) || !digits.chars().all(|c| c.is_ascii_hexdigit()) {
        return Err(invalid(
            fields,
            node,
            "keyid",
            "the ID or fingerprint of a key, in hexadecimal digits",
        ));
    }
    let server = match fields.text("keyserver")? {
        Some((server, node)) => {
            if server.is_empty() || server.starts_with('-') || server.contains(|c: char| c.is_whitespace() || c.is_control()) {
                return Err(invalid(fields, node, "keyserver", "the address of a key server"));
            }
            server
        }
        None => KEY_SERVER,
    };
    let call = Call::new(
        format!("key {digits} of the source {stem}, from {server}"),
        "e_apt_key",
        &[key_file, digits, server],
    );
    set(bootstrap, index, node.span, call, server);
    Ok(())
}

/// A setting whose arguments are shown unless there are credentials in this text of theirs.
fn set(bootstrap: &mut Bootstrap, index: usize, span: Span, call: Call, text: &str) {
    let call = if has_credentials(text) { call.private() } else { call };
    bootstrap.set(Stage::Repositories, "apt", index, span, call);
}

fn invalid(fields: &Fields<'_>, node: &Node, key: &str, expected: &'static str) -> BootstrapError {
    fields.fail(node, key, FieldProblem::Invalid { expected })
}
