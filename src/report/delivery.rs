//! How spans get to a collector: HTTP/1.1, with TLS or without, by the client that there is already.
//!
//! The exporter has a thread and no runtime, so each request is a task of the program's own, with a deadline. What goes wrong is told once
//! in a while only, without the address: a URL may have a password in it.

use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio::runtime::Handle;
use tokio_util::task::AbortOnDropHandle;

use crate::input::Problem;

/// How long a connection may take to be there.
const CONNECT: Duration = Duration::from_secs(5);

/// An answer is an empty message, or says how many spans were refused and why.
const ANSWER_BYTES: usize = 64 * 1024;

/// How often it is told that spans are not taken, at most.
const TOLD_AGAIN: Duration = Duration::from_secs(60);

/// Why spans were not taken.
#[derive(Debug, thiserror::Error)]
enum DeliveryError {
    /// No answer.
    #[error("no answer within {0:?}")]
    Late(Duration),
    /// Another answer than that they were.
    #[error("it answers {0}")]
    Refused(u16),
    /// No connection, or one that broke.
    #[error("{0}")]
    Broken(String),
}

/// Sends requests as tasks of a runtime.
#[derive(Debug)]
pub(super) struct Delivery {
    client: legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    runtime: Handle,
    limit: Duration,
    told: Mutex<Option<Instant>>,
}

impl Delivery {
    /// Each request may take `limit`. With TLS, the collector's certificate is to be signed by one of the system's, or one in this file.
    ///
    /// # Errors
    /// Where that file cannot be read, or has no certificate.
    pub(super) fn new(runtime: Handle, limit: Duration, is_tls: bool, certificates: Option<&str>) -> Result<Self, Problem> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT));
        let roots = if is_tls {
            roots(certificates)?
        } else {
            RootCertStore::empty()
        };
        let tls = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(Problem::new)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        Ok(Self {
            client: legacy::Client::builder(TokioExecutor::new()).build(connector),
            runtime,
            limit,
            told: Mutex::default(),
        })
    }

    fn tell(&self, error: &DeliveryError) {
        let now = Instant::now();
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if is_due(*told, now) {
            *told = Some(now);
            drop(told);
            tracing::warn!(%error, "a collector does not take spans; they are dropped, and nothing else changes");
        }
    }
}

fn is_due(told: Option<Instant>, now: Instant) -> bool {
    told.is_none_or(|told| now.duration_since(told) >= TOLD_AGAIN)
}

fn roots(certificates: Option<&str>) -> Result<RootCertStore, Problem> {
    let mut roots = RootCertStore::empty();
    // One that cannot be read is one that nothing is signed by.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(path) = certificates {
        let unusable = |why: &dyn std::fmt::Display| Problem(format!("{path}: not certificates in PEM: {why}"));
        let found = CertificateDer::pem_file_iter(path)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| unusable(&error))?;
        if roots.add_parsable_certificates(found).0 == 0 {
            return Err(unusable(&"there is none"));
        }
    }
    Ok(roots)
}

#[async_trait]
impl HttpClient for Delivery {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (client, limit) = (self.client.clone(), self.limit);
        let sending = AbortOnDropHandle::new(self.runtime.spawn(async move {
            match tokio::time::timeout(limit, exchange(&client, request)).await {
                Ok(exchanged) => exchanged,
                Err(_) => Err(DeliveryError::Late(limit)),
            }
        }));
        let answer = sending
            .await
            .unwrap_or_else(|ended| Err(DeliveryError::Broken(ended.to_string())));
        match &answer {
            Ok(response) if response.status().is_success() => {}
            Ok(response) => self.tell(&DeliveryError::Refused(response.status().as_u16())),
            Err(error) => self.tell(error),
        }
        Ok(answer?)
    }
}

async fn exchange(
    client: &legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    request: Request<Bytes>,
) -> Result<Response<Bytes>, DeliveryError> {
    let response = client.request(request.map(Full::new)).await.map_err(|error| broken(&error))?;
    let (head, body) = response.into_parts();
    let body = Limited::new(body, ANSWER_BYTES).collect().await;
    let body = body.map_err(|error| broken(&*error))?;
    Ok(Response::from_parts(head, body.to_bytes()))
}

/// With what it is due to: the outermost only says that there was an error.
fn broken(error: &dyn Error) -> DeliveryError {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    DeliveryError::Broken(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collector_that_is_away_is_told_of_once_in_a_while() {
        let began = Instant::now();
        let after = |seconds: u64| began + Duration::from_secs(seconds);
        for (told, now, due) in [
            (None, 0, true),
            (Some(0), 0, false),
            (Some(0), 59, false),
            (Some(0), 60, true),
        ] {
            assert_eq!(is_due(told.map(after), after(now)), due, "{told:?} {now}");
        }
    }
}
