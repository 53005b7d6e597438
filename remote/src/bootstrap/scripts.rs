//! The order in which scripts run: cloud-init puts them into folders and runs each folder's files sorted by name.

use super::{Origin, Script};

/// cloud-init's folders of scripts, in the order in which its default `cloud.cfg` runs them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Folder {
    /// Those of vendor-data.
    Vendor,
    /// `text/x-shellscript-per-once`
    PerOnce,
    /// `text/x-shellscript-per-boot`
    PerBoot,
    /// `text/x-shellscript-per-instance`
    PerInstance,
    /// All others; `runcmd` is a file in it.
    User,
}

/// The file that `runcmd` is written to.
const RUNCMD: &str = "runcmd";

/// Scripts by their files.
#[derive(Default)]
pub(super) struct Scripts(Vec<(Folder, String, Script)>);

impl Scripts {
    /// One more script. Gives the place of an earlier one in the same file, which it replaces.
    pub(super) fn add(&mut self, folder: Folder, name: &str, script: Script) -> Option<Origin> {
        let name = file_name(name);
        let earlier = self
            .0
            .iter()
            .position(|(in_folder, of, _)| (*in_folder, of) == (folder, &name));
        let replaced = earlier.map(|position| self.0.remove(position).2.origin);
        self.0.push((folder, name, script));
        replaced
    }

    /// Adds the scripts of vendor-data.
    pub(super) fn add_vendor(&mut self, vendor: Self) {
        let scripts = vendor.0.into_iter().map(|(folder, name, script)| match folder {
            Folder::User => (Folder::Vendor, name, script),
            Folder::Vendor | Folder::PerOnce | Folder::PerBoot | Folder::PerInstance => (folder, name, script),
        });
        self.0.extend(scripts);
    }

    /// All of them, in order, and the place of one that `runcmd` replaces, if there is a `runcmd`.
    pub(super) fn in_order(mut self, has_runcmd: bool) -> (Vec<Script>, Option<Origin>) {
        let is_replaced = |(folder, name, _): &(Folder, String, Script)| has_runcmd && *folder == Folder::User && name == RUNCMD;
        let replaced = self
            .0
            .iter()
            .position(is_replaced)
            .map(|position| self.0.remove(position).2.origin);
        self.0
            .sort_by(|(a_folder, a_name, _), (b_folder, b_name, _)| (a_folder, a_name).cmp(&(b_folder, b_name)));
        let placed = self.0.into_iter().enumerate().map(|(index, (folder, name, mut script))| {
            script.before_commands = folder != Folder::User || name.as_str() < RUNCMD;
            script.origin.index = index;
            script
        });
        (placed.collect(), replaced)
    }
}

/// A part's name as a file name: a slash becomes an underscore, and what is not a letter, a digit or one of `_-.()` is left out.
fn file_name(name: &str) -> String {
    name.replace('/', "_")
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || "_-.()".contains(*c))
        .collect()
}
