//! Real control planes: etcd and kube-apiserver, and what else a test asks for, within seconds.
//!
//! Everything runs on an address of its own, with certificates of its own, from memory, and ends with this process
//! however it ends; so servers need no shutting down, and the one that the tests of one binary share ends with the binary.

mod arguments;
mod built;
mod cage;
mod cluster_api;
mod dump;
mod etcd;
mod kubeadm;
mod kubectl;
mod namespace;
mod options;
mod pki;
mod stand_in;

pub use built::{NodeLayer, kubernetes_program, node_layer};
pub use kubeadm::{Join, kubelet_configuration};
pub use namespace::Namespace;
pub use options::{ControlPlaneOptions, Part, Provider};
pub use stand_in::stand_in_reference;

use crate::address::ReservedAddress;
use crate::error::TestbedError;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use built::{Module, program};
use cage::Cage;
use pki::{Pki, write_private};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How long a program may take to be ready, on a loaded host.
const LIMIT: Duration = Duration::from_secs(120);

/// A running control plane. Dropping it ends it.
#[derive(Debug)]
pub struct ControlPlane {
    cage: Cage,
    /// Where etcd and the webhooks are.
    own: ReservedAddress,
    address: Ipv4Addr,
    authority: String,
    authority_hash: String,
    parts: Vec<Part>,
    /// Where the webhooks of Cluster API's controllers are.
    webhooks: Vec<(Provider, u16)>,
    kubectl: PathBuf,
    /// Whether it was shown already what there is.
    dumped: AtomicBool,
}

/// The control plane that all tests of this process share.
static SHARED: Mutex<Option<&'static ControlPlane>> = Mutex::new(None);

impl ControlPlane {
    /// Starts what the options say and waits until all of it is ready: a few seconds.
    ///
    /// # Errors
    /// When a program is not built (see `make components`) or does not get ready; the text has the end of its log.
    pub fn start(options: &ControlPlaneOptions) -> Result<Self, TestbedError> {
        let own = ReservedAddress::new(arguments::ETCD_PORT)?;
        let address = options.address.unwrap_or(own.get());
        let pki = Pki::new(&[IpAddr::V4(own.get()), IpAddr::V4(address)])?;
        let mut plane = Self {
            cage: Cage::new()?,
            own,
            address,
            authority: pki.authority.certificate.clone(),
            authority_hash: pki.authority_hash.clone(),
            parts: Vec::new(),
            webhooks: Vec::new(),
            dumped: AtomicBool::new(false),
            kubectl: program(Module::Kubernetes, "kubectl")?,
        };
        pki.write(&plane.cage.folder().join("pki"))?;
        let admin = serde_json::json!({
            "client-certificate-data": STANDARD.encode(&pki.admin.certificate),
            "client-key-data": STANDARD.encode(&pki.admin.key),
        });
        write_private(&plane.kubeconfig(), &plane.kubeconfig_of(&admin))?;
        plane.start_all(options)?;
        Ok(plane)
    }

