//! What a machine's files are, as far as they differ from those of the host that it is made of.

use std::collections::BTreeMap;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use testbed::Machine;

/// What is at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its type, and what it holds.
    pub(crate) node: Node,
    /// Permission bits with setuid, setgid and sticky; 0 for links, which have none.
    pub(crate) mode: u32,
    /// User and group id.
    pub(crate) owner: (u32, u32),
}

/// A type of file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Node {
    /// A file, with its bytes.
    File(Vec<u8>),
    /// A symbolic link, with its target.
    Link(String),
    /// A folder.
    Folder,
    /// A device, socket or pipe.
    Special,
}

/// Paths, from `/`, with what is there; `None` where the host has something and the machine has not.
pub(crate) type Snapshot = BTreeMap<String, Option<Entry>>;

/// What a machine's disk has of its own, and its `/run` and `/tmp`. Paths of which `skip` says so are left out, with all
/// below them.
pub(crate) fn of(machine: &Machine, skip: &dyn Fn(&str) -> bool) -> Snapshot {
    let mut snapshot = Snapshot::new();
    walk(&machine.changes_dir(), "", skip, &mut snapshot);
    let root = machine.root_dir().unwrap();
    for folder in ["/run", "/tmp"] {
        walk(&root.join(folder.trim_start_matches('/')), folder, skip, &mut snapshot);
    }
    snapshot
}

fn walk(folder: &Path, name: &str, skip: &dyn Fn(&str) -> bool, snapshot: &mut Snapshot) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.map(Result::unwrap) {
        let (path, name) = (entry.path(), format!("{name}/{}", entry.file_name().to_string_lossy()));
        if skip(&name) {
            continue;
        }
        let read = entry_at(&path);
        if matches!(&read, Some(Entry { node: Node::Folder, .. })) {
            walk(&path, &name, skip, snapshot);
        }
        snapshot.insert(name, read);
    }
}

/// What is at this path of the host's; nothing if it is gone by now, and also for what overlayfs calls a whiteout, a character device 0/0.
pub(crate) fn entry_at(path: &Path) -> Option<Entry> {
    let meta = std::fs::symlink_metadata(path).ok()?;
    let kind = meta.file_type();
    if kind.is_char_device() && meta.rdev() == 0 {
        return None;
    }
    let node = if kind.is_symlink() {
        Node::Link(std::fs::read_link(path).ok()?.to_string_lossy().into_owned())
    } else if kind.is_dir() {
        Node::Folder
    } else if kind.is_file() {
        Node::File(std::fs::read(path).ok()?)
    } else {
        Node::Special
    };
    let mode = if kind.is_symlink() { 0 } else { meta.mode() & 0o7777 };
    Some(Entry {
        node,
        mode,
        owner: (meta.uid(), meta.gid()),
    })
}
