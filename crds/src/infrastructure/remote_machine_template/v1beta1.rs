//! RemoteMachineTemplate v1beta1, the deprecated version.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_with::skip_serializing_none;

use super::DEFINITION;
use crate::definition::{Definition, Version};
use crate::infrastructure::fields::fields;
use crate::infrastructure::remote_machine::ProvisionJob;
use crate::object::{Object, Spec};
use crate::schema::Quantities;
use crate::shared::{NodeInfo, TemplateMetadata};

/// What RemoteMachines are made from.
pub type RemoteMachineTemplate = Object<RemoteMachineTemplateSpec>;

impl Spec for RemoteMachineTemplateSpec {
    type Status = RemoteMachineTemplateStatus;
    const DEFINITION: &'static Definition = &DEFINITION;
    const VERSION: Version = Version::V1Beta1;
}

/// What RemoteMachines are made from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RemoteMachineTemplateSpec {
    /// The RemoteMachine.
    pub template: RemoteMachineTemplateResource,
}

/// The RemoteMachine to be made.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RemoteMachineTemplateResource {
    /// Its metadata.
    pub metadata: Option<TemplateMetadata>,
    /// Its spec.
    pub spec: Option<RemoteMachineTemplateResourceSpec>,
}

fields! {
    [claim run]
    /// The spec of the RemoteMachine to be made.
    #[skip_serializing_none]
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
    #[serde(rename_all = "camelCase")]
    pub struct RemoteMachineTemplateResourceSpec {
        /// The pool that a PooledRemoteMachine is claimed from.
        pub pool: String,
        /// Provisioning by a Job.
        pub provision_job: Option<ProvisionJob>,
    }
}

/// What Cluster Autoscaler must know of the nodes to be, when there is none yet.
/// Source: <https://github.com/kubernetes-sigs/cluster-api/blob/main/docs/proposals/20210310-opt-in-autoscaling-from-zero.md>
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RemoteMachineTemplateStatus {
    /// What a node has to give: what the smallest entry of the pool has.
    #[schemars(with = "Option<Quantities>")]
    pub capacity: Option<BTreeMap<String, Value>>,
    /// What kind of machine a node is.
    pub node_info: Option<NodeInfo>,
}
