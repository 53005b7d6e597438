//! `mounts`, `mount_default_fields` and `swap` (cloud-init's cc_mounts): entries of fstab(5), and a swap file.

use super::devices::{self, Device};
use super::{Call, Module, size};
use crate::bootstrap::error::{BootstrapError, FieldProblem};
use crate::bootstrap::fields::Fields;
use crate::bootstrap::path::absolute;
use crate::bootstrap::{Bootstrap, Stage, Unsupported};
use crate::yaml::{Node, Resolved};

pub(super) const MODULE: Module = Module {
    keys: &["mounts", "mount_default_fields", "swap"],
    read,
};

/// The fields of fstab(5): device, mount point, type, options, dump, pass.
const FIELDS: usize = 6;

/// cloud-init's defaults but `x-systemd.after=cloud-init.service`: no such service runs here.
const DEFAULTS: [&str; FIELDS] = ["", "", "auto", "defaults,nofail,_netdev", "0", "2"];

/// By which cloud-init knows its lines again.
const MARK: &str = "comment=cloudconfig";

const METADATA: &str =
    "the name is from a cloud's metadata, and there is none here; write the device, or give it in `device_aliases`";

/// An entry, complete with defaults. Without a mount point it takes lines of its device away.
struct Entry {
    device: String,
    /// A partition's number; empty: the first, if there is one; `-`: mount(8) knows better.
    partition: String,
    /// Whether the device may be missing: the document itself says `nofail`.
    may_miss: bool,
    point: Option<String>,
    rest: [String; 4],
}

fn read(document: &Fields<'_>, bootstrap: &mut Bootstrap) -> Result<(), BootstrapError> {
    let defaults = defaults(document)?;
    let mut entries: Vec<Entry> = Vec::new();
    for (path, node) in document.list("mounts")? {
        let Some(entry) = entry(document, &path, node, &defaults)? else {
            bootstrap.unsupported.push(Unsupported {
                key: path,
                line: node.span.line,
                column: node.span.column,
                why: METADATA.to_owned(),
            });
            continue;
        };
        if entry.point.is_none() {
            entries.retain(|earlier| (&earlier.device, &earlier.partition) != (&entry.device, &entry.partition));
        }
        entries.push(entry);
    }
    let swap = swap(document, bootstrap)?;
    if !entries.is_empty() {
        let file = swap.as_ref().map_or("", |swap| swap.file.as_str());
        let call = mounts(&entries, file);
        bootstrap.set(Stage::Mounts, "mounts", 0, document.span("mounts"), call);
    }
    if let Some(Swap { file, bytes, max }) = swap {
        let size = match bytes {
            Some(bytes) => format!("{} MiB", bytes / size::MIB),
            None => "a size that suits the host".to_owned(),
        };
        let number = |bytes: Option<u64>| bytes.map(|bytes| bytes.to_string()).unwrap_or_default();
        let summary = format!("swap file {file} of {size}");
        let bytes = bytes.map_or_else(|| "auto".to_owned(), |bytes| bytes.to_string());
        let call = Call::new(summary, "e_swap", &[&file, &bytes, &number(max)]);
        bootstrap.set(Stage::Mounts, "swap", 0, document.span("swap"), call);
    }
    Ok(())
}

fn mounts(entries: &[Entry], swap: &str) -> Call {
    let mut arguments = vec![swap];
    let mut places = Vec::new();
    for entry in entries {
        let may_miss = if entry.may_miss { "may-miss" } else { "" };
        let point = entry.point.as_deref().unwrap_or_default();
        arguments.extend([entry.device.as_str(), &entry.partition, may_miss, point]);
        arguments.extend(entry.rest.iter().map(String::as_str));
        places.push(match point {
            "" => format!("{} no more", entry.device),
            point => format!("{} at {point}", entry.device),
        });
    }
    Call::new(format!("mounts: {}", places.join(", ")), "e_mounts", &arguments)
}

/// `mount_default_fields`; what it leaves open is cloud-init's.
fn defaults(document: &Fields<'_>) -> Result<[String; FIELDS], BootstrapError> {
    let mut defaults = DEFAULTS.map(str::to_owned);
    let given = document.list("mount_default_fields")?;
    if given.len() > FIELDS {
        let expected = "a list of at most six fields";
        let span = document.span("mount_default_fields");
        return Err(document.error(span, "mount_default_fields", FieldProblem::Invalid { expected }));
    }
    for (default, (path, node)) in defaults.iter_mut().zip(given) {
        if let Some(text) = field(document, &path, node)? {
            *default = text;
        }
    }
    Ok(defaults)
}

/// One field; nothing for null, and for the word that cloud-init's own example has in its place.
fn field(document: &Fields<'_>, path: &str, node: &Node) -> Result<Option<String>, BootstrapError> {
    if node.resolved() == Some(Resolved::Null) {
        return Ok(None);
    }
    let text = document.item(path, node)?;
    if text.contains(|c: char| c.is_control()) {
        let expected = "a text without control characters";
        return Err(document.error(node.span, path, FieldProblem::Invalid { expected }));
    }
    Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty() && text != "None"))
}

