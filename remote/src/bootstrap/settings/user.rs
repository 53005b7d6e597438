//! One user: the keys of an entry of `users`, and `user`.
//!
//! As in cloud-init, a user that is there already keeps its id, home, shell and groups; its password, lock, sudo and doas rules and
//! SSH keys are brought about whether it is new or not.

use super::{Call, account, authorized_keys, ssh_import_id};
use crate::bootstrap::error::{BootstrapError, FieldProblem};
use crate::bootstrap::fields::Fields;
use crate::bootstrap::{Bootstrap, Stage};
use crate::yaml::{Resolved, Span};

/// Why there are no snap users.
pub(super) const SNAP: &str = "users of the snap store are not made; give the user a `name` and `ssh_authorized_keys`";

const REDIRECT: &str = "it is about keys from a cloud's metadata, and there are none here";

/// The keys, those of several words also with hyphens, as cloud-init takes them.
const KEYS: [&str; 37] = [
    "name",
    "create_groups",
    "create-groups",
    "doas",
    "expiredate",
    "gecos",
    "groups",
    "hashed_passwd",
    "hashed-passwd",
    "homedir",
    "inactive",
    "lock_passwd",
    "lock-passwd",
    "no_create_home",
    "no-create-home",
    "no_log_init",
    "no-log-init",
    "no_user_group",
    "no-user-group",
    "passwd",
    "plain_text_passwd",
    "plain-text-passwd",
    "primary_group",
    "primary-group",
    "selinux_user",
    "selinux-user",
    "shell",
    "snapuser",
    "ssh_authorized_keys",
    "ssh-authorized-keys",
    "ssh_import_id",
    "ssh-import-id",
    "ssh_redirect_user",
    "ssh-redirect-user",
    "sudo",
    "system",
    "uid",
];

/// Adds what one user asks for. `module` and `index` say which entry it is; without fields it has only its name.
pub(super) fn read(
    module: &'static str,
    index: usize,
    name: &str,
    span: Span,
    fields: Option<&Fields<'_>>,
    bootstrap: &mut Bootstrap,
) -> Result<(), BootstrapError> {
    let mut add = |call| bootstrap.set(Stage::Users, module, index, span, call);
    let Some(fields) = fields else {
        add(Call::new(format!("user {name}"), "e_user", &[name]));
        add(Call::new(
            format!("password lock of {name}"),
            "e_lock",
            &[name, "default", ""],
        ));
        return Ok(());
    };
    let user = User { name, fields };
    user.check_home()?;
    let options = user.options()?;
    let arguments: Vec<&str> = [name].into_iter().chain(options.iter().map(String::as_str)).collect();
    add(Call::new(format!("user {name}"), "e_user", &arguments));
    let keys = authorized_keys::read(fields, &user.key("ssh_authorized_keys"))?;
    let lock = fields.flag(&user.key("lock_passwd"))?;
    if let Some(call) = user.password(lock != Some(false))? {
        add(call);
    }
    let how = match lock {
        Some(true) => "yes",
        Some(false) => "no",
        None => "default",
    };
    let imports = fields.present(&user.key("ssh_import_id")).is_some();
    let has_keys = if keys.is_empty() && !imports { "" } else { "keys" };
    add(Call::new(
        format!("password lock of {name}"),
        "e_lock",
        &[name, how, has_keys],
    ));
    for (key, function) in [("doas", "e_doas"), ("sudo", "e_sudoers")] {
        let rules = user.rules(key)?;
        if !rules.is_empty() {
            let arguments: Vec<_> = [name].into_iter().chain(rules).collect();
            add(Call::new(format!("{key} rules of {name}"), function, &arguments));
        }
    }
    if !keys.is_empty() {
        let arguments: Vec<_> = [name].into_iter().chain(keys).collect();
        add(Call::new(format!("SSH keys of {name}"), "e_authorized_keys", &arguments));
    }
    ssh_import_id::import(fields, &user.key("ssh_import_id"), name, (module, index, span), bootstrap)?;
    bootstrap.unsupported.extend(fields.not_applied("snapuser", SNAP));
    let redirect = user.key("ssh_redirect_user");
    if !matches!(fields.text(&redirect)?.map(|(text, _)| text), Some("false" | "no" | "off")) {
        bootstrap.unsupported.extend(fields.not_applied(&redirect, REDIRECT));
    }
    bootstrap.unsupported.extend(fields.others(&KEYS));
    Ok(())
}

