//! A namespace for one test.

use super::ControlPlane;
use crate::error::TestbedError;

/// A new namespace on a control plane. When the test fails, dropping it shows everything that is in it.
#[derive(Debug)]
pub struct Namespace<'a> {
    plane: &'a ControlPlane,
    name: String,
}

impl ControlPlane {
    /// Makes a namespace whose name begins like this and is nobody else's.
    ///
    /// # Errors
    /// When the API server refuses it.
    pub fn namespace(&self, prefix: &str) -> Result<Namespace<'_>, TestbedError> {
        let object = serde_json::json!({
            "apiVersion": "v1", "kind": "Namespace", "metadata": { "generateName": format!("{prefix}-") },
        });
        let arguments = ["create", "-f", "-", "-o", "jsonpath={.metadata.name}"];
        Ok(Namespace {
            plane: self,
            name: self.kubectl_with(&arguments, &object.to_string())?,
        })
    }
}

impl Namespace<'_> {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// kubectl in this namespace.
    ///
    /// # Errors
    /// As [`ControlPlane::kubectl`].
    pub fn kubectl(&self, arguments: &[&str]) -> Result<String, TestbedError> {
        self.kubectl_with(arguments, "")
    }

    /// kubectl in this namespace, with this standard input.
    ///
    /// # Errors
    /// As [`ControlPlane::kubectl`].
    pub fn kubectl_with(&self, arguments: &[&str], stdin: &str) -> Result<String, TestbedError> {
        self.plane
            .kubectl_with(&[&["--namespace", self.name.as_str()], arguments].concat(), stdin)
    }

    /// `kubectl apply --server-side` of these manifests, in this namespace.
    ///
    /// # Errors
    /// As [`ControlPlane::kubectl`].
    pub fn apply(&self, manifests: &str) -> Result<String, TestbedError> {
        self.kubectl_with(&["apply", "--server-side", "--force-conflicts", "-f", "-"], manifests)
    }
}

impl Drop for Namespace<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.plane.dump_to_stderr(Some(&self.name));
        } else {
            // The controller manager does the rest, if there is one; what stays ends with the server.
            let _ = self.plane.kubectl(&["delete", "namespace", "--wait=false", &self.name]);
        }
    }
}
