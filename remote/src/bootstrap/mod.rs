//! Bootstrap data to a [`Bootstrap`]: what bootstrap providers put in a Secret, read as cloud-init would read it.
//!
//! Pure: no I/O, no clock, no host; templates are rendered by whom the caller says ([`Renderer`]). The same bytes always give the same value. Where cloud-init warns and goes on (a wrong encoding,
//! bad permissions), this is an error, because nobody reads that warning on a machine that never joined; where it applies
//! something that is not applied here, the key is listed in [`Bootstrap::unsupported`], so that nothing is dropped silently.
//!
//! Errors name keys, modules and indexes; they never contain a value of the document.
//!
//! Facts are from cloud-init's documentation (<https://docs.cloudinit.io/>, "User-data formats" and "Module reference") and its
//! behaviour.

mod cloud_config;
mod commands;
mod content;
mod encoding;
mod envelope;
mod error;
mod fields;
mod files;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod ignition;
mod merge;
pub mod modules;
mod owner;
mod parts;
mod path;
mod permissions;
mod resolve;
mod script;
mod scripts;
mod settings;
mod sources;
mod suggest;
mod template;
mod user_data;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use error::{BootstrapError, BootstrapErrorKind, FieldProblem, GzipError};
pub use resolve::ResolveError;
pub use sources::Sources;
pub use template::{Fault, InProcess, Renderer, Rendering};

use crate::content::Content;
use crate::content::source::Source;
use crate::facts::Facts;
use crate::secret::Secret;
use crate::yaml::Span;
use user_data::UserData;

/// The largest bootstrap data accepted, as stored (perhaps compressed), in bytes. A Kubernetes Secret holds at most 1 MiB.
pub const MAX_DATA_BYTES: usize = 8 * 1024 * 1024;

/// The largest text that may come out of base64, gzip and a template, in bytes.
pub const MAX_TEXT_BYTES: usize = 16 * 1024 * 1024;

/// The most that the contents of all files may be together once decoded, in bytes.
pub const MAX_FILE_BYTES: usize = 64 * 1024 * 1024;

/// How to read bootstrap data.
#[derive(Debug, Clone, Default)]
pub struct Options<'a> {
    /// What errors call the data: a file name, or `Secret default/x key "value"`.
    pub source: &'a str,
    /// The Secret's `format`, by which Cluster API bootstrap providers say what the data is: `cloud-config`, `ignition`, ... Nothing
    /// or an empty text: found out from the data.
    pub format: Option<&'a str>,
    /// What templates may use.
    pub variables: Variables,
    /// vendor-data: what whoever offers the machine wants, as far as user-data says nothing else.
    pub vendor_data: Option<VendorData<'a>>,
    /// Who renders templates; nobody: a template is an error.
    pub renderer: Option<&'a dyn Renderer>,
}

/// vendor-data (<https://docs.cloudinit.io/en/latest/explanation/vendordata.html>), of any form that user-data may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VendorData<'a> {
    /// What errors call it.
    pub source: &'a str,
    /// The data.
    pub data: &'a [u8],
}

/// The values of template variables.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Variables {
    /// The machine's name, which stands for the host name. Nothing: a template that needs it is an error.
    pub machine_name: Option<String>,
    /// The instance's ID, as [`crate::script::instance_id`] says it. Nothing: a template that needs it is an error.
    pub instance_id: Option<String>,
    /// What the machine told. Nothing: a template that uses it is [`BootstrapErrorKind::NeedsFacts`].
    pub facts: Option<Facts>,
}

/// The most parts that bootstrap data may have. Each is merged with all before it, so the work grows with their number.
pub const MAX_PARTS: usize = 100;

/// What bootstrap data asks for, in the order in which cloud-init does it: boothooks, boot commands, files, settings, then scripts and run
/// commands. Files with [`File::defer`] come after packages and users, that is right before scripts and run commands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bootstrap {
    /// `#cloud-boothook`: programs that run before all else, with `INSTANCE_ID` set, in the order of the parts.
    pub boothooks: Vec<Script>,
    /// `bootcmd`
    pub boot_commands: Vec<Command>,
    /// `write_files`
    pub files: Vec<File>,
    /// `runcmd`
    pub run_commands: Vec<Command>,
    /// `#!` scripts in the order in which they run; those with [`Script::before_commands`] come first.
    pub scripts: Vec<Script>,
    /// What the other modules ask for, in the order of the document.
    pub settings: Vec<Setting>,
    /// What the data asks for and this program does not do, in the order of the document.
    pub unsupported: Vec<Unsupported>,
    /// Which part each line is from.
    pub sources: Sources,
}

/// A file to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Absolute and normalised: no `.`, no `..`, no empty component.
    pub path: String,
    /// Decoded and decompressed. Beside a [`File::source`]: what is written where that cannot be had.
    pub content: Secret,
    /// Where the content is to be fetched.
    pub source: Option<Source>,
    /// The content that was found there ([`crate::content::source::resolve`]); it goes before [`File::content`].
    pub resolved: Option<Content>,
    /// To whom it is given.
    pub owner: Owner,
    /// The mode bits, `0o644` by default.
    pub permissions: u32,
    /// Added to the end of the file instead of replacing it.
    pub append: bool,
    /// Written after packages are installed and users made.
    pub defer: bool,
    /// Where it was asked for.
    pub origin: Origin,
}

impl File {
    /// Whether it is known what is to be written.
    #[must_use]
    pub fn is_resolved(&self) -> bool {
        self.source.is_none() || self.resolved.is_some()
    }
}

/// A file's owner. A part that is nothing stays as it is when the file is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// User name or number.
    pub user: Option<String>,
    /// Group name or number.
    pub group: Option<String>,
}

