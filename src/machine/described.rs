//! A RemoteMachine's spec and the Secrets that it names to a [`Machine`], for manifests in files and for objects of a cluster alike.
//! Pure: what is wrong is said in the spec's own words.

use std::collections::BTreeMap;

use crds::infrastructure::remote_machine::v1beta2::RemoteMachineSpec;
use remote::plan::Policy;
use remote::secret::Secret;

use super::{Machine, Timeouts, timeouts};
use crate::cli::MAX_SECONDS;
use crate::manifest::Key;
use crate::target;

/// The data of a Secret, decoded.
pub(crate) type SecretData = BTreeMap<String, Secret>;

/// The Secrets that there are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Secrets<'a> {
    /// By namespace and name.
    pub(crate) all: &'a BTreeMap<Key, SecretData>,
    /// Where they were looked for, after a name in an error.
    pub(crate) place: &'static str,
}

/// The names of the Secrets that a spec names, each with its field.
pub(crate) fn secret_names(spec: &RemoteMachineSpec) -> impl Iterator<Item = (String, &str)> {
    let key = spec
        .ssh_key_ref
        .iter()
        .map(|reference| ("spec.sshKeyRef".to_owned(), reference.name.as_str()));
    let values = [
        ("spec.sshCertificateRef", &spec.ssh_certificate_ref),
        ("spec.sshPasswordRef", &spec.ssh_password_ref),
        ("spec.sudoPasswordRef", &spec.sudo_password_ref),
    ];
    let values = values
        .into_iter()
        .filter_map(|(path, reference)| Some((path.to_owned(), reference.as_ref()?.name.as_str())));
    let jumps = spec.jump_hosts.iter().flatten().enumerate();
    let jumps = jumps.filter_map(|(index, jump)| {
        let name = jump.ssh_key_ref.as_ref()?.name.as_str();
        Some((format!("spec.jumpHosts[{index}].sshKeyRef"), name))
    });
    key.chain(values).chain(jumps)
}

/// How bootstrap data becomes a plan for this machine.
pub(crate) fn policy(spec: &RemoteMachineSpec) -> Policy {
    Policy {
        working_dir: spec.working_dir().to_owned(),
        commands_as_script: spec.commands_as_script == Some(true),
        expect_sentinel: true,
    }
}

/// The machine that a spec describes; what is applied there is not known yet.
///
/// # Errors
/// All that is wrong with the spec and the Secrets.
pub(crate) fn described(key: &Key, spec: &RemoteMachineSpec, secrets: &Secrets<'_>) -> Result<Machine, Vec<String>> {
    let mut describing = Describing {
        key,
        spec,
        secrets,
        problems: Vec::new(),
    };
    let machine = describing.machine();
    if describing.problems.is_empty() {
        Ok(machine)
    } else {
        Err(describing.problems)
    }
}

/// A spec that is being read.
pub(super) struct Describing<'a> {
    pub(super) key: &'a Key,
    pub(super) spec: &'a RemoteMachineSpec,
    pub(super) secrets: &'a Secrets<'a>,
    problems: Vec<String>,
}

impl Describing<'_> {
    pub(super) fn need(&mut self, what: &str) {
        self.problems.push(what.to_owned());
    }

    fn machine(&mut self) -> Machine {
        let spec = self.spec;
        let address = spec.address.clone().unwrap_or_default();
        for (is_wrong, what) in [
            (address.is_empty(), "spec.address is missing"),
            (
                !address.is_empty() && !target::is_host(&address),
                "spec.address is neither an IP address nor a host name (user and port are fields of their own)",
            ),
            (spec.port() == 0, "spec.port must be between 1 and 65535"),
            (spec.user().is_empty(), "spec.user is empty"),
            (
                !spec.working_dir().starts_with('/'),
                "spec.workingDir is not an absolute path",
            ),
        ] {
            if is_wrong {
                self.need(what);
            }
        }
        for (name, seconds) in spec.timeouts.iter().flat_map(timeouts::given) {
            if !(1..=MAX_SECONDS).contains(&u64::from(seconds)) {
                self.need(&format!("spec.timeouts.{name} must be between 1 and {MAX_SECONDS}"));
            }
        }
        let (login, sudo_password) = self.login_of();
        let host_keys = self.pins("spec", spec.host_keys.as_ref(), spec.host_certificate_authorities.as_ref());
        let jump = self.jump_hosts();
        Machine {
            name: self.key.to_string(),
            owner: self.key.to_string(),
            host: address,
            port: spec.port(),
            user: spec.user().to_owned(),
            use_sudo: spec.use_sudo == Some(true),
            login,
            sudo_password,
            host_keys,
            jump,
            timeouts: spec.timeouts.as_ref().map(Timeouts::new).unwrap_or_default(),
            rerun_interrupted: spec.rerun_interrupted == Some(true),
            clean_up_commands: spec.clean_up_commands.clone().unwrap_or_default(),
            planned: None,
        }
    }
}
