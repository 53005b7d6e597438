//! The modules that ask for a state of the host, one file each: keys of the document to [`Setting`]s.
//!
//! A setting is a call of a shell function (`remote/src/script/ensure/`), which looks at the host and changes only what differs.
//! Whatever can be decided without the host is decided here.

pub(super) mod account;
mod apt;
mod apt_text;
pub(super) mod authorized_keys;
mod ca_certs;
mod devices;
mod disk_setup;
mod final_message;
mod groups;
mod growpart;
mod host_keys;
mod hostname;
mod keyboard;
mod locale;
mod mounts;
mod ntp;
mod packages;
mod passwords;
mod phone_home;
mod power_state;
mod random_seed;
mod repositories;
mod resolv_conf;
mod rsyslog;
mod size;
mod snap;
mod ssh;
mod ssh_import_id;
mod timezone;
mod user;
mod users;

use super::error::BootstrapError;
use super::fields::Fields;
use super::{Bootstrap, Origin, Setting, Stage};
use crate::secret::Secret;
use crate::yaml::Span;

/// A module: the top-level keys that it reads, and how. Its `read` is called once if any of the keys is there.
pub(super) struct Module {
    /// The keys.
    pub(super) keys: &'static [&'static str],
    /// Adds its settings, and what it does not support, to the [`Bootstrap`].
    pub(super) read: fn(&Fields<'_>, &mut Bootstrap) -> Result<(), BootstrapError>,
}

/// All of them.
pub(super) const MODULES: &[Module] = &[
    apt::MODULE,
    ca_certs::MODULE,
    disk_setup::MODULE,
    final_message::MODULE,
    growpart::MODULE,
    hostname::MODULE,
    keyboard::MODULE,
    locale::MODULE,
    mounts::MODULE,
    ntp::MODULE,
    packages::MODULE,
    passwords::MODULE,
    phone_home::MODULE,
    power_state::MODULE,
    random_seed::MODULE,
    repositories::APK,
    repositories::YUM,
    repositories::ZYPPER,
    resolv_conf::MODULE,
    rsyslog::MODULE,
    snap::MODULE,
    ssh::MODULE,
    ssh_import_id::MODULE,
    timezone::MODULE,
    users::MODULE,
];

/// Reads all modules that the document has keys of.
pub(super) fn read(document: &Fields<'_>, bootstrap: &mut Bootstrap) -> Result<(), BootstrapError> {
    MODULES
        .iter()
        .filter(|module| module.keys.iter().any(|key| document.get(key).is_some()))
        .try_for_each(|module| (module.read)(document, bootstrap))
}

/// Whether a top-level key belongs to one of the modules.
pub(super) fn has(key: &str) -> bool {
    MODULES.iter().any(|module| module.keys.contains(&key))
}

impl Bootstrap {
    /// One more setting. `name` is its module's key, `index` its place in the key's list.
    fn set(&mut self, stage: Stage, name: &'static str, index: usize, span: Span, call: Call) {
        let Call {
            summary,
            function,
            arguments,
            private,
        } = call;
        self.settings.push(Setting {
            stage,
            summary,
            function,
            arguments,
            private,
            origin: Origin::at(name, index, span),
        });
    }
}

/// A call of a function.
struct Call {
    summary: String,
    function: &'static str,
    arguments: Vec<Secret>,
    private: bool,
}

impl Call {
    fn new(summary: impl Into<String>, function: &'static str, arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|argument| Secret::from(*argument)).collect();
        Self {
            summary: summary.into(),
            function,
            arguments,
            private: false,
        }
    }

    /// The same, with arguments that must not be shown.
    fn private(self) -> Self {
        Self { private: true, ..self }
    }
}
