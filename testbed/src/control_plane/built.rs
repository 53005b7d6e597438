//! Where the programs of a control plane and of nodes are: in `KUBEBUILDER_ASSETS` (the convention of Kubernetes'
//! envtest) where that is set and has them, else where `components/build` put them.

use crate::error::TestbedError;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The set-up script, which also knows where it put things.
const BUILD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/components/build");

/// The set-up script of layers, which knows the same of them.
const NODE_LAYERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/components/node-layers");

/// What a machine can have besides the host's userland; see [`MachineSpec::layers`](crate::MachineSpec::layers).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NodeLayer {
    /// containerd, CNI plugins, kubelet and kubeadm, as on a machine image that is made for `kubeadm join`.
    Kubeadm,
    /// A stand-in for k0s, which is called as k0s is and brings containerd and kubelet along.
    K0s,
}

/// The folder of a layer.
///
/// # Errors
/// When it is not made; the text says how it is.
pub fn node_layer(layer: NodeLayer) -> Result<PathBuf, TestbedError> {
    let name = match layer {
        NodeLayer::Kubeadm => "kubeadm",
        NodeLayer::K0s => "k0s",
    };
    where_is(NODE_LAYERS, name)
}

/// What is built from one go.mod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Module {
    Etcd,
    Kubernetes,
    ClusterApi,
}

impl Module {
    fn name(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::Kubernetes => "kubernetes",
            Self::ClusterApi => "cluster-api",
        }
    }
}

/// A program of Kubernetes by its file name, such as `kubelet`: also for machines that become nodes.
///
/// # Errors
/// When it is not built; the text says how it is.
pub fn kubernetes_program(name: &str) -> Result<PathBuf, TestbedError> {
    program(Module::Kubernetes, name)
}

/// A program of a control plane.
pub(crate) fn program(module: Module, name: &str) -> Result<PathBuf, TestbedError> {
    let given = std::env::var_os("KUBEBUILDER_ASSETS").map(|folder| Path::new(&folder).join(name));
    match given.filter(|path| path.is_file()) {
        Some(path) => Ok(path),
        None => Ok(folder(module)?.join("bin").join(name)),
    }
}

/// The folder of everything that was built from one go.mod.
pub(crate) fn folder(module: Module) -> Result<PathBuf, TestbedError> {
    where_is(BUILD, module.name())
}

/// Asks a set-up script where it put something.
fn where_is(script: &str, what: &str) -> Result<PathBuf, TestbedError> {
    let output = Command::new(script).args(["--where", what]).output();
    let output = output.map_err(TestbedError::path("run", script))?;
    if output.status.success() {
        Ok(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim_end()))
    } else {
        Err(TestbedError::NotBuilt(
            String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        ))
    }
}
