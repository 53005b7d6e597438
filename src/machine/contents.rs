//! Files whose content is not in the bootstrap data: `--file`, and `write_files[].source`.

use std::path::{Path, PathBuf};

use remote::bootstrap::{Bootstrap, File, Origin, Owner};
use remote::content::Content;
use remote::content::http::{Bounds, Reach};
use remote::content::sources::{Policy, Sources};
use remote::secret::Secret;

use crate::cli::BootstrapArgs;
use crate::input::{self, Problem};

/// What the user allows bootstrap data to read and fetch, and the files of the command line.
#[derive(Debug)]
pub(crate) struct Contents {
    sources: Sources,
    files: Vec<File>,
}

impl Contents {
    /// Opens and hashes the files of the command line.
    ///
    /// # Errors
    /// All that is wrong with them.
    pub(super) fn new(args: &BootstrapArgs) -> Result<Self, Vec<Problem>> {
        let (mut files, mut folders, mut problems) = (Vec::new(), Vec::new(), Vec::new());
        for (index, text) in args.files.iter().enumerate() {
            let origin = Origin {
                module: "--file",
                index,
                line: 1,
                column: 1,
            };
            match file(text, origin) {
                Ok(file) => files.push(file),
                Err(what) => problems.push(Problem(format!("--file {text}: {what}"))),
            }
        }
        for folder in &args.local_files {
            match folder.canonicalize() {
                Ok(folder) => folders.push(folder),
                Err(error) => problems.push(Problem(format!(
                    "--local-files {}: {}",
                    folder.display(),
                    input::in_words(&error)
                ))),
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let bounds = Bounds {
            reach: Reach::OwnComputer,
            ..Bounds::default()
        };
        Ok(Self {
            sources: Sources::new(Policy { folders, bounds }),
            files,
        })
    }

    /// For bootstrap data that others wrote: no local files, and no URLs of this computer.
    pub(crate) fn of_others() -> Self {
        Self {
            sources: Sources::new(Policy::default()),
            files: Vec::new(),
        }
    }

    /// Whether there are files on the command line.
    pub(super) fn has_files(&self) -> bool {
        !self.files.is_empty()
    }

    /// Completes bootstrap data that was read from the file, or folder, `place`: the files of the command line come first.
    ///
    /// # Errors
    /// What cannot be had.
    pub(super) fn complete(&self, bootstrap: &mut Bootstrap, place: &Path) -> Result<(), Problem> {
        if bootstrap.files.iter().any(|file| file.source.is_some()) {
            let folder = match place.parent() {
                Some(parent) if parent != Path::new("") => parent.to_owned(),
                Some(_) | None => PathBuf::from("."),
            };
            let folder = std::path::absolute(&folder).unwrap_or(folder);
            // Where facts were needed first, this is between two words with a machine: the others must not wait for it.
            tokio::task::block_in_place(|| self.resolve(bootstrap, &folder))?;
        }
        bootstrap.files.splice(0..0, self.files.iter().cloned());
        Ok(())
    }

    /// Looks the sources up, on a thread of its own as a runtime cannot be started within another one.
    fn resolve(&self, bootstrap: &mut Bootstrap, folder: &Path) -> Result<(), Problem> {
        let work = || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.map_err(|error| Problem(format!("cannot start: {}", input::in_words(&error))))?;
            runtime
                .block_on(bootstrap.resolve(folder, &self.sources))
                .map_err(Problem::new)
        };
        std::thread::scope(|scope| scope.spawn(work).join())
            .unwrap_or_else(|_| Err(Problem::new("the sources could not be looked up")))
    }
}

/// Reads `LOCAL:REMOTE[:MODE[:OWNER]]`, and the local file.
fn file(text: &str, origin: Origin) -> Result<File, String> {
    const FORM: &str = "must be LOCAL:/PATH[:MODE[:USER[:GROUP]]]";
    let (local, rest) = text.rsplit_once(":/").filter(|(local, _)| !local.is_empty()).ok_or(FORM)?;
    let (path, more) = rest.split_once(':').unwrap_or((rest, ""));
    let (mode, owner) = more.split_once(':').unwrap_or((more, ""));
    if path.is_empty() || path.split('/').any(|part| part == "..") {
        return Err(FORM.to_owned());
    }
    let content = Content::open(Path::new(local), None).map_err(|error| error.to_string())?;
    Ok(File {
        path: format!("/{path}"),
        content: Secret::default(),
        source: None,
        resolved: Some(content),
        owner: if owner.is_empty() {
            Owner::default()
        } else {
            Owner::parse(owner).ok_or("the owner must be USER or USER:GROUP")?
        },
        permissions: if mode.is_empty() {
            0o644
        } else {
            remote::bootstrap::mode(mode).ok_or("the mode must be octal, such as 0755")?
        },
        append: false,
        defer: false,
        origin,
    })
}
