//! Names of block devices, as `mounts`, `disk_setup` and `fs_setup` write them: paths, the kernel's short names, aliases.

use crate::bootstrap::error::{BootstrapError, FieldProblem};
use crate::bootstrap::fields::Fields;
use crate::yaml::Span;

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Device {
    /// A device below `/dev`, and perhaps one of its partitions.
    Block {
        /// `/dev/sdb`
        path: String,
        /// The number behind the last dot: `/dev/sdb.1`.
        partition: Option<u32>,
    },
    /// What mount(8) itself makes sense of: `LABEL=…`, `server:/path`, `tmpfs`, a file.
    Other(String),
    /// A name from a cloud's metadata (`ephemeral0`), for which there is no alias.
    Metadata,
}

/// Reads a device's name with the aliases of the document.
pub(super) fn read(document: &Fields<'_>, path: &str, text: &str, span: Span) -> Result<Device, BootstrapError> {
    let invalid = |expected| Err(document.error(span, path, FieldProblem::Invalid { expected }));
    if text.is_empty() || text.starts_with(['-', '#']) || text.contains(|c: char| c.is_control() || c == '\\') {
        return invalid("the name of a device, without control characters and backslashes");
    }
    // As in cloud-init, whatever has a colon in it is on the network.
    if text.find(':').is_some_and(|place| place > 0) {
        return Ok(Device::Other(text.to_owned()));
    }
    let (name, partition) = match text.rsplit_once('.') {
        Some((name, digits)) if !name.is_empty() && is_number(digits) => (name, digits.parse().ok()),
        Some(_) | None => (text, None),
    };
    let name = match document
        .mapping("device_aliases")?
        .map(|aliases| aliases.text(name))
        .transpose()?
        .flatten()
    {
        Some((device, node)) => {
            if !device.starts_with("/dev/") || device.contains(|c: char| c.is_control() || c == '\\') {
                let expected = "the path of a device below /dev";
                let path = format!("device_aliases.{}", crate::yaml::shown(name));
                return Err(document.error(node.span, &path, FieldProblem::Invalid { expected }));
            }
            device.to_owned()
        }
        None if is_short(name) => format!("/dev/{name}"),
        None if is_metadata(name) => return Ok(Device::Metadata),
        None => name.to_owned(),
    };
    if name.starts_with("/dev/") && !name.split('/').any(|part| part == "..") {
        return Ok(Device::Block { path: name, partition });
    }
    Ok(Device::Other(text.to_owned()))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.len() < 4 && text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0')
}

/// `sda`, `xvdb1`, `vdc`, `hda`, `sr0`: the short names that cloud-init knows, and `nvme0n1`, which it does not.
fn is_short(name: &str) -> bool {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if let Some(rest) = name.strip_prefix("sr") {
        return !rest.is_empty() && digits(rest);
    }
    if let Some(rest) = name.strip_prefix("nvme") {
        return rest.starts_with(|c: char| c.is_ascii_digit())
            && rest.contains('n')
            && rest.bytes().all(|byte| byte.is_ascii_digit() || byte == b'n' || byte == b'p');
    }
    let rest = name.strip_prefix('x').unwrap_or(name);
    let mut letters = rest.chars();
    matches!(letters.next(), Some('s' | 'h' | 'v'))
        && letters.next() == Some('d')
        && letters.next().is_some_and(|letter| letter.is_ascii_lowercase())
        && digits(letters.as_str())
}

/// Names that a cloud's metadata gives to devices.
fn is_metadata(name: &str) -> bool {
    matches!(name, "ami" | "root" | "swap") || ["ephemeral", "ebs"].iter().any(|start| name.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::{is_metadata, is_short};

    #[test]
    fn short_names() {
        for name in ["sda", "sdb1", "xvda", "xsdb", "hda", "vdz12", "sr0", "nvme0n1", "nvme0n1p2"] {
            assert!(is_short(name), "{name}");
        }
        for name in ["sd", "sdA", "sdab", "sr", "tmpfs", "nvme", "nvmen", "LABEL=a", "swap"] {
            assert!(!is_short(name), "{name}");
        }
        assert!(is_metadata("ephemeral0") && is_metadata("swap") && !is_metadata("data"));
    }
}
