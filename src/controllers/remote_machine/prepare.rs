//! From a RemoteMachine and the Secrets that it names to something that can be done on its host.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use crds::infrastructure::RememberedHost;
use crds::infrastructure::remote_machine::v1beta2::{RemoteMachine, RemoteMachineSpec};
use remote::plan::Plan;
use remote::script::Mode;
use remote::secret::Secret;
use remote::ssh::{FirstUse, HostKeys, JumpHosts};
use sha2::{Digest as _, Sha256};

use super::by_job::{self, ForJob};
use super::decide::{Refused, entry_of};
use super::node_metadata;
use crate::controllers::api::{Api, ApiError};
use crate::controllers::work::Means;
use crate::credentials;
use crate::machine::{self, Contents, Data, Machine, Planned, SecretData, Source};
use crate::manifest::Key;

/// What can be done on a host.
pub(in crate::controllers) struct Prepared {
    /// Says what it is: of the same text, it is the same work.
    pub(in crate::controllers) id: String,
    /// The machine, with what is to be done there.
    pub(in crate::controllers) machine: Machine,
    /// By what.
    pub(in crate::controllers) means: Means,
    /// What the bootstrap data asks for and is not done.
    pub(in crate::controllers) notes: Vec<String>,
}

/// The Secrets that are read for work on a host: those that the spec names, and the one with the bootstrap data.
pub(in crate::controllers) fn secrets(key: &Key, spec: &RemoteMachineSpec, data_secret: Option<&str>) -> Vec<Key> {
    let is_by_job = spec.provision_job.is_some();
    let names = machine::secret_names(spec).map(|(_, name)| name).filter(|_| !is_by_job);
    let names = names.chain(data_secret);
    let names: BTreeSet<&str> = names.collect();
    names.into_iter().map(|name| beside(key, name)).collect()
}

fn beside(key: &Key, name: &str) -> Key {
    Key {
        namespace: key.namespace.clone(),
        name: name.to_owned(),
    }
}

/// Reads these Secrets; those that are not there are left out.
pub(in crate::controllers) async fn read(api: &Api, names: &[Key]) -> Result<BTreeMap<Key, SecretData>, ApiError> {
    let mut found = BTreeMap::new();
    for name in names {
        if let Some(data) = api.secret(name).await? {
            found.insert(name.clone(), data);
        }
    }
    Ok(found)
}

/// What is to be done, and what with.
pub(in crate::controllers) struct Order<'a> {
    /// Namespace and name of the RemoteMachine.
    pub(in crate::controllers) key: &'a Key,
    /// Itself.
    pub(in crate::controllers) object: &'a RemoteMachine,
    /// Whether it was made of an entry of that name.
    pub(in crate::controllers) is_entry: bool,
    /// Whose the host is, if that is not the RemoteMachine's.
    pub(in crate::controllers) host_owner: Option<String>,
    /// Whether its host is provisioned or cleaned.
    pub(in crate::controllers) mode: Mode,
    /// The Secret with the bootstrap data, if that is to be applied.
    pub(in crate::controllers) data_secret: Option<&'a str>,
    /// The Secrets that were found.
    pub(in crate::controllers) secrets: &'a BTreeMap<Key, SecretData>,
    /// The keys that hosts are remembered by.
    pub(in crate::controllers) remembered: &'a [RememberedHost],
    /// The connections to jump hosts that are shared.
    pub(in crate::controllers) jump_hosts: JumpHosts,
    /// Whom a Job is made for, if it is to be done by one.
    pub(in crate::controllers) for_job: ForJob<'a>,
}

impl Order<'_> {
    /// The objects that remember the keys.
    fn keepers(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let own = self.is_entry.then_some(("pooledremotemachine", self.key.name.as_str()));
        let own = own.unwrap_or(("remotemachine", self.key.name.as_str()));
        let entry = entry_of(self.object).map(|entry| ("pooledremotemachine", entry));
        [own].into_iter().chain(entry)
    }
}

