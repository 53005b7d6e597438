//! The webhook's HTTP server.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::identity::Identity;
use super::review;

/// How many reviews are in memory at a time; the others wait for their turn before their body is read.
const AT_ONCE: usize = 8;

/// How long a body may take to come in. The API server gives a webhook thirty seconds in all.
const BODY: Duration = Duration::from_secs(20);

#[derive(Clone)]
struct Bounds {
    turns: Arc<Semaphore>,
    max_body_bytes: usize,
}

/// Serves until it is cancelled, and then what is under way for `grace`.
pub(super) async fn serve(
    listener: TcpListener,
    identity: &Identity,
    max_body_bytes: usize,
    cancel: &CancellationToken,
    grace: Duration,
) -> std::io::Result<()> {
    let bounds = Bounds {
        turns: Arc::new(Semaphore::new(AT_ONCE)),
        max_body_bytes,
    };
    let router = Router::new()
        .route("/convert", post(convert))
        .route("/healthz", get(|| async { "ok" }))
        .route("/readyz", get(|| async { "ok" }))
        .with_state(bounds);
    let tls = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(std::io::Error::other)?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(identity.clone()));
    let handle = Handle::new();
    let server = axum_server::from_tcp_rustls(listener.into_std()?, RustlsConfig::from_config(Arc::new(tls)))?
        .handle(handle.clone())
        .serve(router.into_make_service());
    let stop = async {
        cancel.cancelled().await;
        handle.graceful_shutdown(Some(grace));
    };
    let (served, ()) = tokio::join!(
        async {
            let served = server.await;
            cancel.cancel();
            served
        },
        stop
    );
    served
}

async fn convert(State(bounds): State<Bounds>, body: Body) -> Response {
    let Ok(_turn) = bounds.turns.acquire().await else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let body = match tokio::time::timeout(BODY, to_bytes(body, bounds.max_body_bytes)).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => {
            let text = format!(
                "the body is not to be read, or has more than {} bytes\n",
                bounds.max_body_bytes
            );
            return (StatusCode::PAYLOAD_TOO_LARGE, text).into_response();
        }
        Err(_) => return (StatusCode::REQUEST_TIMEOUT, "the body did not come in\n").into_response(),
    };
    let answered = tokio::task::spawn_blocking(move || serde_json::to_vec(&review::answer(&body))).await;
    match answered {
        Ok(Ok(answer)) => ([(header::CONTENT_TYPE, "application/json")], answer).into_response(),
        Ok(Err(_)) | Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
