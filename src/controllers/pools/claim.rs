//! A RemoteMachine as the allocator sees it.

use std::collections::BTreeMap;
use std::time::SystemTime;

use crds::infrastructure::remote_machine::v1beta2::RemoteMachine;
use crds::schema::Foreign;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use pool::{Claim, ClaimId, Endpoint, EntryId, Named, Pool, Requirement, Selector};

/// Annotation: the entry that the RemoteMachine has.
pub(crate) const POOL_ENTRY: &str = "anywhere.k0smotron.io/pool-entry";
/// Annotation: address and port of that entry's machine, when the RemoteMachine was told of it.
pub(crate) const POOL_HOST: &str = "anywhere.k0smotron.io/pool-host";
/// Annotation: the generation of the entry that the RemoteMachine was last told of: an entry that is edited after that is told again.
pub(crate) const POOL_ENTRY_GENERATION: &str = "anywhere.k0smotron.io/pool-entry-generation";
/// Annotation: what the RemoteMachine itself said of what its entry says, too, as a JSON object.
pub(crate) const POOL_OWN: &str = "anywhere.k0smotron.io/pool-own";
/// Annotation: `true` from just before the machine is first touched.
pub(crate) const BEGUN: &str = "anywhere.k0smotron.io/begun";
/// The finalizer of a RemoteMachine, as in the original.
pub(crate) const FINALIZER: &str = "remotemachine.k0smotron.io/finalizer";

/// What a RemoteMachine is to the pools of its namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// It wants or has an entry.
    Claim {
        /// As the allocator sees it.
        claim: Box<Claim>,
        /// Why what it wants is not known: it then gets no entry until that is mended; one that it has, it keeps.
        bad: Option<BadSelector>,
    },
    /// It has a machine of its own, there.
    Alone(Endpoint),
    /// It has neither pool nor address.
    Nobody,
}

/// Why a selector is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("spec.poolSelector{path}: {what}")]
pub(crate) struct BadSelector {
    path: String,
    what: String,
}

/// What the RemoteMachine is to the pools. `failure_domain` is that of its Machine, which counts where it names none itself.
pub(crate) fn read(object: &RemoteMachine, failure_domain: Option<&str>) -> Role {
    let Some(spec) = &object.spec else {
        return Role::Nobody;
    };
    let meta = &object.metadata;
    let Some(pool) = &spec.pool else {
        let address = spec.address.as_deref().filter(|address| !address.is_empty());
        return address.map_or(Role::Nobody, |address| Role::Alone(Endpoint::new(address, spec.port())));
    };
    let (selector, bad) = match spec.pool_selector.as_ref().map(wanted) {
        None => (Selector::default(), None),
        Some(Ok(selector)) => (selector, None),
        Some(Err(bad)) => (Selector::default(), Some(bad)),
    };
    let claim = Claim {
        id: id(object),
        pool: Pool {
            namespace: meta.namespace.as_deref().unwrap_or_default().into(),
            name: pool.as_str().into(),
        },
        selector,
        failure_domain: spec.failure_domain.clone().or_else(|| failure_domain.map(str::to_owned)),
        group: group(object),
        created: meta
            .creation_timestamp
            .as_ref()
            .map_or(SystemTime::UNIX_EPOCH, |time| time.0.into()),
        named: named(object),
        begun: begun(object),
        deleting: meta.deletion_timestamp.is_some(),
    };
    Role::Claim {
        claim: Box::new(claim),
        bad,
    }
}

/// What a selector of the API asks for; nothing if that is not known.
pub(crate) fn selector_of(given: Option<&Foreign<LabelSelector>>) -> Option<Selector> {
    match given {
        None => Some(Selector::default()),
        Some(given) => wanted(given).ok(),
    }
}

fn wanted(foreign: &Foreign<LabelSelector>) -> Result<Selector, BadSelector> {
    let decoded = foreign.decode().map_err(|error| BadSelector {
        path: String::new(),
        what: error.to_string(),
    })?;
    selector(&decoded)
}

/// The name of the claim: the RemoteMachine's UID.
pub(crate) fn id(object: &RemoteMachine) -> ClaimId {
    ClaimId::new(object.metadata.uid.as_deref().unwrap_or_default())
}

