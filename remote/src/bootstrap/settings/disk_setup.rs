//! `disk_setup`, `fs_setup` and `device_aliases` (cloud-init's cc_disk_setup): partition tables and file systems.
//!
//! Nothing here may destroy data: what a device holds is looked at on the host, right before (`remote/src/script/ensure/disks.sh`).

use super::devices::{self, Device};
use super::{Call, Module};
use crate::bootstrap::error::{BootstrapError, FieldProblem};
use crate::bootstrap::fields::Fields;
use crate::bootstrap::{Bootstrap, Stage, Unsupported};
use crate::yaml::{Node, Resolved, Span};

pub(super) const MODULE: Module = Module {
    keys: &["device_aliases", "disk_setup", "fs_setup"],
    read,
};

const METADATA: &str =
    "the name is from a cloud's metadata, and there is none here; write the device, or give it in `device_aliases`";

/// What sgdisk's codes stand for, as cloud-init writes them, in GPT's own terms (UEFI 2.10, table 5.7, and
/// <https://uapi-group.org/specifications/specs/discoverable_partitions_specification/>).
const GPT_TYPES: [(&str, &str); 7] = [
    ("8300", "0FC63DAF-8483-4772-8E79-3D69D8477DE4"),
    ("8200", "0657FD6D-A4AB-43C4-84E5-0933C84B4F4F"),
    ("8e00", "E6D6D379-F507-44C2-A23C-238F2A3DF928"),
    ("fd00", "A19D880F-05FC-4D3B-A006-743F0F84911E"),
    ("ef00", "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"),
    ("ef02", "21686148-6449-6E6F-744E-656564454649"),
    ("0700", "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7"),
];

fn read(document: &Fields<'_>, bootstrap: &mut Bootstrap) -> Result<(), BootstrapError> {
    document.mapping("device_aliases")?;
    if let Some(disks) = document.mapping("disk_setup")? {
        for (index, (name, span, node)) in disks.entries().enumerate() {
            let path = disks.key(&crate::yaml::shown(name));
            let fields = disks.inside(path.clone(), node, "a mapping with a `layout`")?;
            let Some((device, _)) = device(document, &path, name, span, bootstrap)? else {
                continue;
            };
            if let Some(call) = disk(&fields, &device, bootstrap)? {
                bootstrap.set(Stage::DiskSetup, "disk_setup", index, span, call);
            }
        }
    }
    for (index, (path, node)) in document.list("fs_setup")?.into_iter().enumerate() {
        let fields = document.inside(path, node, "a mapping with a `device`")?;
        if let Some(call) = file_system(document, &fields, bootstrap)? {
            bootstrap.set(Stage::DiskSetup, "fs_setup", index, node.span, call);
        }
    }
    Ok(())
}

/// The path of a device and a partition behind a dot; nothing for one of a cloud's metadata.
fn device(
    document: &Fields<'_>,
    path: &str,
    name: &str,
    span: Span,
    bootstrap: &mut Bootstrap,
) -> Result<Option<(String, Option<u32>)>, BootstrapError> {
    match devices::read(document, path, name, span)? {
        Device::Block { path, partition } => Ok(Some((path, partition))),
        // Names of devices may have a colon in them: /dev/disk/by-path/pci-0000:00:1f.2.
        Device::Other(text) if text.starts_with("/dev/") && !text.contains("..") => Ok(Some((text, None))),
        Device::Other(_) => {
            let expected = "a device: a path below /dev, a short name such as sdb, or a name of `device_aliases`";
            Err(document.error(span, path, FieldProblem::Invalid { expected }))
        }
        Device::Metadata => {
            bootstrap.unsupported.push(Unsupported {
                key: path.to_owned(),
                line: span.line,
                column: span.column,
                why: METADATA.to_owned(),
            });
            Ok(None)
        }
    }
}

