//! `yum_repos`, `yum_repo_dir`, `zypper` and `apk_repos` (cloud-init's cc_yum_add_repo, cc_zypper_add_repo, cc_apk_configure): where
//! packages come from on hosts without apt.

use super::apt_text::has_credentials;
use super::{Call, Module};
use crate::bootstrap::error::{BootstrapError, FieldProblem};
use crate::bootstrap::fields::Fields;
use crate::bootstrap::path::absolute;
use crate::bootstrap::{Bootstrap, Stage};
use crate::yaml::{Node, Resolved, shown};

pub(super) const YUM: Module = Module {
    keys: &["yum_repos", "yum_repo_dir"],
    read: yum,
};

pub(super) const ZYPPER: Module = Module {
    keys: &["zypper"],
    read: zypper,
};

pub(super) const APK: Module = Module {
    keys: &["apk_repos"],
    read: apk,
};

const YUM_FOLDER: &str = "/etc/yum.repos.d";
const ZYPPER_FOLDER: &str = "/etc/zypp/repos.d";

/// cloud-init's default.
const APK_MIRROR: &str = "https://alpine.global.ssl.fastly.net/alpine";

/// Where a repository is found: one of these has to be there (dnf.conf(5), "repository options").
const ADDRESSES: [&str; 3] = ["baseurl", "metalink", "mirrorlist"];

fn yum(document: &Fields<'_>, bootstrap: &mut Bootstrap) -> Result<(), BootstrapError> {
    let folder = match document.text("yum_repo_dir")? {
        Some((folder, node)) if !folder.starts_with('/') || folder.contains(char::is_control) => {
            let expected = "an absolute path";
            return Err(document.fail(node, "yum_repo_dir", FieldProblem::Invalid { expected }));
        }
        Some((folder, node)) => absolute(folder).map_err(|problem| document.fail(node, "yum_repo_dir", problem))?,
        None => YUM_FOLDER.to_owned(),
    };
    let Some(repositories) = document.mapping("yum_repos")? else {
        return Ok(());
    };
    for (index, (name, _, node)) in repositories.entries().enumerate() {
        let fields = repositories.within(repositories.key(&shown(name)), node, "a mapping")?;
        let (id, text) = repository(&fields, name, &[])?;
        let call = Call::new(
            format!("repository {id}"),
            "e_repository",
            &["yum", &format!("{folder}/{id}.repo"), &text],
        );
        set(bootstrap, "yum_repos", index, node, call, &text);
    }
    Ok(())
}

fn zypper(document: &Fields<'_>, bootstrap: &mut Bootstrap) -> Result<(), BootstrapError> {
    let Some(zypper) = document.mapping("zypper")? else {
        return Ok(());
    };
    bootstrap.unsupported.extend(zypper.others(&["repos", "config"]));
    let why = "/etc/zypp/zypp.conf stays as it is";
    bootstrap.unsupported.extend(zypper.not_applied("config", why));
    for (index, (path, node)) in zypper.list("repos")?.into_iter().enumerate() {
        let fields = zypper.within(path, node, "a mapping")?;
        let (name, _) = fields.required("id")?;
        let (id, text) = repository(&fields, name, &["id"])?;
        let call = Call::new(
            format!("repository {id}"),
            "e_repository",
            &["zypper", &format!("{ZYPPER_FOLDER}/{id}.repo"), &text],
        );
        set(bootstrap, "zypper", index, node, call, &text);
    }
    Ok(())
}

