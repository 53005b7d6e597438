//! The status of a RemoteMachine from how it stands: pure.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crds::infrastructure::RememberedHost;
use crds::infrastructure::remote_machine::v1beta2::{
    Deprecated, DeprecatedV1Beta1, RemoteMachine, RemoteMachineSpec, RemoteMachineStatus,
};
use crds::shared::{MachineAddress, Provisioned};
use k8s_openapi::jiff::Timestamp;

use super::decide::Standing;
use crate::controllers::conditions::{DELETING, Fact, PAUSED, READY, Truth, conditions};

/// The original's condition: whether the bootstrap data was applied.
pub(super) const BOOTSTRAP: &str = "BootstrapExecSucceeded";

/// The status that says so, and what is said of its claim. `host_keys` are those that are remembered, by name; nothing if they are as before.
pub(super) fn status(
    object: &RemoteMachine,
    (standing, claimed): (&Standing, Option<Fact>),
    host_keys: Option<&BTreeMap<String, String>>,
    now: Timestamp,
) -> RemoteMachineStatus {
    let before = object.status.clone().unwrap_or_default();
    let known = before.conditions.clone().unwrap_or_default();
    let said: Vec<Fact> = facts(standing).into_iter().chain(claimed).collect();
    let made = conditions(&known, &said, object.metadata.generation, now);
    let mut status = RemoteMachineStatus {
        conditions: (!made.is_empty()).then_some(made),
        ..before
    };
    if let Some(host_keys) = host_keys {
        status.remembered_hosts = (!host_keys.is_empty()).then(|| host_keys.iter().map(remembered).collect());
    }
    match standing {
        // While another attempt is under way, the last one has still failed.
        Standing::AsBefore | Standing::Paused(_) | Standing::Deleting(..) | Standing::Running(_) => {}
        Standing::Waiting(..) => status.deprecated = None,
        Standing::Failed(_, message) => {
            status.deprecated = Some(Deprecated {
                v1beta1: Some(DeprecatedV1Beta1 {
                    failure_reason: Some("ProvisionFailed".to_owned()),
                    failure_message: Some(message.clone()),
                }),
            });
        }
        Standing::Provisioned => {
            status.deprecated = None;
            status.initialization = Some(Provisioned { provisioned: Some(true) });
            if let Some(addresses) = object.spec.as_ref().and_then(addresses) {
                status.addresses = Some(addresses);
            }
        }
    }
    status
}

fn remembered((host, key): (&String, &String)) -> RememberedHost {
    RememberedHost {
        host: host.clone(),
        keys: vec![key.clone()],
    }
}

/// As the original has it: what the spec says, and for a name that it is one.
fn addresses(spec: &RemoteMachineSpec) -> Option<Vec<MachineAddress>> {
    let address = spec.address.as_ref().filter(|address| !address.is_empty())?;
    let of = |kind: &str| MachineAddress {
        kind: kind.to_owned(),
        address: address.clone(),
    };
    let mut addresses = vec![of("ExternalIP")];
    if address.parse::<IpAddr>().is_err() {
        addresses.push(of("ExternalDNS"));
    }
    Some(addresses)
}

/// What the conditions say.
fn facts(standing: &Standing) -> Vec<Fact> {
    let at_work = || {
        [
            Fact::new(PAUSED, Truth::False, "NotPaused", ""),
            Fact::new(DELETING, Truth::False, "NotDeleting", ""),
        ]
    };
    let not_ready = |reason, message: &String| {
        let mut facts = vec![
            Fact::new(READY, Truth::False, reason, message.as_str()),
            Fact::new(BOOTSTRAP, Truth::False, reason, message.as_str()),
        ];
        facts.extend(at_work());
        facts
    };
    match standing {
        Standing::AsBefore => Vec::new(),
        Standing::Paused(why) => vec![Fact::new(PAUSED, Truth::True, "Paused", why.as_str())],
        Standing::Waiting(reason, message) | Standing::Failed(reason, message) => not_ready(reason, message),
        Standing::Running(message) => not_ready("Provisioning", message),
        Standing::Provisioned => {
            let mut facts = vec![
                Fact::new(READY, Truth::True, "Ready", ""),
                Fact::new(BOOTSTRAP, Truth::True, BOOTSTRAP, ""),
            ];
            facts.extend(at_work());
            facts
        }
        Standing::Deleting(reason, message) => vec![
            Fact::new(READY, Truth::False, "Deleting", message.as_str()),
            Fact::new(PAUSED, Truth::False, "NotPaused", ""),
            Fact::new(DELETING, Truth::True, reason, message.as_str()),
        ],
    }
}
