//! What a test asks for when it starts a control plane.

use std::net::Ipv4Addr;

/// Which parts run besides etcd and the API server. The default is none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ControlPlaneOptions {
    /// kube-controller-manager: namespaces end, service accounts and garbage collection work, and nodes can join.
    pub controller_manager: bool,
    /// kube-scheduler.
    pub scheduler: bool,
    /// Cluster API and its providers, each with CRDs, conversion and admission webhooks. Without [`Provider::Core`] its CRDs are
    /// there nevertheless, and a test plays its part.
    pub cluster_api: Vec<Provider>,
    /// Where the API server listens; by default on a loopback address of its own, which a machine with a network of its
    /// own cannot reach. With a [`Network`](crate::Network), its address.
    pub address: Option<Ipv4Addr>,
    /// Further arguments of kube-apiserver; the last one of a name counts.
    pub api_server_arguments: Vec<String>,
}

impl ControlPlaneOptions {
    /// etcd, API server and controller manager.
    #[must_use]
    pub fn with_controllers() -> Self {
        Self {
            controller_manager: true,
            ..Self::default()
        }
    }

    /// The same, with Cluster API core and these providers of it.
    #[must_use]
    pub fn with_cluster_api(providers: &[Provider]) -> Self {
        let others = providers.iter().copied().filter(|provider| *provider != Provider::Core);
        Self {
            controller_manager: true,
            cluster_api: std::iter::once(Provider::Core).chain(others).collect(),
            ..Self::default()
        }
    }
}

/// A controller of Cluster API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Provider {
    /// Cluster, Machine, MachineSet, MachineDeployment, MachineHealthCheck, ….
    Core,
    /// KubeadmConfig and its template.
    KubeadmBootstrap,
    /// KubeadmControlPlane and its template.
    KubeadmControlPlane,
}

impl Provider {
    /// Every one there is.
    pub const ALL: [Self; 3] = [Self::Core, Self::KubeadmBootstrap, Self::KubeadmControlPlane];

    /// clusterctl's name of it, the value of the label `cluster.x-k8s.io/provider`.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Core => "cluster-api",
            Self::KubeadmBootstrap => "bootstrap-kubeadm",
            Self::KubeadmControlPlane => "control-plane-kubeadm",
        }
    }

    /// The namespace that its manifests name.
    #[must_use]
    pub fn namespace(self) -> &'static str {
        match self {
            Self::Core => "capi-system",
            Self::KubeadmBootstrap => "capi-kubeadm-bootstrap-system",
            Self::KubeadmControlPlane => "capi-kubeadm-control-plane-system",
        }
    }
}

/// A program of a control plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// etcd.
    Etcd,
    /// kube-apiserver.
    ApiServer,
    /// kube-controller-manager.
    ControllerManager,
    /// kube-scheduler.
    Scheduler,
    /// A controller of Cluster API.
    ClusterApi(Provider),
}

impl Part {
    /// Every one there is.
    pub const ALL: [Self; 7] = [
        Self::Etcd,
        Self::ApiServer,
        Self::ControllerManager,
        Self::Scheduler,
        Self::ClusterApi(Provider::Core),
        Self::ClusterApi(Provider::KubeadmBootstrap),
        Self::ClusterApi(Provider::KubeadmControlPlane),
    ];

    /// The program's file name, also that of its log.
    #[must_use]
    pub fn program(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::ApiServer => "kube-apiserver",
            Self::ControllerManager => "kube-controller-manager",
            Self::Scheduler => "kube-scheduler",
            Self::ClusterApi(Provider::Core) => "capi-core",
            Self::ClusterApi(Provider::KubeadmBootstrap) => "capi-bootstrap-kubeadm",
            Self::ClusterApi(Provider::KubeadmControlPlane) => "capi-controlplane-kubeadm",
        }
    }
}
