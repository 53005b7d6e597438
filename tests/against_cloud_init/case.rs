//! A case: a folder with `user-data` and what else it needs.

use std::path::{Path, PathBuf};

use testbed::Kind;

/// One case.
pub(crate) struct Case {
    /// The folder's name.
    pub(crate) name: String,
    folder: PathBuf,
}

impl Case {
    /// All cases, by name.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/against_cloud_init/cases");
        let mut folders: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        folders.sort();
        folders.into_iter().map(|folder| Self {
            name: folder.file_name().unwrap().to_str().unwrap().to_owned(),
            folder,
        })
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The user-data; the case is nothing without it.
    pub(crate) fn user_data(&self) -> Vec<u8> {
        std::fs::read(self.path("user-data")).unwrap()
    }

    /// `vendor-data`: what the provider of the machines adds.
    pub(crate) fn vendor_data(&self) -> Option<Vec<u8>> {
        std::fs::read(self.path("vendor-data")).ok()
    }

    fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// `machine`: the kind of machine that it needs, if another than one with only an SSH server.
    pub(crate) fn kind(&self) -> Kind {
        match self.text("machine").trim() {
            "" => Kind::SshdOnly,
            "systemd" => Kind::Systemd,
            other => panic!("{}: no such kind of machine: {other}", self.name),
        }
    }

    /// `before`: a shell text that prepares both machines.
    pub(crate) fn before(&self) -> String {
        self.text("before")
    }

    /// `arguments`: what `anywhere apply` is told besides, a word a line.
    pub(crate) fn arguments(&self) -> Vec<String> {
        self.text("arguments").lines().map(str::to_owned).collect()
    }

    /// `remote-machine`: the machine is given as a RemoteMachine, which has a name, and not on the command line.
    pub(crate) fn is_remote_machine(&self) -> bool {
        self.path("remote-machine").exists()
    }

    /// `random`: files with random content, a path a line.
    pub(crate) fn random_files(&self) -> Vec<String> {
        self.text("random").lines().map(str::to_owned).collect()
    }

    /// `passwords`: lines of `user:clear text`, to tell whether two hashes with different salts are the same password.
    pub(crate) fn passwords(&self) -> Vec<(String, String)> {
        let text = self.text("passwords");
        text.lines()
            .map(|line| line.split_once(':').unwrap())
            .map(|(user, clear)| (user.to_owned(), clear.to_owned()))
            .collect()
    }

    /// `differences.md`.
    pub(crate) fn differences(&self) -> String {
        self.text("differences.md")
    }
}