/// Makes it, or says why that cannot be.
pub(in crate::controllers) fn prepare(order: &Order<'_>) -> Result<Prepared, Refused> {
    let key = order.key;
    let given = order.object.spec.clone().unwrap_or_default();
    let (spec, mut notes) = match &given.provision_job {
        Some(_) => by_job::without_login(given.clone()),
        None => (given.clone(), Vec::new()),
    };
    let missing = missing(order, &spec);
    if !missing.is_empty() {
        return Err(Refused {
            reason: "WaitingForSecret",
            message: missing.join("\n"),
            is_wait: true,
        });
    }
    let invalid = |reason, message| Refused {
        reason,
        message,
        is_wait: false,
    };
    let secrets = machine::Secrets {
        all: order.secrets,
        place: "",
    };
    let described = machine::described(key, &spec, &secrets);
    let mut machine = described.map_err(|problems| invalid("InvalidSpec", problems.join("\n")))?;
    if let Some(owner) = &order.host_owner {
        machine.owner.clone_from(owner);
    }
    if given.provision_job.is_none() && !machine.login.is_some() {
        let what = "spec.sshKeyRef is missing: it names the Secret whose key \"value\" holds the private key";
        return Err(invalid("InvalidSpec", what.to_owned()));
    }
    let of_node = spec.node.as_ref().map(node_metadata::problems).unwrap_or_default();
    if order.mode == Mode::Apply && !of_node.is_empty() {
        return Err(invalid("InvalidSpec", of_node.join("\n")));
    }
    // Also before it is provisioned: later there is nobody to mend it.
    let reset = Plan::reset(&machine.clean_up_commands)
        .map_err(|error| invalid("InvalidSpec", format!("spec.cleanUpCommands: {error}")))?;
    machine.planned = Some(match order.mode {
        Mode::Reset => Planned::Now(Arc::new(reset)),
        Mode::Apply => {
            let (planned, unsupported) = planned(order, &spec).map_err(|what| invalid("InvalidBootstrapData", what))?;
            notes.extend(unsupported);
            planned
        }
    });
    let id = id(order, &given);
    let means = match &given.provision_job {
        Some(provision_job) => {
            let errand = by_job::errand(provision_job, &machine, order.mode, &order.for_job, &id)?;
            Means::Job(Box::new(errand))
        }
        None => {
            let first_use = first_use(order, &machine).map_err(|what| invalid("InvalidSpec", what))?;
            let unpinned = HostKeys::FirstUse(first_use.clone());
            let host = credentials::own_host(&machine, &unpinned, order.jump_hosts.clone());
            let host = host.map_err(|problem| {
                let fields = "see to sshKeyRef, sshCertificateRef and jumpHosts, and the Secrets that they name";
                invalid("InvalidCredentials", format!("{problem}\n{fields}"))
            })?;
            let is_pinned = machine.host_keys.is_some() && machine.jump.iter().all(|jump| jump.host_keys.is_some());
            Means::Ssh {
                host: Box::new(host),
                first_use: (!is_pinned).then_some(first_use),
            }
        }
    };
    Ok(Prepared {
        id,
        machine,
        means,
        notes,
    })
}

fn missing(order: &Order<'_>, spec: &RemoteMachineSpec) -> Vec<String> {
    let named = machine::secret_names(spec).map(|(path, name)| (path, name.to_owned()));
    let data = order.data_secret.map(|name| {
        let path = "the Machine's spec.bootstrap.dataSecretName".to_owned();
        (path, name.to_owned())
    });
    named
        .chain(data)
        .map(|(path, name)| (path, beside(order.key, &name)))
        .filter(|(_, secret)| !order.secrets.contains_key(secret))
        .map(|(path, secret)| format!("{path}: there is no Secret {secret}"))
        .collect()
}

fn planned(order: &Order<'_>, spec: &RemoteMachineSpec) -> Result<(Planned, Vec<String>), String> {
    let name = order.data_secret.unwrap_or_default();
    let secret = beside(order.key, name);
    let empty = BTreeMap::new();
    let found = order.secrets.get(&secret).unwrap_or(&empty);
    let data = Data {
        source: Source::of_secret(&secret, found, "")?,
        contents: Some(Arc::new(Contents::of_others())),
        vendor_data: None,
        machine_name: Some(order.key.name.clone()),
        instance_id: remote::script::instance_id(&order.key.to_string()).to_owned(),
        policy: machine::policy(spec),
        fetches_late: true,
        strict: false,
    };
    data.planned().map_err(|problem| problem.to_string())
}

/// What hosts on the way are known by; others are believed the first time.
fn first_use(order: &Order<'_>, machine: &Machine) -> Result<Arc<FirstUse>, String> {
    let jumps = machine.jump.iter().map(|jump| (&jump.host, jump.port));
    let names: BTreeSet<String> = jumps
        .chain([(&machine.host, machine.port)])
        .map(|(host, port)| FirstUse::name(host, port))
        .collect();
    let known = order
        .remembered
        .iter()
        .filter(|remembered| names.contains(&remembered.host))
        .filter_map(|remembered| Some((remembered.host.clone(), remembered.keys.first()?.clone())))
        .collect();
    let namespace = &order.key.namespace;
    let whose: Vec<String> = order.keepers().map(|(kind, name)| format!("{kind}/{name}")).collect();
    let forget = format!(
        "have the old key forgotten (kubectl patch {} -n {namespace} --subresource=status --type=merge \
         -p '{{\"status\":{{\"rememberedHosts\":null}}}}')",
        whose.join(" ")
    );
    FirstUse::new(&known, forget)
        .map(Arc::new)
        .map_err(|error| format!("status.rememberedHosts: {error}"))
}

/// The hash of everything that goes into the work.
fn id(order: &Order<'_>, spec: &RemoteMachineSpec) -> String {
    let mut hash = Sha256::new();
    let mut add = |part: &[u8]| {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    };
    // A spec can be written; where not, none is the same as another.
    add(&serde_json::to_vec(spec).unwrap_or_default());
    add(match order.mode {
        Mode::Apply => b"apply",
        Mode::Reset => b"reset",
    });
    let mut add_data = |data: &BTreeMap<String, Secret>| {
        for (key, value) in data {
            add(key.as_bytes());
            add(value.expose());
        }
    };
    order.secrets.values().for_each(&mut add_data);
    hash.finalize().iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