/// The entry that the RemoteMachine says it has.
pub(crate) fn named(object: &RemoteMachine) -> Option<Named> {
    let entry = annotation(object, POOL_ENTRY).filter(|name| !name.is_empty())?;
    let told = annotation(object, POOL_HOST).and_then(|host| host.parse().ok());
    let spec = object.spec.as_ref();
    let at = told.unwrap_or_else(|| {
        let address = spec.and_then(|spec| spec.address.as_deref()).unwrap_or_default();
        Endpoint::new(address, spec.map_or(22, |spec| spec.port()))
    });
    Some(Named {
        entry: EntryId::new(entry),
        at,
    })
}

/// Whether something of the RemoteMachine may be on a machine.
pub(crate) fn begun(object: &RemoteMachine) -> bool {
    annotation(object, BEGUN).is_some_and(|value| value == "true") || is_provisioned(object)
}

/// Whether it was provisioned, now or ever.
pub(crate) fn is_provisioned(object: &RemoteMachine) -> bool {
    let has_id = object
        .spec
        .as_ref()
        .is_some_and(|spec| spec.provider_id.as_ref().is_some_and(|id| !id.is_empty()));
    let status = object.status.as_ref().and_then(|status| status.initialization.as_ref());
    has_id || status.and_then(|initialization| initialization.provisioned) == Some(true)
}

/// Whether the entry that it has says something else since it was told of it. Where its machine is provisioned, or it was told by an
/// older release, it stays as it is.
pub(crate) fn is_told_of_another(object: &RemoteMachine, generation: Option<i64>) -> bool {
    let told: Option<i64> = annotation(object, POOL_ENTRY_GENERATION).and_then(|text| text.parse().ok());
    !is_provisioned(object) && object.metadata.deletion_timestamp.is_none() && told.is_some() && told != generation
}

fn annotation<'a>(object: &'a RemoteMachine, key: &str) -> Option<&'a str> {
    object.metadata.annotations.as_ref()?.get(key).map(String::as_str)
}

/// Whose machines are to be spread over failure domains together: those of a MachineDeployment, a MachineSet or a control plane, by the
/// labels that Cluster API gives to all that it makes. <https://cluster-api.sigs.k8s.io/reference/api/labels-and-annotations>
fn group(object: &RemoteMachine) -> String {
    let none = BTreeMap::new();
    let labels = object.metadata.labels.as_ref().unwrap_or(&none);
    let cluster = labels.get("cluster.x-k8s.io/cluster-name").map_or("", String::as_str);
    let kinds = ["deployment-name", "set-name", "control-plane-name"];
    let of = kinds
        .iter()
        .find_map(|kind| Some(format!("{kind}/{}", labels.get(&format!("cluster.x-k8s.io/{kind}"))?)));
    format!("{cluster}/{}", of.unwrap_or_default())
}

/// A label selector of Kubernetes.
fn selector(given: &LabelSelector) -> Result<Selector, BadSelector> {
    let mut all: Vec<Requirement> = given
        .match_labels
        .iter()
        .flatten()
        .map(|(key, value)| Requirement::In(key.clone(), vec![value.clone()]))
        .collect();
    for (index, expression) in given.match_expressions.iter().flatten().enumerate() {
        let wrong = |what: String| BadSelector {
            path: format!(".matchExpressions[{index}]"),
            what,
        };
        let key = expression.key.clone();
        let values = expression.values.clone().unwrap_or_default();
        let operator = expression.operator.as_str();
        all.push(match (operator, values.is_empty()) {
            ("In", false) => Requirement::In(key, values),
            ("NotIn", false) => Requirement::NotIn(key, values),
            ("Exists", true) => Requirement::Exists(key),
            ("DoesNotExist", true) => Requirement::DoesNotExist(key),
            ("In" | "NotIn", true) => return Err(wrong(format!("operator {operator} needs values"))),
            ("Exists" | "DoesNotExist", false) => return Err(wrong(format!("operator {operator} takes no values"))),
            _ => {
                return Err(wrong(format!(
                    "operator {operator:?} is none of In, NotIn, Exists, DoesNotExist"
                )));
            }
        });
    }
    Ok(Selector(all))
}

#[cfg(test)]
#[path = "claim_tests.rs"]
mod tests;
