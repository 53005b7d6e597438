//! kubectl, as the administrator of a control plane.

use super::ControlPlane;
use crate::error::TestbedError;
use crate::program::{output, succeed, with_deadline};
use std::process::{Command, Output};

impl ControlPlane {
    /// Runs kubectl and returns what it printed. It is killed after two minutes.
    ///
    /// # Errors
    /// When it fails, with what it wrote to its standard error.
    pub fn kubectl(&self, arguments: &[&str]) -> Result<String, TestbedError> {
        self.kubectl_with(arguments, "")
    }

    /// As [`ControlPlane::kubectl`], with this standard input.
    ///
    /// # Errors
    /// As [`ControlPlane::kubectl`].
    pub fn kubectl_with(&self, arguments: &[&str], stdin: &str) -> Result<String, TestbedError> {
        let what = format!("kubectl {}", arguments.join(" "));
        let output = succeed(self.kubectl_command().args(arguments), stdin.as_bytes(), &what)?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// As [`ControlPlane::kubectl_with`], where a failure is an answer as well.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn kubectl_output(&self, arguments: &[&str], stdin: &str) -> Result<Output, TestbedError> {
        output(self.kubectl_command().args(arguments), stdin.as_bytes(), "run kubectl")
    }

    /// `kubectl apply --server-side` of these manifests.
    ///
    /// # Errors
    /// As [`ControlPlane::kubectl`].
    pub fn apply(&self, manifests: &str) -> Result<String, TestbedError> {
        let arguments = ["apply", "--server-side", "--force-conflicts", "-f", "-"];
        self.kubectl_with(&arguments, manifests)
    }

    /// Waits, on a watch, until all that `kubectl get` would list with these arguments meets the condition, which is what
    /// `kubectl wait --for` takes. With `create` it waits for an object that there is not yet.
    ///
    /// # Errors
    /// When that has not come after two minutes.
    pub fn wait(&self, condition: &str, what: &[&str]) -> Result<(), TestbedError> {
        let condition = format!("--for={condition}");
        let arguments = [&["wait", &condition, "--timeout=110s"], what].concat();
        self.kubectl(&arguments).map(drop)
    }

    /// kubectl with this control plane's kubeconfig, and a home folder (its cache) that vanishes with the control plane.
    pub fn kubectl_command(&self) -> Command {
        let mut command = with_deadline(&self.kubectl.display().to_string());
        command.env("KUBECONFIG", self.kubeconfig()).env("HOME", self.folder());
        command
    }
}