/// A repository's ID, and the file about it (dnf.conf(5)), without the keys that are not `of` the file.
fn repository(fields: &Fields<'_>, name: &str, not_of_it: &[&str]) -> Result<(String, String), BootstrapError> {
    let id = name.replace(' ', "-");
    let is_id = |c: char| c.is_ascii_alphanumeric() || "-_.:+".contains(c);
    if id.is_empty() || !id.chars().all(is_id) || id.starts_with(['.', '-']) {
        let expected = "the ID of a repository: letters, digits, and -_.:+";
        return Err(fields.error(fields.span(""), &fields.key("id"), FieldProblem::Invalid { expected }));
    }
    if ADDRESSES.iter().all(|key| fields.present(key).is_none()) {
        fields.required("baseurl")?;
    }
    let mut text = format!("[{id}]\n");
    for (key, span, node) in fields.entries() {
        let key = key.trim().to_lowercase().replace('-', "_");
        if not_of_it.contains(&key.as_str()) || node.resolved() == Some(Resolved::Null) {
            continue;
        }
        if key.is_empty() || !key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            let expected = "a setting of a repository";
            return Err(fields.error(span, &fields.key(&shown(&key)), FieldProblem::Invalid { expected }));
        }
        let path = fields.key(&key);
        let values: Vec<_> = match node.items() {
            Some(items) => items
                .iter()
                .map(|item| value(fields, &path, item))
                .collect::<Result<_, _>>()?,
            None => vec![value(fields, &path, node)?],
        };
        // What begins with white space goes on with the line before.
        let lines: Vec<_> = values.iter().flat_map(|value| value.trim().lines()).collect();
        text.push_str(&format!("{key} = {}\n", lines.join("\n\t")));
    }
    Ok((id, text))
}

fn value(fields: &Fields<'_>, path: &str, node: &Node) -> Result<String, BootstrapError> {
    match node.resolved() {
        Some(Resolved::Bool(value)) => Ok(u8::from(value).to_string()),
        Some(Resolved::Str(_) | Resolved::Int(_) | Resolved::Float(_) | Resolved::Binary(_) | Resolved::Null) | None => {
            fields.item(path, node).map(str::to_owned)
        }
    }
}

fn apk(document: &Fields<'_>, bootstrap: &mut Bootstrap) -> Result<(), BootstrapError> {
    let Some(repositories) = document.mapping("apk_repos")? else {
        return Ok(());
    };
    let known = ["preserve_repositories", "alpine_repo", "local_repo_base_url"];
    bootstrap.unsupported.extend(repositories.others(&known));
    let preserve = repositories.flag("preserve_repositories")?.unwrap_or(false);
    let Some(alpine) = repositories.mapping("alpine_repo")? else {
        return Ok(());
    };
    let known = ["base_url", "community_enabled", "testing_enabled", "version"];
    bootstrap.unsupported.extend(alpine.others(&known));
    let base = address(&alpine, "base_url")?.unwrap_or(APK_MIRROR);
    let local = address(&repositories, "local_repo_base_url")?;
    let community = alpine.flag("community_enabled")?.unwrap_or(false);
    let testing = alpine.flag("testing_enabled")?.unwrap_or(false);
    let (version, node) = alpine.required("version")?;
    if !version.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) {
        let expected = "a version of Alpine, such as v3.20 or edge";
        return Err(alpine.fail(node, "version", FieldProblem::Invalid { expected }));
    }
    if preserve {
        return Ok(());
    }
    let mut text = format!("{base}/{version}/main\n");
    if community {
        text.push_str(&format!("{base}/{version}/community\n"));
    }
    if testing {
        text.push_str(&format!("{base}/edge/testing\n"));
    }
    if let Some(local) = local {
        text.push_str(&format!("{local}/{version}\n"));
    }
    let call = Call::new(
        "/etc/apk/repositories",
        "e_repository",
        &["apk", "/etc/apk/repositories", &text],
    );
    set(bootstrap, "apk_repos", 0, node, call, &text);
    Ok(())
}

/// An address without the slash at its end.
fn address<'a>(fields: &Fields<'a>, key: &str) -> Result<Option<&'a str>, BootstrapError> {
    let Some((address, node)) = fields.text(key)?.filter(|(address, _)| !address.is_empty()) else {
        return Ok(None);
    };
    if address.contains(|c: char| c.is_whitespace() || c.is_control()) {
        let expected = "the address of a repository";
        return Err(fields.fail(node, key, FieldProblem::Invalid { expected }));
    }
    Ok(Some(address.trim_end_matches('/')))
}

/// A setting whose arguments are shown unless its text says how to log in.
fn set(bootstrap: &mut Bootstrap, name: &'static str, index: usize, node: &Node, call: Call, text: &str) {
    let is_private = has_credentials(text) || text.lines().any(|line| line.contains("password"));
    let call = if is_private { call.private() } else { call };
    bootstrap.set(Stage::Repositories, name, index, node.span, call);
}
