//! Keys and certificates of one control plane, made anew for each (Kubernetes' "PKI certificates and requirements").

use crate::error::TestbedError;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
    PublicKeyData, SanType,
};
use sha2::{Digest, Sha256};
use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The first address of the service network, which is the API server's as pods see it.
const API_SERVICE: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));

/// A certificate and its private key, both as PEM.
#[derive(Clone)]
pub(crate) struct Pair {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

/// The authority and what it issued.
pub(crate) struct Pki {
    pub(crate) authority: Pair,
    /// For the API server and for webhooks, both on these addresses.
    pub(crate) serving: Pair,
    /// A member of `system:masters`, who may do everything (RBAC's bootstrap policy).
    pub(crate) admin: Pair,
    /// Signs service account tokens: the private and the public key.
    pub(crate) service_accounts: [String; 2],
    /// `sha256:` and the hash of the authority's public key, as `kubeadm join --discovery-token-ca-cert-hash` takes it.
    pub(crate) authority_hash: String,
}

impl Pki {
    pub(crate) fn new(addresses: &[IpAddr]) -> Result<Self, TestbedError> {
        make(addresses).map_err(|error| TestbedError::Certificates(error.to_string()))
    }

    /// Writes everything into the folder.
    pub(crate) fn write(&self, folder: &Path) -> Result<(), TestbedError> {
        let [private, public] = &self.service_accounts;
        let files = [
            ("ca.crt", &self.authority.certificate),
            ("ca.key", &self.authority.key),
            ("tls.crt", &self.serving.certificate),
            ("tls.key", &self.serving.key),
            ("admin.crt", &self.admin.certificate),
            ("admin.key", &self.admin.key),
            ("sa.key", private),
            ("sa.pub", public),
        ];
        fs::create_dir_all(folder).map_err(TestbedError::path("make", folder))?;
        files
            .iter()
            .try_for_each(|(name, text)| write_private(&folder.join(name), text))
    }
}

/// Writes a file that only root may read.
pub(crate) fn write_private(path: &Path, text: &str) -> Result<(), TestbedError> {
    let mut options = fs::OpenOptions::new();
    options.create(true).truncate(true).write(true).mode(0o600);
    let mut file = options.open(path).map_err(TestbedError::path("create", path))?;
    std::io::Write::write_all(&mut file, text.as_bytes()).map_err(TestbedError::path("write", path))
}

fn make(addresses: &[IpAddr]) -> Result<Pki, rcgen::Error> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "kubernetes");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![
        KeyUsagePurpose::KeyCertSign,
        KeyUsagePurpose::CrlSign,
        KeyUsagePurpose::DigitalSignature,
    ];
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
    let service_accounts = KeyPair::generate()?;
    let hash = Sha256::digest(authority.key().subject_public_key_info());
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Pki {
        serving: serving(&authority, addresses)?,
        admin: client(&authority, "kubernetes-admin", "system:masters")?,
        service_accounts: [
            pem("PRIVATE KEY", &service_accounts.serialize_der()),
            pem("PUBLIC KEY", &service_accounts.subject_public_key_info()),
        ],
        authority_hash: format!("sha256:{hex}"),
        authority: Pair {
            certificate: pem("CERTIFICATE", authority.der()),
            key: pem("PRIVATE KEY", &authority.key().serialize_der()),
        },
    })
}

type Authority = CertifiedIssuer<'static, KeyPair>;

fn serving(authority: &Authority, addresses: &[IpAddr]) -> Result<Pair, rcgen::Error> {
    let names = ["localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"];
    let mut params = CertificateParams::new(names.map(str::to_owned))?;
    let addresses = addresses.iter().copied().chain([API_SERVICE]);
    params.subject_alt_names.extend(addresses.map(SanType::IpAddress));
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    issue(authority, params, "kube-apiserver", None)
}

fn client(authority: &Authority, user: &str, group: &str) -> Result<Pair, rcgen::Error> {
    let mut params = CertificateParams::default();
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    issue(authority, params, user, Some(group))
}

fn issue(authority: &Authority, mut params: CertificateParams, name: &str, group: Option<&str>) -> Result<Pair, rcgen::Error> {
    params.distinguished_name.push(DnType::CommonName, name);
    if let Some(group) = group {
        params.distinguished_name.push(DnType::OrganizationName, group);
    }
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, authority)?;
    Ok(Pair {
        certificate: pem("CERTIFICATE", certificate.der()),
        key: pem("PRIVATE KEY", &key.serialize_der()),
    })
}

/// The textual encoding of RFC 7468, whose lines have 64 characters.
fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut lines = String::new();
    for (index, letter) in text.chars().enumerate() {
        if index > 0 && index % 64 == 0 {
            lines.push('\n');
        }
        lines.push(letter);
    }
    format!("-----BEGIN {label}-----\n{lines}\n-----END {label}-----\n")
}
