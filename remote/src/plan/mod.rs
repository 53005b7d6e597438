//! Bootstrap data to [`Plan`]: pure, and complete before anything is sent.

pub(crate) mod clean_up;
mod step;

use sha2::{Digest, Sha256};

use crate::bootstrap::{self, Bootstrap, Origin, Stage};
use crate::redact::Redactor;
use crate::secret::Secret;

pub(crate) use step::hex;
pub use step::{Action, Body, Command, CopyFile, Ensure, Module, Script, Step, StepId, WriteFile};

/// Where bootstrap providers leave word that a machine is up (Cluster API bootstrap provider contract, "sentinel file").
pub const SENTINEL: &str = "/run/cluster-api/bootstrap-success.complete";

/// The most steps a plan may have: so that a journal stays readable, and a pipe that wakes a reader once a line never fills up
/// (64 KiB on Linux, two lines a step).
pub const MAX_STEPS: usize = 10_000;

/// What a machine's owner decides about how bootstrap data is applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Folder of `k0s_install.sh`; used with [`Policy::commands_as_script`] only, as in the original.
    pub working_dir: String,
    /// All `runcmd` entries as one script with `set -e`, written to `<working_dir>/k0s_install.sh` and run from there.
    pub commands_as_script: bool,
    /// Whether the commands have to make [`SENTINEL`]: then one from an earlier life of the host is removed first, and the run
    /// fails unless it is there at the end.
    pub expect_sentinel: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            working_dir: "/etc/k0smotron".to_owned(),
            commands_as_script: false,
            expect_sentinel: false,
        }
    }
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PlanError {
    /// More than [`MAX_STEPS`].
    #[error("the plan would have {0} steps; the most is {MAX_STEPS}: put commands that belong together into one script")]
    TooManySteps(usize),
    /// A path that no file can have.
    #[error("{name}: the path has a NUL byte in it or does not begin with /")]
    BadPath {
        /// The step.
        name: String,
    },
    /// A command that no shell can be given.
    #[error("{name}: the command has a NUL byte in it")]
    NulInCommand {
        /// The step.
        name: String,
    },
    /// A file whose source was not looked up.
    #[error("{name}: its source was not resolved, so its content is not known")]
    Unresolved {
        /// The step.
        name: String,
    },
    /// Bootstrap data without anything to do: a mistake, not a machine that is ready.
    #[error("the bootstrap data has no files, no commands and no script: nothing would be done")]
    Empty,
}

/// The ordered steps for one host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    id: String,
    steps: Vec<Step>,
}

impl Plan {
    /// The plan that applies bootstrap data: boothooks, `bootcmd`, files, settings, deferred files, `runcmd` and scripts; the
    /// order of cloud-init.
    ///
    /// # Errors
    /// See [`PlanError`].
    pub fn new(bootstrap: &Bootstrap, policy: &Policy) -> Result<Self, PlanError> {
        let sentinel = || SENTINEL.as_bytes().to_vec();
        let mut actions = Vec::new();
        if policy.expect_sentinel {
            actions.push(("sentinel of an earlier life".to_owned(), Action::Remove { path: sentinel() }));
        }
        let name = |origin: &Origin| match bootstrap.sources.part(origin.line) {
            Some(part) => format!("{origin} of {part}"),
            None => origin.to_string(),
        };
        let command = |command: &bootstrap::Command, module| {
            (
                name(&command.origin),
                Action::Command(Command {
                    text: command.text.clone(),
                    module,
                }),
            )
        };
        let hook = |entry: &bootstrap::Script| (name(&entry.origin), script(entry, true));
        actions.extend(bootstrap.boothooks.iter().map(hook));
        actions.extend(bootstrap.boot_commands.iter().map(|entry| command(entry, Module::Boot)));
        let files = |deferred: bool| bootstrap.files.iter().filter(move |file| file.defer == deferred);
        let written = |file: &bootstrap::File| (name(&file.origin), file_action(file));
        if let Some(file) = bootstrap.files.iter().find(|file| !file.is_resolved()) {
            return Err(PlanError::Unresolved {
                name: name(&file.origin),
            });
        }
        let ensured = |setting: &&bootstrap::Setting| (name(&setting.origin), ensure(setting));
        let run = |entry: &bootstrap::Script| (name(&entry.origin), script(entry, false));
        let mut settings: Vec<_> = bootstrap.settings.iter().collect();
        settings.sort_by_key(|setting| setting.stage);
        let (before, after) = settings.split_at(settings.partition_point(|setting| setting.stage < Stage::PhoneHome));
        let (accounts, before) = before.split_at(before.partition_point(|setting| setting.stage < Stage::Nodes));
        actions.extend(accounts.iter().map(ensured));
        actions.extend(files(false).map(written));
        actions.extend(before.iter().map(ensured));
        actions.extend(files(true).map(written));
        let scripts = |before: bool| {
            bootstrap
                .scripts
                .iter()
                .filter(move |script| script.before_commands == before)
        };
        actions.extend(scripts(true).map(run));
        if policy.commands_as_script && !bootstrap.run_commands.is_empty() {
            actions.extend(install_script(&bootstrap.run_commands, policy));
        } else {
            actions.extend(bootstrap.run_commands.iter().map(|entry| command(entry, Module::Run)));
        }
        actions.extend(scripts(false).map(run));
        // Nothing comes after the end of the host.
        let (after, last) = after.split_at(after.partition_point(|setting| setting.stage < Stage::PowerState));
        actions.extend(after.iter().map(ensured));
        if last.is_empty() && actions.iter().all(|(_, action)| matches!(action, Action::Remove { .. })) {
            return Err(PlanError::Empty);
        }
        if policy.expect_sentinel {
            actions.push(("sentinel".to_owned(), Action::Expect { path: sentinel() }));
        }
        actions.extend(last.iter().map(ensured));
        Self::of(actions)
    }

