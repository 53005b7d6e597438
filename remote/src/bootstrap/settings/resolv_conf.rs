//! `resolv_conf`, `manage_resolv_conf` (cloud-init's cc_resolv_conf).

use super::{Call, Module};
use crate::bootstrap::error::{BootstrapError, FieldProblem};
use crate::bootstrap::fields::Fields;
use crate::bootstrap::{Bootstrap, Stage};
use crate::yaml::Resolved;

pub(super) const MODULE: Module = Module {
    keys: &["resolv_conf", "manage_resolv_conf"],
    read,
};

fn read(document: &Fields<'_>, bootstrap: &mut Bootstrap) -> Result<(), BootstrapError> {
    let manage = document.flag("manage_resolv_conf")?.unwrap_or(false);
    let Some(settings) = document.mapping("resolv_conf")? else {
        return Ok(());
    };
    let known = ["nameservers", "searchdomains", "domain", "sortlist", "options"];
    bootstrap.unsupported.extend(settings.others(&known));
    let mut text = String::new();
    for name in words(&settings, "nameservers")? {
        text.push_str(&format!("nameserver {name}\n"));
    }
    for (key, keyword) in [("searchdomains", "search"), ("domain", "domain"), ("sortlist", "sortlist")] {
        let words = words(&settings, key)?;
        if !words.is_empty() {
            text.push_str(&format!("{keyword} {}\n", words.join(" ")));
        }
    }
    if let Some(options) = settings.mapping("options")? {
        let mut set = Vec::new();
        for (name, span, node) in options.entries() {
            let value = match node.resolved() {
                Some(Resolved::Bool(true)) => String::new(),
                Some(Resolved::Bool(false) | Resolved::Null) => continue,
                Some(Resolved::Str(_) | Resolved::Int(_) | Resolved::Float(_) | Resolved::Binary(_)) | None => {
                    format!(":{}", options.item(&options.key(name), node)?)
                }
            };
            if !is_word(name) || !is_word(&format!("x{value}")) {
                let expected = "an option of resolv.conf(5) and its value";
                return Err(options.error(span, "resolv_conf.options", FieldProblem::Invalid { expected }));
            }
            set.push(format!("{name}{value}"));
        }
        set.sort();
        if !set.is_empty() {
            text.push_str(&format!("options {}\n", set.join(" ")));
        }
    }
    if !manage {
        let why = "`manage_resolv_conf` is not true";
        bootstrap.unsupported.extend(document.not_applied("resolv_conf", why));
    } else if !text.is_empty() {
        let call = Call::new("/etc/resolv.conf", "e_resolv_conf", &[&text]);
        bootstrap.set(Stage::ResolvConf, "resolv_conf", 0, document.span("resolv_conf"), call);
    }
    Ok(())
}

fn words<'a>(settings: &Fields<'a>, key: &str) -> Result<Vec<&'a str>, BootstrapError> {
    let mut words = Vec::new();
    for (path, text, span) in settings.texts(key)? {
        if !is_word(text) {
            let expected = "a name or an address";
            return Err(settings.error(span, &path, FieldProblem::Invalid { expected }));
        }
        words.push(text);
    }
    Ok(words)
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic() && c != '#' && c != ';')
}
