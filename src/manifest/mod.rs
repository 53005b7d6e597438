//! Manifests, as kubectl reads them: RemoteMachines, the Secrets they name, and the Machines that tie them to bootstrap data as
//! Cluster API does. Pure.

mod decode;
mod object;

use std::collections::BTreeMap;

use crds::infrastructure::remote_machine::v1beta2::RemoteMachineSpec;
use remote::secret::Secret;
use remote::yaml;

use crate::input::Problem;
pub(crate) use object::{Key, Place};

/// All objects that were read.
#[derive(Debug, Default)]
pub(crate) struct Objects {
    /// RemoteMachines, in the order in which they were read.
    pub(crate) remote_machines: Vec<RemoteMachine>,
    /// Secrets by namespace and name: their data, decoded.
    pub(crate) secrets: BTreeMap<Key, BTreeMap<String, Secret>>,
    /// Machines.
    pub(crate) machines: Vec<Machine>,
    /// Objects that play no part without a cluster.
    pub(crate) unused: Vec<String>,
}

/// A RemoteMachine of either version.
#[derive(Debug)]
pub(crate) struct RemoteMachine {
    /// Namespace and name.
    pub(crate) key: Key,
    /// Where it was read.
    pub(crate) place: Place,
    /// As the stored version has it.
    pub(crate) spec: RemoteMachineSpec,
}

/// What of a Cluster API Machine ties a RemoteMachine to its bootstrap data.
#[derive(Debug)]
pub(crate) struct Machine {
    /// Namespace and name.
    pub(crate) key: Key,
    /// Where it was read.
    pub(crate) place: Place,
    /// `spec.infrastructureRef`, if it is a RemoteMachine.
    pub(crate) remote_machine: Option<String>,
    /// `spec.bootstrap.dataSecretName`.
    pub(crate) data_secret_name: Option<String>,
}

impl Objects {
    /// Reads one more text; what is wrong with it goes to `problems`.
    pub(crate) fn add(&mut self, text: &[u8], source: &str, problems: &mut Vec<Problem>) {
        let Ok(text) = std::str::from_utf8(text) else {
            problems.push(Problem(format!("{source}: this is no text (UTF-8)")));
            return;
        };
        match yaml::parse(text, source) {
            Ok(documents) => documents
                .iter()
                .for_each(|document| decode::document(self, &document.root, source, problems)),
            Err(error) => problems.push(Problem::new(error)),
        }
    }
}
