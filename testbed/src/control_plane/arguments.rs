//! The command line of each program.

use super::cage::INSIDE;
use super::options::{ControlPlaneOptions, Provider};
use std::net::Ipv4Addr;

/// Where the API server listens.
pub(super) const API_PORT: u16 = 6443;
/// Where etcd listens for clients, on the control plane's own address.
pub(super) const ETCD_PORT: u16 = 2379;

pub(super) fn etcd(own: Ipv4Addr) -> Vec<String> {
    let (clients, peers) = (format!("http://{own}:{ETCD_PORT}"), format!("http://{own}:2380"));
    words(&[
        "--name=testbed",
        &format!("--data-dir={INSIDE}/etcd"),
        &format!("--listen-client-urls={clients}"),
        &format!("--advertise-client-urls={clients}"),
        &format!("--listen-peer-urls={peers}"),
        &format!("--initial-advertise-peer-urls={peers}"),
        &format!("--initial-cluster=testbed={peers}"),
        "--unsafe-no-fsync",
        "--log-level=warn",
    ])
}

pub(super) fn api_server(options: &ControlPlaneOptions, own: Ipv4Addr, address: Ipv4Addr) -> Vec<String> {
    let pki = format!("{INSIDE}/pki");
    let mut arguments = words(&[
        &format!("--etcd-servers=http://{own}:{ETCD_PORT}"),
        &format!("--bind-address={address}"),
        &format!("--advertise-address={address}"),
        &format!("--secure-port={API_PORT}"),
        &format!("--cert-dir={INSIDE}/certificates"),
        &format!("--tls-cert-file={pki}/tls.crt"),
        &format!("--tls-private-key-file={pki}/tls.key"),
        &format!("--client-ca-file={pki}/ca.crt"),
        &format!("--kubelet-client-certificate={pki}/admin.crt"),
        &format!("--kubelet-client-key={pki}/admin.key"),
        "--kubelet-preferred-address-types=InternalIP",
        "--service-account-issuer=https://kubernetes.default.svc",
        &format!("--service-account-key-file={pki}/sa.pub"),
        &format!("--service-account-signing-key-file={pki}/sa.key"),
        "--service-cluster-ip-range=10.0.0.0/24",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--enable-bootstrap-token-auth",
        "--allow-privileged",
        // It would name the API server's address to pods, which may not be a loopback one.
        "--endpoint-reconciler-type=none",
    ]);
    if !options.controller_manager {
        // Nobody makes the service accounts that this asks for.
        arguments.push("--disable-admission-plugins=ServiceAccount".to_owned());
    }
    arguments.extend(options.api_server_arguments.iter().cloned());
    arguments
}

pub(super) fn controller_manager() -> Vec<String> {
    let pki = format!("{INSIDE}/pki");
    words(&[
        &format!("--kubeconfig={INSIDE}/admin.kubeconfig"),
        "--secure-port=0",
        "--leader-elect=false",
        "--controllers=*,bootstrapsigner,tokencleaner",
        &format!("--root-ca-file={pki}/ca.crt"),
        &format!("--service-account-private-key-file={pki}/sa.key"),
        &format!("--cluster-signing-cert-file={pki}/ca.crt"),
        &format!("--cluster-signing-key-file={pki}/ca.key"),
    ])
}

pub(super) fn scheduler() -> Vec<String> {
    words(&[
        &format!("--kubeconfig={INSIDE}/admin.kubeconfig"),
        "--secure-port=0",
        "--leader-elect=false",
    ])
}

/// Where a controller of Cluster API says whether it is ready, on the control plane's own address. The next port shows metrics.
pub(super) fn health_port(provider: Provider) -> u16 {
    match provider {
        Provider::Core => 9440,
        Provider::KubeadmBootstrap => 9450,
        Provider::KubeadmControlPlane => 9460,
    }
}

pub(super) fn cluster_api(provider: Provider, own: Ipv4Addr, webhook: u16) -> Vec<String> {
    let (health, diagnostics) = (health_port(provider), health_port(provider) + 1);
    words(&[
        &format!("--kubeconfig={INSIDE}/admin.kubeconfig"),
        "--leader-elect=false",
        &format!("--webhook-port={webhook}"),
        &format!("--webhook-cert-dir={INSIDE}/pki"),
        &format!("--health-addr={own}:{health}"),
        &format!("--diagnostics-address={own}:{diagnostics}"),
        "--insecure-diagnostics",
    ])
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}
