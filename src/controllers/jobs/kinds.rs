//! Jobs and their Pods, as far as they are read here: everything else of them is dropped before it is kept.
//!
//! Source: <https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/>

use serde::Deserialize;

use crate::controllers::foreign::foreign;

foreign! {
    /// A Job.
    Job, "batch", "v1", "jobs", JobSpec, JobStatus
}

foreign! {
    /// A Pod of a Job.
    Pod, "", "v1", "pods", PodSpec, PodStatus
}

/// What is wanted of a Job.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct JobSpec {
    /// Whether no Pods are made for the time being.
    pub(crate) suspend: Option<bool>,
}

/// What was seen of a Job.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct JobStatus {
    /// What is so: `Complete` and `Failed` are final.
    pub(crate) conditions: Vec<Condition>,
    /// How many of its Pods have failed.
    pub(crate) failed: Option<i32>,
}

/// A condition of a Job or a Pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Condition {
    /// What.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// `True`, `False` or `Unknown`.
    pub(crate) status: String,
    /// Why, in a word.
    pub(crate) reason: String,
    /// Why, in words.
    pub(crate) message: String,
}

/// What is wanted of a Pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct PodSpec {
    /// Its containers; the first one runs the program.
    pub(crate) containers: Vec<Container>,
}

/// A container of a Pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Container {
    /// Its name.
    pub(crate) name: String,
}

/// What was seen of a Pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct PodStatus {
    /// `Pending`, `Running`, `Succeeded`, `Failed` or `Unknown`.
    pub(crate) phase: String,
    /// Why it failed as a whole, such as `Evicted`.
    pub(crate) reason: String,
    /// The same in words.
    pub(crate) message: String,
    /// What is so.
    pub(crate) conditions: Vec<Condition>,
    /// How its containers stand, in no order.
    pub(crate) container_statuses: Vec<ContainerStatus>,
    /// How those stand that run before them.
    pub(crate) init_container_statuses: Vec<ContainerStatus>,
}

/// How a container stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ContainerStatus {
    /// Its name.
    pub(crate) name: String,
    /// How often it was begun again.
    pub(crate) restart_count: i32,
    /// What it is in.
    pub(crate) state: ContainerState,
    /// What it was in before it was begun again.
    pub(crate) last_state: ContainerState,
}

/// What a container is in: at most one of these is given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct ContainerState {
    /// It has not begun.
    pub(crate) waiting: Option<Waiting>,
    /// It has ended.
    pub(crate) terminated: Option<Terminated>,
}

/// Why a container has not begun.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Waiting {
    /// In a word, such as `ImagePullBackOff`.
    pub(crate) reason: String,
    /// In words.
    pub(crate) message: String,
}

/// How a container ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Terminated {
    /// Its exit status.
    pub(crate) exit_code: i32,
    /// Why, in a word, such as `Error` or `OOMKilled`.
    pub(crate) reason: String,
}