struct User<'a> {
    name: &'a str,
    fields: &'a Fields<'a>,
}

impl<'a> User<'a> {
    /// The spelling of a key that the entry uses.
    fn key(&self, key: &str) -> String {
        let hyphens = key.replace('_', "-");
        if self.fields.get(&hyphens).is_some() && self.fields.get(key).is_none() {
            hyphens
        } else {
            key.to_owned()
        }
    }

    fn flag(&self, key: &str) -> Result<bool, BootstrapError> {
        Ok(self.fields.flag(&self.key(key))?.unwrap_or(false))
    }

    /// A text of one line; nothing if it is missing or empty, which is the same to cloud-init.
    fn text(&self, key: &str) -> Result<Option<&'a str>, BootstrapError> {
        let key = self.key(key);
        match self.fields.text(&key)? {
            Some(("", _)) => Ok(None),
            Some((text, node)) => account::one_line(self.fields, &self.fields.key(&key), text, node.span).map(Some),
            None => Ok(None),
        }
    }

    fn invalid(&self, key: &str, expected: &'static str) -> BootstrapError {
        let key = self.key(key);
        self.fields.error(
            self.fields.span(&key),
            &self.fields.key(&key),
            FieldProblem::Invalid { expected },
        )
    }

    /// A user without a home has no place for keys; cloud-init refuses it, too.
    fn check_home(&self) -> Result<(), BootstrapError> {
        let present = |key: &str| self.fields.present(&self.key(key)).is_some();
        let keys = ["ssh_authorized_keys", "ssh_import_id"].into_iter().find(|key| present(key));
        match keys {
            Some(key) if self.flag("no_create_home")? || self.flag("system")? => Err(self.invalid(
                key,
                "absent where `no_create_home` or `system` is set: there is no home to keep it in",
            )),
            Some(key) if self.flag("ssh_redirect_user")? => Err(self.invalid(key, "absent where `ssh_redirect_user` is set")),
            Some(_) | None => Ok(()),
        }
    }

    /// The words of `e_user`.
    fn options(&self) -> Result<Vec<String>, BootstrapError> {
        let mut options = Vec::new();
        for key in ["gecos", "homedir", "shell", "selinux_user"] {
            if let Some(value) = self.text(key)? {
                let is_wrong = match key {
                    "homedir" | "shell" => !value.starts_with('/') || value.contains(':'),
                    _ => value.contains(':'),
                };
                if is_wrong {
                    let paths = "an absolute path without a colon";
                    let expected = if matches!(key, "homedir" | "shell") {
                        paths
                    } else {
                        "a text without a colon"
                    };
                    return Err(self.invalid(key, expected));
                }
                options.push(format!("{key}={value}"));
            }
        }
        for (key, expected) in [("uid", "a number"), ("inactive", "a number of days")] {
            if let Some(value) = self.text(key)? {
                if value.parse::<u32>().is_err() {
                    return Err(self.invalid(key, expected));
                }
                options.push(format!("{key}={value}"));
            }
        }
        if let Some(value) = self.text("expiredate")? {
            let mut parts = value.split('-');
            let mut digits = |count| {
                parts
                    .next()
                    .is_some_and(|part| part.len() == count && part.bytes().all(|byte| byte.is_ascii_digit()))
            };
            if !(digits(4) && digits(2) && digits(2) && value.len() == 10) {
                return Err(self.invalid("expiredate", "a date such as 2030-12-31"));
            }
            options.push(format!("expiredate={value}"));
        }
        if let Some(value) = self.text("primary_group")? {
            let key = self.key("primary_group");
            let value = account::name(self.fields, &self.fields.key(&key), value, self.fields.span(&key))?;
            options.push(format!("primary_group={value}"));
        }
        let groups = self.groups()?;
        if !groups.is_empty() {
            options.push(format!("groups={}", groups.join(",")));
        }
        for key in ["no_create_home", "no_log_init", "no_user_group", "system"] {
            if self.flag(key)? {
                options.push(key.to_owned());
            }
        }
        if self.fields.flag(&self.key("create_groups"))? == Some(false) {
            options.push("no_create_groups".to_owned());
        }
        Ok(options)
    }

    /// A text with commas, a list, or a mapping whose keys count.
    fn groups(&self) -> Result<Vec<&'a str>, BootstrapError> {
        let Some(node) = self.fields.present("groups") else {
            return Ok(Vec::new());
        };
        let path = self.fields.key("groups");
        if let Some(entries) = node.entries() {
            return entries
                .iter()
                .map(|(key, _)| account::item(self.fields, &path, key))
                .collect();
        }
        let mut groups = Vec::new();
        for (path, text, span) in self.fields.texts("groups")? {
            groups.extend(account::names(self.fields, &path, text, span)?);
        }
        Ok(groups)
    }

    /// The last of cloud-init's ways to set a password wins; `passwd` is for a new user only.
    fn password(&self, locked: bool) -> Result<Option<Call>, BootstrapError> {
        let name = self.name;
        let hash = |key: &str| match self.text(key)? {
            Some(text) => {
                let key = self.key(key);
                account::hash(self.fields, &self.fields.key(&key), text, self.fields.span(&key)).map(Some)
            }
            None => Ok(None),
        };
        let (first, hashed, plain) = (hash("passwd")?, hash("hashed_passwd")?, self.text("plain_text_passwd")?);
        let (function, password, kind) = match (hashed, plain, first) {
            (Some(hash), _, _) => ("e_password", hash, "hash"),
            (None, Some(text), _) => ("e_password", text, "text"),
            (None, None, Some(hash)) => ("e_first_password", hash, "hash"),
            (None, None, None) => return Ok(None),
        };
        let line = format!("{name}:{password}");
        let lock = if locked { "lock" } else { "" };
        Ok(Some(
            Call::new(format!("password of {name}"), function, &[&line, kind, "", lock]).private(),
        ))
    }

    /// Rules for sudo or doas: one or a list; null and false are none.
    fn rules(&self, key: &str) -> Result<Vec<&'a str>, BootstrapError> {
        let expected = "a rule, a list of rules, or null";
        match self.fields.present(key).map(|node| (node, node.resolved())) {
            None | Some((_, Some(Resolved::Bool(false)))) => return Ok(Vec::new()),
            Some((node, Some(Resolved::Bool(true) | Resolved::Int(_) | Resolved::Float(_)))) => {
                return Err(self.fields.wrong_type(node, key, expected));
            }
            Some((_, Some(Resolved::Str(_) | Resolved::Binary(_) | Resolved::Null) | None)) => {}
        }
        let rules = self
            .fields
            .texts(key)?
            .into_iter()
            .filter(|(_, text, _)| !text.trim().is_empty());
        rules
            .map(|(path, text, span)| {
                let text = account::one_line(self.fields, &path, text.trim(), span)?;
                let about_user = || text.split_whitespace().any(|word| word == self.name);
                if key == "doas" && !((text.starts_with("permit") || text.starts_with("deny")) && about_user()) {
                    let expected = "a rule of doas.conf(5) (`permit nopass NAME`) about this user";
                    return Err(self.fields.error(span, &path, FieldProblem::Invalid { expected }));
                }
                Ok(text)
            })
            .collect()
    }
}