impl Owner {
    /// Reads `user`, `user:group` or `:group`, as `write_files[].owner` does; nothing if it cannot be one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        owner::parse(text).ok()
    }
}

/// Reads an octal mode as `write_files[].permissions` does; nothing if it is none.
#[must_use]
pub fn mode(text: &str) -> Option<u32> {
    permissions::parse(text).ok()
}

/// One entry of `runcmd` or `bootcmd`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// Text for `/bin/sh`. An entry that was a list has each item in single quotation marks.
    pub text: Secret,
    /// Where it was asked for.
    pub origin: Origin,
}

/// Bootstrap data that is a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// The program of the `#!` line and at most one argument, split as Linux does (execve(2)): everything after the program is
    /// one argument, spaces included.
    pub interpreter: Vec<String>,
    /// The whole script, the `#!` line included.
    pub content: Secret,
    /// Where it begins.
    pub origin: Origin,
    /// Whether it runs before the run commands rather than after them. cloud-init runs scripts and `runcmd` sorted by name, and a
    /// part without a file name is called `part-001`.
    pub before_commands: bool,
}

/// A state of the host that a module asks for: a shell function of ours and its arguments (`remote/src/script/ensure/`). Calling it
/// a second time changes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// When it is its turn.
    pub stage: Stage,
    /// In words, without a secret: `time zone Europe/Vienna`.
    pub summary: String,
    /// The function.
    pub function: &'static str,
    /// Its arguments. They are given to a function of the program, so no other process sees them.
    pub arguments: Vec<Secret>,
    /// Whether the arguments must not be shown.
    pub private: bool,
    /// Where it was asked for.
    pub origin: Origin,
}

/// The order in which cloud-init's modules run (its default `cloud.cfg`), as far as they are applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Groups and users of an Ignition config; before its files, which may be theirs.
    Accounts,
    /// Directories, links and empty files of an Ignition config.
    Nodes,
    /// `random_seed`
    RandomSeed,
    /// `growpart`, `resize_rootfs`
    Growpart,
    /// `disk_setup`, `fs_setup`
    DiskSetup,
    /// `mounts`, `swap`
    Mounts,
    /// `hostname`, `fqdn`, `manage_etc_hosts`
    Hostname,
    /// `resolv_conf`
    ResolvConf,
    /// `ca_certs`
    CaCerts,
    /// `rsyslog`
    Rsyslog,
    /// `groups`, `users`, `user`
    Users,
    /// `ssh_keys`, `ssh_deletekeys`, `ssh_authorized_keys`, `disable_root`
    Ssh,
    /// `keyboard`
    Keyboard,
    /// `locale`
    Locale,
    /// `chpasswd`, `password`, `ssh_pwauth`
    Passwords,
    /// `apt`, `yum_repos`, `apk_repos`
    Repositories,
    /// `ntp`
    Ntp,
    /// `timezone`
    Timezone,
    /// `package_update`, `package_upgrade`, `packages`
    Packages,
    /// `ssh_import_id`, whose program may be one of the packages
    ImportedKeys,
    /// `snap`
    Snap,
    /// systemd units of an Ignition config.
    Units,
    /// `phone_home`; after the commands, as is what follows
    PhoneHome,
    /// `final_message`
    FinalMessage,
    /// `power_state`
    PowerState,
}

/// Where in the bootstrap data something was asked for. Lines are those of the text after templates are rendered, counted through
/// all parts: see [`Sources::place`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// `write_files`, `runcmd`, `bootcmd`, `boothook`, `script`
    pub module: &'static str,
    /// Which entry of it, from 0.
    pub index: usize,
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1.
    pub column: usize,
}

impl Origin {
    fn at(module: &'static str, index: usize, span: Span) -> Self {
        Self {
            module,
            index,
            line: span.line,
            column: span.column,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}]", self.module, self.index)
    }
}

/// A key that is not applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsupported {
    /// The key with its path: `packages`, `write_files[2].source`.
    pub key: String,
    /// Line, from 1, counted through all parts: see [`Sources::place`].
    pub line: usize,
    /// Column, from 1.
    pub column: usize,
    /// Why, for people.
    pub why: String,
}

/// Reads bootstrap data: base64 and gzip around it; MIME parts, an archive or a template; then `#cloud-config` and `#!`
/// scripts, or an Ignition config.
///
/// # Errors
///
/// [`BootstrapError`]: the data is beyond a limit, damaged, of a kind that is not supported (each is named), not valid YAML, or asks
/// for something that cannot be meant.
pub fn parse(data: &[u8], options: &Options<'_>) -> Result<Bootstrap, BootstrapError> {
    let mut sources = Sources::default();
    let mut user_data = user_data(data, options, &mut sources)?;
    if let Some(VendorData { source, data }) = options.vendor_data {
        let options = Options {
            source,
            format: None,
            vendor_data: None,
            variables: options.variables.clone(),
            renderer: options.renderer,
        };
        let vendor_data = self::user_data(data, &options, &mut sources)?;
        user_data.complete_with(vendor_data, &sources)?;
    }
    user_data.read(sources)
}

/// The parts of one piece of data, put together.
fn user_data(data: &[u8], options: &Options<'_>, sources: &mut Sources) -> Result<UserData, BootstrapError> {
    let fail = |kind| BootstrapError::new(options.source, Span::START, kind);
    content::check_format(options.format).map_err(fail)?;
    let unwrapped = envelope::open(data).map_err(fail)?;
    let mut user_data = UserData::default();
    user_data.add(&unwrapped, options, sources)?;
    Ok(user_data)
}