/// Nothing if the device is one of a cloud's metadata.
fn entry(document: &Fields<'_>, path: &str, node: &Node, defaults: &[String; FIELDS]) -> Result<Option<Entry>, BootstrapError> {
    let invalid = |index: usize, node: &Node, expected| {
        document.error(node.span, &format!("{path}[{index}]"), FieldProblem::Invalid { expected })
    };
    let Some(items) = node.items() else {
        let problem = FieldProblem::WrongType {
            expected: "a list of a device, a mount point and up to four more fields",
            found: node.kind(),
        };
        return Err(document.error(node.span, path, problem));
    };
    let mut given: [Option<String>; FIELDS] = Default::default();
    if items.is_empty() || items.len() > FIELDS {
        let expected = "a list of one to six fields";
        return Err(document.error(node.span, path, FieldProblem::Invalid { expected }));
    }
    for (index, (slot, item)) in given.iter_mut().zip(items).enumerate() {
        *slot = field(document, &format!("{path}[{index}]"), item)?;
        let has_space = slot.as_ref().is_some_and(|text| text.contains(char::is_whitespace));
        if has_space && index > 1 {
            return Err(invalid(index, item, "a text without spaces"));
        }
    }
    let at = |index: usize| items.get(index).unwrap_or(node);
    let may_miss = given[3]
        .as_ref()
        .is_some_and(|options| options.split(',').any(|option| option == "nofail"));
    let [name, point, kind, options, dump, pass] = given;
    let Some(name) = name else {
        return Err(document.error(at(0).span, &format!("{path}[0]"), FieldProblem::Missing));
    };
    let (device, partition) = match devices::read(document, &format!("{path}[0]"), &name, at(0).span)? {
        Device::Block { path, partition } => (path, partition.map(|number| number.to_string()).unwrap_or_default()),
        Device::Other(text) => (text, "-".to_owned()),
        Device::Metadata => return Ok(None),
    };
    let [_, default_point, default_kind, default_options, default_dump, default_pass] = defaults;
    let or = |field: Option<String>, default: &String| field.unwrap_or_else(|| default.clone());
    let point = match or(point, default_point) {
        point if point.is_empty() => None,
        point if matches!(point.as_str(), "none" | "swap") => Some(point),
        point if point.starts_with('/') && !point.contains('\\') => {
            let point = absolute(&point).map_err(|problem| document.error(at(1).span, &format!("{path}[1]"), problem))?;
            Some(point)
        }
        _ => return Err(invalid(1, at(1), "an absolute path without a backslash, `none`, or null")),
    };
    let options = match or(options, default_options) {
        options if options.is_empty() => MARK.to_owned(),
        options => format!("{options},{MARK}"),
    };
    for (index, number) in [(4, &dump), (5, &pass)] {
        if number.as_ref().is_some_and(|text| text.parse::<u8>().is_err()) {
            return Err(invalid(index, at(index), "a number"));
        }
    }
    Ok(Some(Entry {
        device,
        partition,
        may_miss,
        point,
        rest: [
            or(kind, default_kind),
            options,
            or(dump, default_dump),
            or(pass, default_pass),
        ],
    }))
}

/// A swap file. No size: one that suits the host.
struct Swap {
    file: String,
    bytes: Option<u64>,
    max: Option<u64>,
}

/// Nothing without a size: cloud-init's default is none.
fn swap(document: &Fields<'_>, bootstrap: &mut Bootstrap) -> Result<Option<Swap>, BootstrapError> {
    let Some(swap) = document.mapping("swap")? else {
        return Ok(None);
    };
    bootstrap.unsupported.extend(swap.others(&["filename", "size", "maxsize"]));
    let file = match swap.text("filename")? {
        Some((text, node)) => {
            if !text.starts_with('/') || text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '\\') {
                let expected = "an absolute path without spaces";
                return Err(swap.fail(node, "filename", FieldProblem::Invalid { expected }));
            }
            absolute(text).map_err(|problem| swap.fail(node, "filename", problem))?
        }
        None => "/swap.img".to_owned(),
    };
    let max = size::read(&swap, "maxsize")?;
    let bytes = match swap.text("size")? {
        Some((text, _)) if text.eq_ignore_ascii_case("auto") => None,
        Some(_) => match size::read(&swap, "size")? {
            None | Some(0) => return Ok(None),
            Some(bytes) if bytes < size::MIB => {
                let span = swap.span("size");
                let expected = "auto, or at least 1 MiB, such as 2G";
                return Err(swap.error(span, &swap.key("size"), FieldProblem::Invalid { expected }));
            }
            Some(bytes) => Some(bytes),
        },
        None => return Ok(None),
    };
    Ok(Some(Swap { file, bytes, max }))
}