/// An entry of `disk_setup`; nothing without a layout.
fn disk(fields: &Fields<'_>, device: &str, bootstrap: &mut Bootstrap) -> Result<Option<Call>, BootstrapError> {
    let known = ["table_type", "layout", "overwrite"];
    bootstrap.unsupported.extend(fields.others(&known));
    let is_gpt = match fields.text("table_type")? {
        None | Some(("mbr", _)) => false,
        Some(("gpt", _)) => true,
        Some((_, node)) => return Err(fields.fail(node, "table_type", FieldProblem::Invalid { expected: "mbr or gpt" })),
    };
    let overwrite = fields.flag("overwrite")?.unwrap_or(false);
    let expected = "true, false, remove, or a list of percentages";
    let Some(layout) = fields.present("layout") else {
        return Ok(None);
    };
    let parts = match layout.resolved() {
        Some(Resolved::Bool(false)) => return Ok(None),
        Some(Resolved::Bool(true)) => vec!["any".to_owned()],
        Some(Resolved::Str(word)) if word.eq_ignore_ascii_case("remove") => {
            if !overwrite {
                let expected = "together with `overwrite: true`, because it destroys what is on the disk";
                return Err(fields.fail(layout, "layout", FieldProblem::Invalid { expected }));
            }
            let call = Call::new(format!("no partitions on {device}"), "e_no_partitions", &[device]);
            return Ok(Some(call));
        }
        Some(_) => return Err(fields.fail(layout, "layout", FieldProblem::Invalid { expected })),
        None => partitions(fields, is_gpt)?,
    };
    let (table, label) = if is_gpt { ("gpt", "gpt") } else { ("mbr", "dos") };
    let summary = match parts.as_slice() {
        [one] if one == "any" => format!("{table} partition table on {device}, one partition"),
        parts => format!("{table} partition table on {device}, {} partitions", parts.len()),
    };
    let overwrite = if overwrite { "overwrite" } else { "" };
    let mut arguments = vec![device, label, overwrite];
    arguments.extend(parts.iter().map(String::as_str));
    Ok(Some(Call::new(summary, "e_partitions", &arguments)))
}

/// `PERCENT:TYPE` for each; without a type, it is Linux's.
fn partitions(fields: &Fields<'_>, is_gpt: bool) -> Result<Vec<String>, BootstrapError> {
    let mut parts = Vec::new();
    let mut sum = 0;
    for (path, node) in fields.list("layout")? {
        let invalid = |node: &Node, path: &str, expected| fields.error(node.span, path, FieldProblem::Invalid { expected });
        let (percent, kind) = match node.items() {
            None => (node, None),
            Some([percent, kind]) => (percent, Some(kind)),
            Some(_) => return Err(invalid(node, &path, "a percentage, or a percentage and a type")),
        };
        let percent: u32 = match fields.item(&path, percent)?.parse() {
            Ok(percent) if (1..=100).contains(&percent) => percent,
            Ok(_) | Err(_) => return Err(invalid(percent, &path, "a percentage from 1 to 100")),
        };
        sum += percent;
        let kind = match kind {
            None => String::new(),
            Some(node) => partition_type(fields.item(&path, node)?, is_gpt).ok_or_else(|| {
                let expected = if is_gpt {
                    "a type of GPT: 82, 83, 8e, ef, ef02, fd, or a GUID"
                } else {
                    "a type of an MBR: one or two hexadecimal digits, such as 82"
                };
                invalid(node, &path, expected)
            })?,
        };
        parts.push(format!("{percent}:{kind}"));
    }
    let most = if is_gpt { 128 } else { 4 };
    if parts.is_empty() || parts.len() > most || sum > 100 {
        let expected = "a list of at most four percentages (128 with gpt), together not above 100";
        let span = fields.span("layout");
        return Err(fields.error(span, &fields.key("layout"), FieldProblem::Invalid { expected }));
    }
    Ok(parts)
}

fn partition_type(text: &str, is_gpt: bool) -> Option<String> {
    let is_hex = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_gpt {
        return (text.len() <= 2 && is_hex(text)).then(|| text.to_lowercase());
    }
    let groups: Vec<_> = text.split('-').map(str::len).collect();
    if groups == [8, 4, 4, 4, 12] && text.split('-').all(is_hex) {
        return Some(text.to_uppercase());
    }
    let code = format!("{:0<4}", text.to_lowercase());
    let (_, guid) = GPT_TYPES.iter().find(|(known, _)| *known == code)?;
    Some((*guid).to_owned())
}