    /// The plan that gives a host back: the clean-up commands, or else the clean-up of every kind of node that we know; then the
    /// removal of the files that runs made there; then the proof that nothing is left. A host is clean only when that ended well.
    ///
    /// # Errors
    /// See [`PlanError`].
    pub fn reset(clean_up_commands: &[String]) -> Result<Self, PlanError> {
        let mut actions = vec![clean_up::find()];
        if clean_up_commands.is_empty() {
            actions.extend(clean_up::built_in());
        }
        actions.extend(clean_up_commands.iter().enumerate().map(|(index, text)| {
            let command = Command {
                text: Secret::from(text.as_str()),
                module: Module::Run,
            };
            (format!("cleanUpCommands[{index}]"), Action::Command(command))
        }));
        actions.push(clean_up::mounts());
        actions.push(("files made by runs".to_owned(), Action::Undo));
        actions.push((
            "sentinel".to_owned(),
            Action::Remove {
                path: SENTINEL.as_bytes().to_vec(),
            },
        ));
        actions.push(("proof that nothing is left".to_owned(), Action::Prove));
        Self::of(actions)
    }

    /// The plan of these actions, in this order.
    ///
    /// # Errors
    /// See [`PlanError`].
    pub fn of(actions: Vec<(String, Action)>) -> Result<Self, PlanError> {
        if actions.len() > MAX_STEPS {
            return Err(PlanError::TooManySteps(actions.len()));
        }
        let mut seen = std::collections::HashMap::new();
        let mut steps = Vec::with_capacity(actions.len());
        for (name, action) in actions {
            check(&name, &action)?;
            let equals_before = seen.entry(StepId::of(&action, 0)).or_insert(0_usize);
            steps.push(Step {
                id: StepId::of(&action, *equals_before),
                name,
                action,
            });
            *equals_before += 1;
        }
        let mut hash = Sha256::new();
        for step in &steps {
            hash.update(step.id.as_str());
        }
        Ok(Self {
            id: step::hex(&hash.finalize(), 16),
            steps,
        })
    }

    /// The same plan with its secrets masked, and its ids as they are: to be shown, not to be run.
    #[must_use]
    pub fn masked(&self, redactor: &Redactor) -> Self {
        let mask = |secret: &Secret| Secret::new(redactor.redact(&String::from_utf8_lossy(secret.expose())));
        let mut masked = self.clone();
        for step in &mut masked.steps {
            match &mut step.action {
                // A file that not everybody may read is not shown at all.
                Action::WriteFile(file) if file.mode & 0o004 == 0 => {
                    file.content = Secret::new(format!("({} bytes that are not shown)", file.content.len()));
                }
                Action::WriteFile(WriteFile { content: text, .. })
                | Action::Command(Command { text, .. })
                | Action::Script(Script {
                    body: Body::Inline(text),
                    ..
                }) => *text = mask(text),
                Action::Ensure(ensure) => {
                    if ensure.private {
                        ensure
                            .arguments
                            .iter_mut()
                            .for_each(|argument| *argument = Secret::from(crate::redact::MASK));
                    }
                }
                Action::CopyFile(_)
                | Action::Script(Script {
                    body: Body::File { .. }, ..
                })
                | Action::Remove { .. }
                | Action::Expect { .. }
                | Action::Undo
                | Action::Prove => {}
            }
        }
        masked
    }

