//! The client of the API server, of the kubeconfig or of the Pod's service account.
//!
//! Where nothing changes, no byte goes over a watch for minutes. So that one whose other end is gone is not taken for one where nothing
//! changes, TCP itself asks (tcp(7), SO_KEEPALIVE); and small requests go at once (TCP_NODELAY).

use std::time::Duration;

use axum::http::HeaderValue;
use axum::http::header::USER_AGENT;
use hyper_timeout::TimeoutConnector;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use kube::client::{Body, ConfigExt};
use kube::{Client, Config};
use tower::{BoxError, ServiceBuilder};

use super::{ControllerError, spans};

/// How long a connection may take to be there, TLS included.
const CONNECT: Duration = Duration::from_secs(5);

/// After so long a silence TCP asks, as often, and as many times, before it takes the other end for gone: a minute in all.
const KEEPALIVE: (Duration, Duration, u32) = (Duration::from_secs(30), Duration::from_secs(10), 3);

/// So long a silence is none of an API server's: it says once a minute on each watch how far that is, also where nothing changes
/// (<https://kubernetes.io/docs/reference/using-api/api-concepts/#watch-bookmarks>). Where a proxy before it answers what TCP asks, this
/// alone tells that nobody is behind it any more.
const SILENCE: Duration = Duration::from_secs(240);

/// Who we are to an API server: in its audit log, and for what it lets through first.
pub(super) const NAME: &str = concat!("anywhere/", env!("CARGO_PKG_VERSION"), " controller");

/// A client, and what is known of its connections.
pub(super) struct Connected {
    /// What asks.
    pub(super) client: Client,
    /// Whether TCP itself finds out that the other end is gone: only then may a watch be silent for long.
    pub(super) is_kept_alive: bool,
}

/// Makes it. It does not try again by itself: whoever asks knows when to ask again.
///
/// # Errors
/// Where there is no kubeconfig and no Pod, or nothing can be made of it.
pub(super) async fn client() -> Result<Connected, ControllerError> {
    let mut config = Config::infer().await.map_err(|error| no_cluster(&error))?;
    config.default_retry = false;
    config.connect_timeout = Some(CONNECT);
    config.headers.push((USER_AGENT, HeaderValue::from_static(NAME)));
    // Certificates of a program expire, and proxies have connections of their own: kube knows how.
    if config.proxy_url.is_some() || config.auth_info.exec.is_some() {
        let client = Client::try_from(config).map_err(|error| no_cluster(&error))?;
        return Ok(Connected {
            client,
            is_kept_alive: false,
        });
    }
    // Another one may be there already; there is one kind only.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let client = of(&config).map_err(|error| no_cluster(&error))?;
    Ok(Connected {
        client,
        is_kept_alive: true,
    })
}

fn no_cluster(error: &dyn std::fmt::Display) -> ControllerError {
    ControllerError::NoCluster(error.to_string())
}

fn of(config: &Config) -> Result<Client, kube::Error> {
    let (after, between, times) = KEEPALIVE;
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_keepalive(Some(after));
    tcp.set_keepalive_interval(Some(between));
    tcp.set_keepalive_retries(Some(times));
    let mut connector = TimeoutConnector::new(config.rustls_https_connector_with_connector(tcp)?);
    connector.set_connect_timeout(config.connect_timeout);
    connector.set_read_timeout(Some(SILENCE));
    let http = legacy::Client::builder(TokioExecutor::new()).build::<_, Body>(connector);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_request(spans::asked)
        .map_response(spans::answered)
        .map_err(BoxError::from)
        .service(http);
    Ok(Client::new(service, config.default_namespace.clone()))
}
