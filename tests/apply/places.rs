//! The machines, and the users who log in to them, on which all must work alike.

use testbed::{Kind, Machine, MachineSpec, Shell, SudoRule};

use crate::lab::{Lab, Ran, target};

const PASSWORD: &str = "correct horse";

/// Who runs the steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum As {
    Root,
    /// `admin` by sudo.
    Sudo,
    /// `admin` by sudo with a password.
    SudoWithPassword,
    /// `admin` itself.
    Plain,
}

/// A running machine, and how it is used.
pub(crate) struct Place {
    pub(crate) lab: Lab,
    pub(crate) machine: Machine,
    pub(crate) who: As,
}

const ALL: [(Kind, Shell, As); 12] = [
    (Kind::Systemd, Shell::Dash, As::Root),
    (Kind::SshdOnly, Shell::Dash, As::Root),
    (Kind::SshdOnly, Shell::Dash, As::Sudo),
    (Kind::SshdOnly, Shell::Dash, As::Plain),
    (Kind::SshdOnly, Shell::Bash, As::SudoWithPassword),
    (Kind::SshdOnly, Shell::Bash, As::Plain),
    (Kind::SshdOnly, Shell::Busybox, As::Sudo),
    (Kind::SshdOnly, Shell::Mksh, As::Sudo),
    (Kind::SshdOnly, Shell::Mksh, As::Plain),
    (Kind::SshdOnly, Shell::Yash, As::Root),
    (Kind::BusyboxOnly, Shell::Busybox, As::Root),
    (Kind::BusyboxOnly, Shell::Busybox, As::Plain),
];

/// Does the same everywhere, two at a time; a failure names the place.
pub(crate) fn everywhere(test: impl Fn(&Place) + Sync) {
    let test = &test;
    std::thread::scope(|scope| {
        let threads: Vec<_> = ALL
            .chunks(ALL.len().div_ceil(2))
            .map(|places| {
                scope.spawn(move || {
                    for (kind, shell, who) in places {
                        let place = Place::new(*kind, *shell, *who);
                        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| test(&place)));
                        assert!(result.is_ok(), "on {kind:?} with {shell:?} as {who:?}");
                    }
                })
            })
            .collect();
        let results: Vec<_> = threads.into_iter().map(std::thread::ScopedJoinHandle::join).collect();
        assert!(results.iter().all(Result::is_ok));
    });
}

impl Place {
    pub(crate) fn new(kind: Kind, shell: Shell, who: As) -> Self {
        let sudo = match who {
            As::Root | As::Plain => SudoRule::None,
            As::Sudo => SudoRule::NoPassword,
            As::SudoWithPassword => SudoRule::Password(PASSWORD.to_owned()),
        };
        let machine = Machine::start(&MachineSpec {
            shell,
            sudo,
            ..MachineSpec::of_kind(kind)
        })
        .unwrap();
        let lab = Lab::new();
        Self { lab, machine, who }
    }

    /// Where its user may write.
    pub(crate) fn base(&self) -> &'static str {
        match self.who {
            As::Plain => "/home/admin/demo",
            As::Root | As::Sudo | As::SudoWithPassword => "/etc/demo",
        }
    }

    /// UID and GID of who runs the steps.
    pub(crate) fn id(&self) -> u32 {
        match self.who {
            As::Plain => 1000,
            As::Root | As::Sudo | As::SudoWithPassword => 0,
        }
    }

    /// Runs the binary on the machine with this cloud-config, in which `~` stands for [`Place::base`].
    pub(crate) fn apply(&self, config: &str, more: &[&str]) -> Ran {
        let data = self.lab.file(
            "user-data.yaml",
            format!("#cloud-config\n{}", config.replace('~', self.base())),
        );
        let password = self.lab.file("password", format!("{PASSWORD}\n"));
        let mut more = more.to_vec();
        let user = match self.who {
            As::Root => "root",
            As::Sudo => "admin",
            As::SudoWithPassword => {
                more.extend(["--sudo-password-file", password.to_str().unwrap()]);
                "admin"
            }
            As::Plain => {
                more.push("--no-sudo");
                "admin"
            }
        };
        self.lab.apply(&target(user, &self.machine), &data, &more)
    }

    /// The content of a file on the machine; `~` stands for [`Place::base`].
    #[track_caller]
    pub(crate) fn read(&self, path: &str) -> String {
        String::from_utf8(self.bytes(path)).unwrap()
    }

    #[track_caller]
    pub(crate) fn bytes(&self, path: &str) -> Vec<u8> {
        let path = self.path(path);
        std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// A path on the machine as this host sees it.
    pub(crate) fn path(&self, path: &str) -> std::path::PathBuf {
        let path = path.replace('~', self.base());
        self.machine.root_dir().unwrap().join(path.trim_start_matches('/'))
    }
}
