//! `rsyslog` (cloud-init's cc_rsyslog).

use super::{Call, Module};
use crate::bootstrap::error::{BootstrapError, FieldProblem};
use crate::bootstrap::fields::Fields;
use crate::bootstrap::path::absolute;
use crate::bootstrap::{Bootstrap, Stage};
use crate::yaml::{Node, Span, shown};

pub(super) const MODULE: Module = Module {
    keys: &["rsyslog"],
    read,
};

const FOLDER: &str = "/etc/rsyslog.d";
const FILE: &str = "20-cloud-config.conf";

const KNOWN: [&str; 8] = [
    "config_dir",
    "config_filename",
    "configs",
    "remotes",
    "service_reload_command",
    "install_rsyslog",
    "packages",
    "check_exe",
];

fn read(document: &Fields<'_>, bootstrap: &mut Bootstrap) -> Result<(), BootstrapError> {
    let span = document.span("rsyslog");
    let mut files: Vec<(String, String)> = Vec::new();
    let mut reload = Vec::new();
    // The old form: the list of configurations alone.
    if document.present("rsyslog").is_some_and(|node| node.items().is_some()) {
        for (path, node) in document.list("rsyslog")? {
            config(document, &path, node, (FOLDER, FILE), (&mut files, bootstrap))?;
        }
    } else if let Some(rsyslog) = document.mapping("rsyslog")? {
        bootstrap.unsupported.extend(rsyslog.others(&KNOWN));
        let folder = rsyslog.text("config_dir")?.map_or(FOLDER, |(folder, _)| folder);
        let file = rsyslog.text("config_filename")?.map_or(FILE, |(file, _)| file);
        for (path, node) in rsyslog.list("configs")? {
            config(&rsyslog, &path, node, (folder, file), (&mut files, bootstrap))?;
        }
        if let Some(remotes) = rsyslog.mapping("remotes")? {
            let mut text = String::from("# begin remotes\n");
            for (name, span, node) in remotes.entries() {
                let expected = "a filter and an address, such as *.* @@192.0.2.1:514";
                let path = remotes.key(&shown(name));
                let line = remotes.item(&path, node)?;
                let line = remote(name, line).ok_or_else(|| remotes.error(span, &path, FieldProblem::Invalid { expected }))?;
                text.push_str(&line);
            }
            text.push_str("# end remotes\n");
            add(&mut files, path_of(&rsyslog, "config_filename", span, (folder, file))?, &text);
        }
        let command = rsyslog.present("service_reload_command");
        reload = match command.map(|command| (command.text(), command)) {
            None | Some((Some("auto"), _)) => Vec::new(),
            Some((Some(_), command)) => {
                let text = rsyslog.item(&rsyslog.key("service_reload_command"), command)?;
                vec!["/bin/sh", "-c", text]
            }
            Some((None, _)) => {
                let words = rsyslog.texts("service_reload_command")?;
                words.into_iter().map(|(_, word, _)| word).collect()
            }
        };
        if rsyslog.flag("install_rsyslog")?.unwrap_or(false) {
            bootstrap.unsupported.extend(
                ["packages", "check_exe"]
                    .iter()
                    .filter_map(|key| rsyslog.not_applied(key, "the package is rsyslog")),
            );
            let call = Call::new("packages rsyslog", "e_packages", &["rsyslog", ""]);
            bootstrap.set(Stage::Rsyslog, "rsyslog", 0, span, call);
        }
    }
    if files.is_empty() {
        return Ok(());
    }
    let count = reload.len().to_string();
    let mut arguments = vec![count.as_str()];
    arguments.extend(reload);
    arguments.extend(files.iter().flat_map(|(path, text)| [path.as_str(), text.as_str()]));
    let names: Vec<_> = files.iter().map(|(path, _)| path.as_str()).collect();
    let call = Call::new(format!("rsyslog's {}", names.join(", ")), "e_rsyslog", &arguments);
    bootstrap.set(Stage::Rsyslog, "rsyslog", 0, span, call);
    Ok(())
}

/// One entry: a text, or a text and the file that it is for. Entries for the same file stand below each other in it.
fn config(
    fields: &Fields<'_>,
    path: &str,
    node: &Node,
    (folder, file): (&str, &str),
    (files, bootstrap): (&mut Vec<(String, String)>, &mut Bootstrap),
) -> Result<(), BootstrapError> {
    if node.entries().is_none() {
        let text = fields.item(path, node)?;
        add(files, path_of(fields, "config_filename", node.span, (folder, file))?, text);
        return Ok(());
    }
    let entry = fields.within(path.to_owned(), node, "a mapping")?;
    bootstrap.unsupported.extend(entry.others(&["content", "filename"]));
    let (text, _) = entry.required("content")?;
    let file = entry.text("filename")?.map_or(file, |(file, _)| file.trim());
    add(files, path_of(&entry, "filename", node.span, (folder, file))?, text);
    Ok(())
}

fn path_of(fields: &Fields<'_>, key: &str, span: Span, (folder, file): (&str, &str)) -> Result<String, BootstrapError> {
    let path = if file.starts_with('/') {
        file.to_owned()
    } else {
        format!("{folder}/{file}")
    };
    let is_path = !file.is_empty() && path.starts_with('/') && !path.contains("..") && !path.contains(char::is_control);
    match absolute(&path) {
        Ok(path) if is_path => Ok(path),
        Ok(_) | Err(_) => {
            let expected = "the name of a file";
            Err(fields.error(span, &fields.key(key), FieldProblem::Invalid { expected }))
        }
    }
}

fn add(files: &mut Vec<(String, String)>, path: String, text: &str) {
    let text = format!("{}\n", text.strip_suffix('\n').unwrap_or(text));
    match files.iter_mut().find(|(known, _)| *known == path) {
        Some((_, content)) => content.push_str(&text),
        None => files.push((path, text)),
    }
}

/// A line of rsyslog.conf(5), "remote machine", for what cloud-init knows as `[filter] [@[@]]address[:port]`.
fn remote(name: &str, line: &str) -> Option<String> {
    let (line, _) = line.split_once('#').unwrap_or((line, ""));
    let words: Vec<_> = line.split_whitespace().collect();
    let (filter, to) = match words.as_slice() {
        [to] => ("*.*", *to),
        [filter, to] => (*filter, *to),
        _ => return None,
    };
    let address = to.trim_start_matches('@');
    let is_address = |c: char| c.is_ascii_alphanumeric() || "-_.:[]".contains(c);
    let marks = match to.len() - address.len() {
        0 | 1 => "@",
        2 => "@@",
        _ => return None,
    };
    if address.is_empty() || !address.chars().all(is_address) || name.contains(char::is_control) {
        return None;
    }
    Some(format!("{filter} {marks}{address} # {name}\n"))
}
