//! [`Step`]: one idempotent unit of work on a host, as a value.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::content::Content;
use crate::secret::Secret;

/// A step's identity: the hash of what it does and of how many equal steps stand before it.
///
/// The same content has the same id on every machine and in every release, so a host's journal tells which steps of a changed
/// plan ended well there; inserting a step makes no other step new.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StepId(String);

impl StepId {
    /// As the journal writes it: 16 hexadecimal digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id of an action that has `equals_before` equal ones before it in its plan.
    #[must_use]
    pub fn of(action: &Action, equals_before: usize) -> Self {
        let mut hash = Sha256::new();
        for field in action.fields() {
            hash.update((field.len() as u64).to_be_bytes());
            hash.update(field);
        }
        hash.update((equals_before as u64).to_be_bytes());
        Self(hex(&hash.finalize(), 16))
    }
}

/// The first `digits` hexadecimal digits of a hash.
pub(crate) fn hex(bytes: &[u8], digits: usize) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 0xf])
        .take(digits)
        .filter_map(|nibble| char::from_digit(nibble.into(), 16))
        .collect()
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One idempotent unit of work on a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What tells it from every other step of its plan.
    pub id: StepId,
    /// Where it comes from, in words that its author knows: `runcmd[3]`.
    pub name: String,
    /// What it does.
    pub action: Action,
}

/// What a step does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Puts a file in its place, whole or not at all.
    WriteFile(WriteFile),
    /// Puts a file in its place whose content is sent beside the program, where the host lacks it.
    CopyFile(CopyFile),
    /// Runs a text in `/bin/sh`, with the shell state that the command before it in the same module left.
    Command(Command),
    /// Runs a program text or a file that an earlier step wrote with its interpreter.
    Script(Script),
    /// Brings a part of the host into a state, unless it is in it.
    Ensure(Ensure),
    /// Removes a file, if it is there.
    Remove {
        /// Absolute path.
        path: Vec<u8>,
    },
    /// Fails unless the path is there.
    Expect {
        /// Absolute path.
        path: Vec<u8>,
    },
    /// Removes the files that runs made on this host, as its journal names them.
    Undo,
    /// Fails unless nothing is left on the host of what came since its first run, and tells everything that is.
    Prove,
}

/// A file as it shall be: cloud-init's `write_files` entry
/// (<https://docs.cloud-init.io/en/latest/reference/modules.html#write-files>).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteFile {
    /// Absolute path; any bytes but NUL.
    pub path: Vec<u8>,
    /// The bytes.
    pub content: Secret,
    /// `user:group`, as chown(1) takes it; `None` is root:root, or the user that runs the steps where that is not root.
    pub owner: Option<String>,
    /// Permission bits, up to `0o7777`.
    pub mode: u32,
    /// Whether the content goes behind what the file holds already.
    pub append: bool,
}

/// A file as it shall be, of any size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyFile {
    /// Absolute path; any bytes but NUL.
    pub path: Vec<u8>,
    /// What is in it. No secret: it is neither masked nor looked for in outputs.
    pub content: Content,
    /// As in [`WriteFile::owner`].
    pub owner: Option<String>,
    /// Permission bits, up to `0o7777`.
    pub mode: u32,
    /// Whether the content goes behind what the file holds already.
    pub append: bool,
}

/// Commands of one module share one shell state: working directory, umask, variables, options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Module {
    /// `bootcmd`: runs before files are written, with `INSTANCE_ID` set.
    Boot,
    /// `runcmd`: runs after them.
    Run,
}

/// A text for `/bin/sh`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// The text.
    pub text: Secret,
    /// Whose shell state it begins with.
    pub module: Module,
}

/// A call of one of our shell functions (`remote/src/script/ensure/`), which changes only what differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ensure {
    /// In words, without a secret.
    pub summary: String,
    /// The function.
    pub function: &'static str,
    /// Its arguments; text without NUL.
    pub arguments: Vec<Secret>,
    /// Whether the arguments must not be shown.
    pub private: bool,
}

/// A program with its interpreter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// The interpreter and at most one argument, as in the `#!` line.
    pub interpreter: Vec<String>,
    /// What is run.
    pub body: Body,
    /// Whether it has `INSTANCE_ID` in its environment, as a boothook has.
    pub has_instance_id: bool,
}

/// Where a script's text is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// In the program that the engine sends.
    Inline(Secret),
    /// In a file that an earlier step wrote. The digest ties this step to that content.
    File {
        /// Absolute path.
        path: Vec<u8>,
        /// SHA-256 of the content, in hexadecimal.
        sha256: String,
    },
}

impl Action {
    /// Everything that makes this action what it is, in a fixed order. A change here changes every id: never reorder.
    fn fields(&self) -> Vec<Vec<u8>> {
        let text = |text: &str| text.as_bytes().to_vec();
        match self {
            Self::WriteFile(WriteFile {
                path,
                content,
                owner,
                mode,
                append,
            }) => vec![
                text("write-file"),
                path.clone(),
                content.expose().to_vec(),
                text(owner.as_deref().unwrap_or("")),
                text(&format!("{mode:o}")),
                text(if *append { "append" } else { "replace" }),
            ],
            Self::CopyFile(CopyFile {
                path,
                content,
                owner,
                mode,
                append,
            }) => vec![
                text("copy-file"),
                path.clone(),
                text(content.sha256().as_str()),
                text(owner.as_deref().unwrap_or("")),
                text(&format!("{mode:o}")),
                text(if *append { "append" } else { "replace" }),
            ],
            Self::Command(Command { text: command, module }) => vec![
                text("command"),
                text(match module {
                    Module::Boot => "boot",
                    Module::Run => "run",
                }),
                command.expose().to_vec(),
            ],
            Self::Script(Script {
                interpreter,
                body,
                has_instance_id,
            }) => {
                let mut fields = vec![text("script"), text(&interpreter.join("\0"))];
                match body {
                    Body::Inline(content) => fields.extend([text("inline"), content.expose().to_vec()]),
                    Body::File { path, sha256 } => fields.extend([text("file"), path.clone(), text(sha256)]),
                }
                fields.extend(has_instance_id.then(|| text("instance-id")));
                fields
            }
            Self::Ensure(Ensure {
                summary: _,
                function,
                arguments,
                private: _,
            }) => {
                let arguments = arguments.iter().map(|argument| argument.expose().to_vec());
                [text("ensure"), text(function)].into_iter().chain(arguments).collect()
            }
            Self::Remove { path } => vec![text("remove"), path.clone()],
            Self::Expect { path } => vec![text("expect"), path.clone()],
            Self::Undo => vec![text("undo")],
            Self::Prove => vec![text("prove")],
        }
    }

    /// Whether doing it a second time, after the host went down in the middle of the first, leaves what doing it once leaves.
    #[must_use]
    pub fn is_repeatable(&self) -> bool {
        match self {
            Self::WriteFile(_)
            | Self::CopyFile(_)
            | Self::Ensure(_)
            | Self::Remove { .. }
            | Self::Expect { .. }
            | Self::Undo
            | Self::Prove => true,
            Self::Command(_) | Self::Script(_) => false,
        }
    }
}