/// An entry of `fs_setup`.
fn file_system(document: &Fields<'_>, fields: &Fields<'_>, bootstrap: &mut Bootstrap) -> Result<Option<Call>, BootstrapError> {
    let known = [
        "label",
        "filesystem",
        "device",
        "partition",
        "overwrite",
        "replace_fs",
        "extra_opts",
        "cmd",
    ];
    bootstrap.unsupported.extend(fields.others(&known));
    let (name, node) = fields.required("device")?;
    let Some((device, dotted)) = device(document, &fields.key("device"), name, node.span, bootstrap)? else {
        return Ok(None);
    };
    let partition = partition(fields, dotted)?;
    let overwrite = fields.flag("overwrite")?.unwrap_or(false);
    let word = |key: &str, expected| match fields.text(key)? {
        Some((text, node)) if text.starts_with('-') || text.contains(|c: char| c.is_control()) => {
            Err(fields.fail(node, key, FieldProblem::Invalid { expected }))
        }
        Some((text, _)) => Ok(text),
        None => Ok(""),
    };
    let label = word("label", "a label without control characters, not beginning with a hyphen")?;
    let kind = word("filesystem", "the name of a file system, such as ext4")?;
    let is_name = |text: &str| {
        text.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
    };
    if !is_name(kind) {
        let expected = "the name of a file system, such as ext4";
        let span = fields.span("filesystem");
        return Err(fields.error(span, &fields.key("filesystem"), FieldProblem::Invalid { expected }));
    }
    let command = command(fields)?;
    if kind.is_empty() && command.is_empty() {
        fields.required("filesystem")?;
    }
    let replace = match fields
        .text("replace_fs")?
        .filter(|(text, _)| !text.is_empty() && *text != "false")
    {
        Some((text, _)) if overwrite => text,
        Some(_) => {
            let why = "it destroys a file system: write `overwrite: true` as well";
            bootstrap.unsupported.extend(fields.not_applied("replace_fs", why));
            ""
        }
        None => "",
    };
    let options = fields.texts("extra_opts")?;
    let overwrite = if overwrite { "overwrite" } else { "" };
    let mut arguments = vec![device.as_str(), &partition, kind, label, overwrite, replace, &command];
    // One text is split, as a shell would do it with simple words.
    for (_, text, _) in &options {
        arguments.extend(text.split_whitespace());
    }
    let place = match partition.as_str() {
        "none" => device.clone(),
        "any" | "auto" => format!("{device} or a partition of it"),
        number => format!("partition {number} of {device}"),
    };
    let named = if label.is_empty() {
        String::new()
    } else {
        format!(" {label}")
    };
    let kind = if kind.is_empty() { "a command's" } else { kind };
    let summary = format!("{kind} file system{named} on {place}");
    Ok(Some(Call::new(summary, "e_file_system", &arguments)))
}

/// `any`, `auto`, `none`, or a number; one behind a dot of the device's name counts more.
fn partition(fields: &Fields<'_>, dotted: Option<u32>) -> Result<String, BootstrapError> {
    if let Some(number) = dotted {
        return Ok(number.to_string());
    }
    let Some((text, node)) = fields.text("partition")? else {
        return Ok("any".to_owned());
    };
    let word = text.to_lowercase();
    let is_number = text.parse::<u8>().is_ok_and(|number| number > 0);
    if matches!(word.as_str(), "any" | "auto" | "none") || is_number {
        return Ok(word);
    }
    let expected = "any, auto, none, or the number of a partition";
    Err(fields.fail(node, "partition", FieldProblem::Invalid { expected }))
}

/// `cmd`: a text for the shell, or words; `%(device)s` and the like stay for the host.
fn command(fields: &Fields<'_>) -> Result<String, BootstrapError> {
    let words = fields.texts("cmd")?;
    Ok(words.into_iter().map(|(_, word, _)| word).collect::<Vec<_>>().join(" "))
}
