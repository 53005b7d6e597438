//! Provisioning by a Job.

use k8s_openapi::api::batch::v1::JobTemplateSpec;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::schema::Foreign;

/// Provisioning by a Kubernetes Job instead of from the controller.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProvisionJob {
    /// What stands for `scp` in the job's script.
    #[schemars(extend("default" = "scp"))]
    pub scp_command: Option<String>,
    /// What stands for `ssh` in the job's script.
    #[schemars(extend("default" = "ssh"))]
    pub ssh_command: Option<String>,
    /// The Job: a `batch/v1` JobTemplateSpec. Its first container gets the script as its only argument, and a volume with the
    /// script and the files at `/var/lib/bootstrap-data`.
    pub job_spec_template: Option<Foreign<JobTemplateSpec>>,
}

impl ProvisionJob {
    /// What stands for `ssh` in the job's script: `ssh` where nothing is given.
    pub fn ssh_command(&self) -> &str {
        self.ssh_command.as_deref().unwrap_or("ssh")
    }

    /// What stands for `scp` in the job's script: `scp` where nothing is given.
    pub fn scp_command(&self) -> &str {
        self.scp_command.as_deref().unwrap_or("scp")
    }
}