    /// Which plan this is: the hash of its steps' ids, 16 hexadecimal digits.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The steps, in the order in which they run.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }
}

fn check(name: &str, action: &Action) -> Result<(), PlanError> {
    let path = match action {
        Action::WriteFile(WriteFile { path, .. })
        | Action::CopyFile(CopyFile { path, .. })
        | Action::Remove { path }
        | Action::Expect { path } => path,
        Action::Command(Command { text, .. }) => {
            return if text.expose().contains(&0) {
                Err(PlanError::NulInCommand { name: name.to_owned() })
            } else {
                Ok(())
            };
        }
        Action::Ensure(_) | Action::Script(_) | Action::Undo | Action::Prove => return Ok(()),
    };
    if path.contains(&0) || !path.starts_with(b"/") {
        return Err(PlanError::BadPath { name: name.to_owned() });
    }
    Ok(())
}

fn ensure(setting: &bootstrap::Setting) -> Action {
    let bootstrap::Setting {
        stage: _,
        summary,
        function,
        arguments,
        private,
        origin: _,
    } = setting;
    Action::Ensure(Ensure {
        summary: summary.clone(),
        function,
        arguments: arguments.clone(),
        private: *private,
    })
}

fn script(script: &bootstrap::Script, has_instance_id: bool) -> Action {
    let bootstrap::Script {
        interpreter,
        content,
        origin: _,
        before_commands: _,
    } = script;
    Action::Script(Script {
        interpreter: interpreter.clone(),
        body: Body::Inline(content.clone()),
        has_instance_id,
    })
}

fn file_action(file: &bootstrap::File) -> Action {
    let bootstrap::File {
        path,
        content,
        source: _,
        resolved,
        owner,
        permissions: mode,
        append,
        defer: _,
        origin: _,
    } = file;
    let (path, owner, mode, append) = (path.clone().into_bytes(), chown(owner), *mode, *append);
    match resolved.clone() {
        Some(content) => Action::CopyFile(CopyFile {
            path,
            content,
            owner,
            mode,
            append,
        }),
        None => Action::WriteFile(WriteFile {
            path,
            content: content.clone(),
            owner,
            mode,
            append,
        }),
    }
}

/// The word for chown(1). root:root, the default, is what root's files have anyway; and where the steps are not run by root, as
/// with the original's `useSudo: false`, files belong to the user who writes them.
fn chown(owner: &bootstrap::Owner) -> Option<String> {
    if *owner == bootstrap::Owner::default() {
        return None;
    }
    let bootstrap::Owner { user, group } = owner;
    match (user.as_deref(), group.as_deref()) {
        (None, None) => None,
        (Some(user), None) => Some(user.to_owned()),
        (user, Some(group)) => Some(format!("{}:{group}", user.unwrap_or_default())),
    }
}

/// What `commandsAsScript` means in the original: one script at a known place, `set -e`, all commands in order.
fn install_script(commands: &[bootstrap::Command], policy: &Policy) -> [(String, Action); 2] {
    let mut text = b"#!/bin/sh\nset -e\n".to_vec();
    for command in commands {
        text.extend_from_slice(command.text.expose());
        text.push(b'\n');
    }
    let path = format!("{}/k0s_install.sh", policy.working_dir.trim_end_matches('/')).into_bytes();
    let sha256 = step::hex(&Sha256::digest(&text), 64);
    let file = WriteFile {
        path: path.clone(),
        content: Secret::new(text),
        owner: None,
        mode: 0o700,
        append: false,
    };
    let script = Script {
        interpreter: vec!["/bin/sh".to_owned()],
        body: Body::File { path, sha256 },
        has_instance_id: false,
    };
    [
        ("commandsAsScript".to_owned(), Action::WriteFile(file)),
        ("commandsAsScript, run".to_owned(), Action::Script(script)),
    ]
}