    /// The one that the tests of one binary share: etcd, API server and controller manager, started by the first call and
    /// ended with the process. It is in the network of the thread that asked first.
    ///
    /// # Errors
    /// As [`ControlPlane::start`].
    pub fn shared() -> Result<&'static Self, TestbedError> {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(plane) = *shared {
            return Ok(plane);
        }
        let started: &'static Self = Box::leak(Box::new(Self::start(&ControlPlaneOptions::with_controllers())?));
        *shared = Some(started);
        Ok(started)
    }

    fn start_all(&mut self, options: &ControlPlaneOptions) -> Result<(), TestbedError> {
        let own = self.own.get();
        let etcd = program(Module::Etcd, "etcd")?;
        self.launch(Part::Etcd, &etcd, &arguments::etcd(own))?;
        let clients = SocketAddr::from((own, arguments::ETCD_PORT));
        self.cage
            .wait_for(Part::Etcd, "listening", LIMIT, || TcpStream::connect(clients).ok())?;
        let of_kubernetes = |part: Part| program(Module::Kubernetes, part.program());
        let server = of_kubernetes(Part::ApiServer)?;
        self.launch(Part::ApiServer, &server, &arguments::api_server(options, own, self.address))?;
        self.wait_for_api_server()?;
        if options.controller_manager {
            let manager = of_kubernetes(Part::ControllerManager)?;
            self.launch(Part::ControllerManager, &manager, &arguments::controller_manager())?;
        }
        if options.scheduler {
            self.launch(Part::Scheduler, &of_kubernetes(Part::Scheduler)?, &arguments::scheduler())?;
        }
        self.start_cluster_api(&options.cluster_api)?;
        if options.controller_manager {
            // Pods are refused until there is one.
            self.kubectl(&["wait", "--for=create", "--timeout=120s", "serviceaccount/default"])?;
        }
        Ok(())
    }

    fn launch(&mut self, part: Part, program: &std::path::Path, arguments: &[String]) -> Result<(), TestbedError> {
        self.cage.start(part, program, arguments)?;
        self.parts.push(part);
        Ok(())
    }

    fn wait_for_api_server(&self) -> Result<(), TestbedError> {
        let server = SocketAddr::from((self.address, arguments::API_PORT));
        self.cage
            .wait_for(Part::ApiServer, "listening", LIMIT, || TcpStream::connect(server).ok())?;
        self.cage.wait_for(Part::ApiServer, "ready", LIMIT, || {
            self.kubectl(&["get", "--raw=/readyz"]).ok()
        })?;
        Ok(())
    }

    /// Kills a program, as a crash would.
    ///
    /// # Errors
    /// When it does not end.
    pub fn stop_part(&self, part: Part) -> Result<(), TestbedError> {
        self.cage.stop(part)
    }

    /// Starts a program again that [`ControlPlane::stop_part`] ended, with all it had stored, and waits until it is ready.
    ///
    /// # Errors
    /// When it does not get ready.
    pub fn start_part(&self, part: Part) -> Result<(), TestbedError> {
        self.cage.start_again(part)?;
        match part {
            Part::Etcd | Part::ApiServer => self.wait_for_api_server(),
            Part::ControllerManager | Part::Scheduler => Ok(()),
            Part::ClusterApi(provider) => self.wait_for_provider(provider),
        }
    }

    /// Whether a program runs.
    pub fn is_running(&self, part: Part) -> bool {
        self.parts.contains(&part) && self.cage.ended(part).is_none()
    }

    /// What a program wrote so far to its standard output and error.
    pub fn log(&self, part: Part) -> String {
        self.cage.log(part)
    }

    /// Where the logs are while the control plane runs: `NAME.log` for each program.
    pub fn folder(&self) -> PathBuf {
        self.cage.folder()
    }

    /// The API server's address as a URL.
    pub fn url(&self) -> String {
        format!("https://{}:{}", self.address, arguments::API_PORT)
    }

    /// A kubeconfig file of a cluster administrator, with everything in it: it may be copied elsewhere.
    pub fn kubeconfig(&self) -> PathBuf {
        self.cage.folder().join("admin.kubeconfig")
    }

    /// The certificate of the authority that signed all others, as a PEM file.
    pub fn authority_certificate(&self) -> PathBuf {
        self.cage.folder().join("pki/ca.crt")
    }

    /// The private key of that authority: whoever has it can make any user.
    pub fn authority_key(&self) -> PathBuf {
        self.cage.folder().join("pki/ca.key")
    }

    /// The administrator's certificate, as a PEM file.
    pub fn admin_certificate(&self) -> PathBuf {
        self.cage.folder().join("pki/admin.crt")
    }

    /// The administrator's private key, as a PEM file.
    pub fn admin_key(&self) -> PathBuf {
        self.cage.folder().join("pki/admin.key")
    }

    /// A kubeconfig file of a ServiceAccount, which may do what its roles let it and no more. Good for six hours.
    ///
    /// # Errors
    /// When the ServiceAccount is not there, or the file cannot be written.
    pub fn service_account_kubeconfig(&self, namespace: &str, name: &str) -> Result<PathBuf, TestbedError> {
        let token = self.kubectl(&["create", "token", name, "--namespace", namespace, "--duration=6h"])?;
        let path = self.folder().join(format!("{namespace}.{name}.kubeconfig"));
        write_private(&path, &self.kubeconfig_of(&serde_json::json!({ "token": token.trim() })))?;
        Ok(path)
    }

    fn kubeconfig_of(&self, user: &serde_json::Value) -> String {
        let entry = |name: &str, value: serde_json::Value| serde_json::json!({ "name": "testbed", name: value });
        serde_json::json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "testbed",
            "clusters": [entry("cluster", serde_json::json!({
                "server": self.url(),
                "certificate-authority-data": STANDARD.encode(&self.authority),
            }))],
            "users": [entry("user", user.clone())],
            "contexts": [entry("context", serde_json::json!({ "cluster": "testbed", "user": "testbed" }))],
        })
        .to_string()
    }

    /// Ends all of it and waits until it is gone, which dropping it does, too.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.dump_to_stderr(None);
        }
    }
}
