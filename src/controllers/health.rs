//! `/healthz`, `/readyz` and `/metrics`.
//!
//! Alive is who answers. Ready is who has seen all that there is, whether it leads or stands by.
//! Source: <https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/>

use std::fmt::Write as _;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::metrics::{CONTENT_TYPE, Metrics};
use super::watches::{Standing, Standings};
use crate::cli::BindAddress;

/// Where nothing can listen.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {source}; choose another one with {option}")]
pub(crate) struct ListenError {
    address: std::net::SocketAddr,
    option: &'static str,
    source: std::io::Error,
}

/// Listens where `address` says; nothing if it says nowhere.
///
/// # Errors
/// Where the port is taken, or the address is not one of this computer.
pub(crate) async fn listen(address: BindAddress, option: &'static str) -> Result<Option<TcpListener>, ListenError> {
    let mut failed = None;
    for address in address.candidates() {
        match TcpListener::bind(address).await {
            Ok(listener) => {
                let address = listener.local_addr().unwrap_or(address);
                tracing::info!(%address, option, "listening");
                return Ok(Some(listener));
            }
            Err(source) => {
                failed = Some(ListenError { address, option, source });
            }
        }
    }
    failed.map_or(Ok(None), Err)
}

/// Serves until it is stopped.
pub(crate) async fn serve(listener: TcpListener, router: Router, stop: CancellationToken) {
    let served = axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned());
    if let Err(error) = served.await {
        tracing::error!(%error, "a server has ended");
    }
}

/// `/healthz` and `/readyz`.
pub(crate) fn probes(standings: Standings) -> Router {
    let ready = move || {
        let page = readiness(&standings);
        async move { page }
    };
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
}

/// `/metrics`.
pub(crate) fn metrics(metrics: Metrics) -> Router {
    let page = move || {
        let page = metrics.text();
        async move { ([(header::CONTENT_TYPE, CONTENT_TYPE)], page) }
    };
    Router::new().route("/metrics", get(page))
}

fn readiness(standings: &Standings) -> (StatusCode, String) {
    let mut page = String::new();
    for (kind, standing) in standings.all() {
        let word = match standing {
            Standing::Starting => "not listed yet".to_owned(),
            Standing::Synced => "ok".to_owned(),
            Standing::NotServed => "not served by the API server: it is asked again now and then".to_owned(),
            Standing::Broken(why) => format!("broken, and begun again: {why}"),
        };
        let _ = writeln!(page, "{kind}: {word}");
    }
    let status = if standings.are_synced() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, page)
}
