//! The CA of the webhook, and the certificates that it signs. Pure: the time is given.

use jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

/// Certificates are good from a little earlier on, at most a tenth of their life: clocks differ.
const EARLIER: SignedDuration = SignedDuration::from_mins(5);

/// A CA: its certificate and its key, both as PEM.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Authority {
    pub(super) certificate: String,
    pub(super) key: String,
}

/// When a certificate is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Validity {
    /// Its notBefore (RFC 5280, 4.1.2.5).
    pub(super) from: Timestamp,
    /// Its notAfter.
    pub(super) until: Timestamp,
}

impl Validity {
    /// When a CA is followed by another one: with a third of its own life left, whatever is asked for by now.
    pub(super) fn last_third(&self) -> Timestamp {
        self.until
            .saturating_sub(self.until.duration_since(self.from) / 3)
            .unwrap_or(self.from)
    }
}

/// A certificate that the CA has signed.
pub(super) struct Leaf {
    /// The certificate, as PEM.
    pub(super) certificate: String,
    /// Its key, as PEM.
    pub(super) key: String,
}

/// What a CA can no longer do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AuthorityError {
    /// Its key.
    #[error("the webhook's CA cannot sign: {0}; delete the Secret it is in, and a new one is made")]
    Sign(#[from] rcgen::Error),
    /// Its certificate.
    #[error("the certificate of the webhook's CA cannot be read: {0}; delete the Secret it is in, and a new one is made")]
    Read(String),
}

impl Authority {
    /// A new CA, good for that long.
    ///
    /// # Errors
    /// Where no key can be made.
    pub(super) fn new(now: Timestamp, lifetime: SignedDuration) -> Result<Self, AuthorityError> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(DnType::CommonName, format!("anywhere webhook CA {}", now.as_second()));
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        validity(&mut params, now, lifetime);
        let text = key.serialize_pem();
        let issuer = CertifiedIssuer::self_signed(params, key)?;
        Ok(Self {
            certificate: issuer.pem(),
            key: text,
        })
    }

    /// When the CA is good, by its own certificate.
    ///
    /// # Errors
    /// Where that cannot be read.
    pub(super) fn validity(&self) -> Result<Validity, AuthorityError> {
        let read = |error: &dyn std::fmt::Display| AuthorityError::Read(error.to_string());
        let der = CertificateDer::from_pem_slice(self.certificate.as_bytes()).map_err(|error| read(&error))?;
        let (_, certificate) = x509_parser::parse_x509_certificate(&der).map_err(|error| read(&error))?;
        let at = |time: x509_parser::time::ASN1Time| Timestamp::from_second(time.timestamp()).map_err(|error| read(&error));
        Ok(Validity {
            from: at(certificate.validity().not_before)?,
            until: at(certificate.validity().not_after)?,
        })
    }

    /// A server's certificate for these names and addresses.
    ///
    /// # Errors
    /// Where the CA's own certificate or key cannot be read.
    pub(super) fn sign(&self, names: &[String], now: Timestamp, lifetime: SignedDuration) -> Result<Leaf, AuthorityError> {
        let issuer = Issuer::from_ca_cert_pem(&self.certificate, KeyPair::from_pem(&self.key)?)?;
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        for name in names {
            params.subject_alt_names.push(match name.parse() {
                Ok(address) => SanType::IpAddress(address),
                Err(_) => SanType::DnsName(name.as_str().try_into()?),
            });
        }
        params.distinguished_name.push(DnType::CommonName, "anywhere webhook");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        validity(&mut params, now, lifetime);
        let certificate = params.signed_by(&key, &issuer)?;
        Ok(Leaf {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        })
    }
}

fn validity(params: &mut CertificateParams, now: Timestamp, lifetime: SignedDuration) {
    let at = |time: Timestamp| std::time::SystemTime::from(time).into();
    params.not_before = at(now.saturating_sub(EARLIER.min(lifetime / 10)).unwrap_or(now));
    params.not_after = at(now.saturating_add(lifetime).unwrap_or(Timestamp::MAX));
}
