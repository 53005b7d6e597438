//! What `kubeadm join` needs to find on a control plane, put there by kubeadm's own phases, which write nothing on the host.

use super::built::kubernetes_program;
use super::{ControlPlane, arguments};
use crate::error::TestbedError;
use crate::program::{succeed, with_deadline};
use serde_json::json;
use std::hash::{BuildHasher, RandomState};

/// What a node needs to join.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Join {
    /// `address:port` of the API server.
    pub endpoint: String,
    /// A bootstrap token.
    pub token: String,
    /// `--discovery-token-ca-cert-hash`.
    pub authority_hash: String,
    /// The release of Kubernetes, such as `v1.36.3`.
    pub version: String,
}

/// What kubelet asks of the kernel that a machine without one of its own cannot have.
#[must_use]
pub fn kubelet_configuration() -> serde_json::Value {
    json!({
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "cgroupDriver": "cgroupfs",
        "failCgroupV1": false,
        "failSwapOn": false,
        "oomScoreAdj": 0,
    })
}

impl ControlPlane {
    /// Makes this a cluster that `kubeadm join` can join, with a new token. The KubeletConfiguration becomes every node's.
    ///
    /// # Errors
    /// When kubeadm is not built or refuses.
    pub fn prepare_join(&self, kubelet_configuration: &serde_json::Value) -> Result<Join, TestbedError> {
        let kubeadm = kubernetes_program("kubeadm")?.display().to_string();
        let version = succeed(
            with_deadline(&kubeadm).args(["version", "-o", "short"]),
            b"",
            "kubeadm version",
        )?;
        let join = Join {
            endpoint: format!("{}:{}", self.address, arguments::API_PORT),
            token: bootstrap_token(),
            authority_hash: self.authority_hash.clone(),
            version: String::from_utf8_lossy(&version.stdout).trim().to_owned(),
        };
        let path = self.folder().join("kubeadm.yaml");
        std::fs::write(&path, self.configuration(&join, kubelet_configuration)).map_err(TestbedError::path("write", &path))?;
        let (config, kubeconfig) = (path.display().to_string(), self.kubeconfig().display().to_string());
        for phase in [["upload-config", "all"].as_slice(), &["bootstrap-token"]] {
            let mut command = with_deadline(&kubeadm);
            command.args(["init", "phase"]).args(phase);
            command.args(["--config", &config, "--kubeconfig", &kubeconfig]);
            succeed(&mut command, b"", &format!("kubeadm init phase {}", phase.join(" ")))?;
        }
        Ok(join)
    }

    /// Three documents, of which each is JSON and so YAML. There is no `certificatesDir`: it would become every kubelet's.
    fn configuration(&self, join: &Join, kubelet_configuration: &serde_json::Value) -> String {
        let api = "kubeadm.k8s.io/v1beta4";
        let documents = [
            json!({
                "apiVersion": api,
                "kind": "InitConfiguration",
                "bootstrapTokens": [{ "token": join.token, "ttl": "2h0m0s" }],
                "localAPIEndpoint": { "advertiseAddress": self.address, "bindPort": arguments::API_PORT },
                "nodeRegistration": { "criSocket": "unix:///run/containerd/containerd.sock" },
            }),
            json!({
                "apiVersion": api,
                "kind": "ClusterConfiguration",
                "kubernetesVersion": join.version,
                "controlPlaneEndpoint": join.endpoint,
                "networking": { "serviceSubnet": "10.0.0.0/24" },
            }),
            kubelet_configuration.clone(),
        ];
        documents.map(|document| document.to_string()).join("\n---\n")
    }
}

/// A new token in the format of Kubernetes' "Authenticating with Bootstrap Tokens".
fn bootstrap_token() -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz012345";
    let random = RandomState::new();
    let letter = |position: u32| {
        let index = usize::try_from(random.hash_one(position) % 32).unwrap_or_default();
        LETTERS.get(index).copied().map_or('a', char::from)
    };
    let (id, secret): (String, String) = ((0..6).map(letter).collect(), (6..22).map(letter).collect());
    format!("{id}.{secret}")
}

#[cfg(test)]
mod tests {
    use super::bootstrap_token;

    #[test]
    fn tokens_have_the_documented_form() {
        let token = bootstrap_token();
        let (id, secret) = token.split_once('.').unwrap();
        assert_eq!((id.len(), secret.len()), (6, 16));
        assert!(
            token
                .chars()
                .all(|letter| letter == '.' || letter.is_ascii_lowercase() || letter.is_ascii_digit())
        );
        assert_ne!(token, bootstrap_token());
    }
}
