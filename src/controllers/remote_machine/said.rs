//! What objects and work say of a RemoteMachine. Pure.

use std::sync::Arc;

use crds::infrastructure::RememberedHost;
use crds::infrastructure::remote_machine::v1beta2::RemoteMachine;

use super::decide::Owner;
use crate::controllers::cluster_api::{self, Machine};
use crate::controllers::work::{Report, WorkError};

/// The Machine that owns a RemoteMachine.
pub(super) fn owner(object: &RemoteMachine, machine: impl Fn(&str) -> Option<Arc<Machine>>) -> Owner {
    let mut references = object.metadata.owner_references.iter().flatten();
    let is_machine = |api_version: &str| api_version.split('/').next() == Some(cluster_api::GROUP);
    let Some(reference) = references.find(|reference| reference.kind == "Machine" && is_machine(&reference.api_version)) else {
        return Owner::None;
    };
    match machine(&reference.name).filter(|machine| machine.metadata.uid.as_ref() == Some(&reference.uid)) {
        Some(machine) => Owner::There(machine),
        None => Owner::Missing(reference.name.clone()),
    }
}

/// The Secret with the bootstrap data.
pub(super) fn data_secret(machine: &Owner) -> Option<&str> {
    match machine {
        Owner::There(machine) => machine.spec.bootstrap.data_secret_name.as_deref(),
        Owner::None | Owner::Missing(_) => None,
    }
}

/// What a Job for it is called, unless its template says so: the original's `<cluster>-<machine>`.
pub(super) fn job_name(object: &RemoteMachine, machine: &Owner) -> String {
    let labels = object.metadata.labels.as_ref();
    let of_label = labels.and_then(|labels| labels.get(cluster_api::CLUSTER_NAME));
    let cluster = match machine {
        Owner::There(machine) => Some(&machine.spec.cluster_name),
        Owner::None | Owner::Missing(_) => of_label,
    };
    let name = object.metadata.name.as_deref().unwrap_or_default();
    match cluster {
        Some(cluster) => format!("{cluster}-{name}"),
        None => name.to_owned(),
    }
}

/// The keys that hosts are remembered by.
pub(super) fn remembered(object: &RemoteMachine) -> &[RememberedHost] {
    let remembered = object.status.as_ref().and_then(|status| status.remembered_hosts.as_ref());
    remembered.map_or(&[], Vec::as_slice)
}

/// A work that has failed, and how; not one that was stopped.
pub(super) fn failure(work: Option<&Report>) -> Option<(&Report, &WorkError)> {
    let report = work?;
    match &report.ended.as_ref()?.result {
        Err(error) if !error.is_stopped() => Some((report, error)),
        Ok(_) | Err(_) => None,
    }
}
