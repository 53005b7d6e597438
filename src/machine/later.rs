//! Bootstrap data to plans: at once, or once the machine has told the facts that its template uses.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use remote::bootstrap::{self, Bootstrap, BootstrapErrorKind, Unsupported, Variables, VendorData};
use remote::facts::Facts;
use remote::plan::{Plan, Policy};
use remote::sandbox::Sandbox;
use remote::secret::Secret;

use super::contents::Contents;
use super::described::SecretData;
use crate::input::Problem;
use crate::manifest::Key;

/// The argument with which this program renders one template, and does nothing else.
pub(crate) const RENDER: &str = "render-template";

/// What a machine does, or will do.
#[derive(Clone, Debug)]
pub(crate) enum Planned {
    /// This.
    Now(Arc<Plan>),
    /// What comes of the facts.
    AfterFacts(Arc<Later>),
}

impl Planned {
    /// The same for one more machine: what comes of the facts is its own.
    pub(crate) fn for_another(&self) -> Self {
        match self {
            Self::Now(plan) => Self::Now(plan.clone()),
            Self::AfterFacts(later) => Self::AfterFacts(Arc::new(Later::new(later.data.clone(), later.needs.clone()))),
        }
    }
}

/// Bootstrap data, and where it is from.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// What errors call it; nothing if there is no data at all.
    pub(crate) name: String,
    pub(crate) data: Secret,
    /// The Secret's `format`.
    pub(crate) format: Option<String>,
    /// The file that names it: relative paths in it are relative to that one's folder.
    pub(crate) place: PathBuf,
}

impl Source {
    /// A file, or standard input.
    pub(crate) fn of_file(name: String, data: Secret) -> Self {
        let place = PathBuf::from(&name);
        Self {
            name,
            data,
            format: None,
            place,
        }
    }

    /// The key `value` of the Secret that a Machine names; `place` is the file that it is named in.
    ///
    /// # Errors
    /// When there is no such key.
    pub(crate) fn of_secret(secret: &Key, data: &SecretData, place: impl Into<PathBuf>) -> Result<Self, String> {
        let Some(value) = data.get("value").cloned() else {
            return Err(format!(
                "Secret {secret} has no key \"value\", which holds the bootstrap data"
            ));
        };
        let format = data.get("format");
        Ok(Self {
            name: format!("Secret {secret} key \"value\""),
            data: value,
            format: format.map(|format| String::from_utf8_lossy(format.expose()).into_owned()),
            place: place.into(),
        })
    }

    /// Nothing: for machines that get files of the command line only.
    pub(crate) fn none() -> Self {
        Self::of_file(String::new(), Secret::default())
    }
}

/// Bootstrap data, and how it is to be read.
#[derive(Clone, Debug)]
pub(crate) struct Data {
    pub(crate) source: Source,
    /// What it may name, and what is beside it.
    pub(crate) contents: Option<Arc<Contents>>,
    /// vendor-data: what errors call it, and what it is.
    pub(crate) vendor_data: Option<(String, Secret)>,
    /// The RemoteMachine's name.
    pub(crate) machine_name: Option<String>,
    /// What templates call the instance.
    pub(crate) instance_id: String,
    pub(crate) policy: Policy,
    /// Look up what it fetches only when the machine is being worked on: that may take long.
    pub(crate) fetches_late: bool,
    /// Refuse what is not applied.
    pub(crate) strict: bool,
}

/// A plan, and what it leaves out.
pub(crate) type Made = (Plan, Vec<String>);

/// Why there is no plan.
#[derive(Debug)]
pub(crate) enum Refused {
    /// The template uses these facts, and there are none.
    Needs(Vec<String>),
    /// Something is wrong.
    Problem(Problem),
}

impl Data {
    /// Makes a plan of it, now or once there are facts; and says what it leaves out, as far as that is known.
    pub(crate) fn planned(self) -> Result<(Planned, Vec<String>), Problem> {
        match self.plan(None) {
            Ok((plan, notes)) => Ok((Planned::Now(Arc::new(plan)), notes)),
            Err(Refused::Needs(needs)) => Ok((Planned::AfterFacts(Arc::new(Later::new(Arc::new(self), needs))), Vec::new())),
            Err(Refused::Problem(problem)) => Err(problem),
        }
    }

    /// Makes a plan of it.
    pub(crate) fn plan(&self, facts: Option<&Facts>) -> Result<Made, Refused> {
        let sandbox = Sandbox::of_this_program([RENDER]);
        let options = bootstrap::Options {
            source: &self.source.name,
            format: self.source.format.as_deref(),
            variables: Variables {
                machine_name: self.machine_name.clone(),
                instance_id: Some(self.instance_id.clone()),
                facts: facts.cloned(),
            },
            vendor_data: self.vendor_data.as_ref().map(|(source, data)| VendorData {
                source,
                data: data.expose(),
            }),
            renderer: Some(&sandbox),
        };
        let parsed = if self.source.name.is_empty() {
            Ok(Bootstrap::default())
        } else {
            bootstrap::parse(self.source.data.expose(), &options)
        };
        let mut parsed = parsed.map_err(|error| {
            if let BootstrapErrorKind::NeedsFacts { names } = error.kind {
                Refused::Needs(names)
            } else {
                Refused::Problem(Problem::new(error))
            }
        })?;
        if self.fetches_late && facts.is_none() && parsed.files.iter().any(|file| file.source.is_some()) {
            return Err(Refused::Needs(Vec::new()));
        }
        if let Some(contents) = &self.contents {
            contents.complete(&mut parsed, &self.source.place).map_err(Refused::Problem)?;
        }
        let notes = parsed.unsupported.iter().map(|unsupported| {
            let Unsupported { key, line, column, why } = unsupported;
            let (source, line) = parsed.sources.place(*line);
            format!("{source}:{line}:{column}: {key} is not applied: {why}")
        });
        let notes = notes.collect();
        let plan = Plan::new(&parsed, &self.policy);
        let plan = plan.map_err(|error| Refused::Problem(Problem(format!("{}: {error}", self.source.name))))?;
        Ok((plan, notes))
    }
}

/// Bootstrap data of one machine that waits for its facts.
#[derive(Debug)]
pub(crate) struct Later {
    data: Arc<Data>,
    /// The facts that its template uses, by name; others may follow once it has these.
    pub(crate) needs: Vec<String>,
    made: OnceLock<Arc<Plan>>,
}

impl Later {
    pub(crate) fn new(data: Arc<Data>, needs: Vec<String>) -> Self {
        Self {
            data,
            needs,
            made: OnceLock::new(),
        }
    }

    /// The plan, and what it leaves out; the same ever after.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub(crate) fn plan(&self, facts: &Facts) -> Result<(Arc<Plan>, Vec<String>), String> {
        let (plan, notes) = self.data.plan(Some(facts)).map_err(|refused| match refused {
            Refused::Problem(Problem(what)) => what,
            Refused::Needs(names) => format!("{}: the machine did not tell {}", self.data.source.name, names.join(", ")),
        })?;
        if self.data.strict && !notes.is_empty() {
            return Err(notes.join("\n"));
        }
        Ok((self.made.get_or_init(|| Arc::new(plan)).clone(), notes))
    }

    /// The plan, once it is made.
    pub(crate) fn made(&self) -> Option<&Plan> {
        self.made.get().map(Arc::as_ref)
    }
}
