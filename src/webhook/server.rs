//! The webhook's HTTP server.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, HttpBody as _, to_bytes};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, field};

use super::identity::Identity;
use super::review;
use crate::report::traces::TARGET;

/// How many reviews are worked on at a time; the others wait for their turn before their body is read.
const AT_ONCE: usize = 8;

/// How long a body may take to come in. The API server gives a webhook thirty seconds in all.
const BODY: Duration = Duration::from_secs(20);

/// What bodies are counted in: a semaphore counts to 2^32 only.
const UNIT: usize = 1024;

/// All reviews together have as many bytes in memory as one may have, whatever comes at once.
#[derive(Clone)]
struct Bounds {
    turns: Arc<Semaphore>,
    /// In [`UNIT`]s.
    bytes: Arc<Semaphore>,
    max_body_bytes: usize,
}

impl Bounds {
    fn new(max_body_bytes: usize) -> Self {
        Self {
            turns: Arc::new(Semaphore::new(AT_ONCE)),
            bytes: Arc::new(Semaphore::new(units(max_body_bytes) as usize)),
            max_body_bytes,
        }
    }

    /// Waits for room for a body of so many bytes; of as many as one may have, where that is not said before it comes. None once the
    /// webhook ends.
    async fn room(&self, announced: Option<u64>) -> Option<(OwnedSemaphorePermit, OwnedSemaphorePermit)> {
        let length = announced.and_then(|length| usize::try_from(length).ok());
        let length = length.unwrap_or(self.max_body_bytes).min(self.max_body_bytes);
        // In this order: who waits for a turn holds no bytes.
        let turn = Arc::clone(&self.turns).acquire_owned().await.ok()?;
        let bytes = Arc::clone(&self.bytes).acquire_many_owned(units(length)).await.ok()?;
        Some((turn, bytes))
    }
}

fn units(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX)
}

/// Serves until it is cancelled, and then what is under way for `grace`.
pub(super) async fn serve(
    listener: TcpListener,
    identity: &Identity,
    max_body_bytes: usize,
    cancel: &CancellationToken,
    grace: Duration,
) -> std::io::Result<()> {
    let router = Router::new()
        .route("/convert", post(traced))
        .route("/healthz", get(|| async { "ok" }))
        .route("/readyz", get(|| async { "ok" }))
        .with_state(Bounds::new(max_body_bytes));
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

async fn traced(State(bounds): State<Bounds>, body: Body) -> Response {
    let span = tracing::debug_span!(
        target: TARGET,
        parent: None,
        "review",
        otel.name = "POST /convert",
        otel.kind = "server",
        http.request.method = "POST",
        http.route = "/convert",
        http.response.status_code = field::Empty,
        otel.status_code = field::Empty,
    );
    let response = convert(bounds, body).instrument(span.clone()).await;
    span.record("http.response.status_code", response.status().as_u16());
    if response.status().is_server_error() {
        span.record("otel.status_code", "ERROR");
    }
    response
}

async fn convert(bounds: Bounds, body: Body) -> Response {
    let announced = body.size_hint().upper();
    let too_large = || {
        let text = format!(
            "the body is not to be read, or has more than {} bytes\n",
            bounds.max_body_bytes
        );
        (StatusCode::PAYLOAD_TOO_LARGE, text).into_response()
    };
    if announced.is_some_and(|length| usize::try_from(length).map_or(true, |length| length > bounds.max_body_bytes)) {
        return too_large();
    }
    let Some(room) = bounds.room(announced).await else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let body = match tokio::time::timeout(BODY, to_bytes(body, bounds.max_body_bytes)).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => return too_large(),
        Err(_) => return (StatusCode::REQUEST_TIMEOUT, "the body did not come in\n").into_response(),
    };
    let answering = tokio::task::spawn_blocking(move || {
        let answer = review::answer(&body);
        // Not before: this goes on, though who has asked may be gone.
        drop(room);
        answer
    });
    match answering.await {
        Ok(answer) => ([(header::CONTENT_TYPE, "application/json")], answer).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bodies that are announced one after the other: how many of them there is room for at once.
    #[tokio::test]
    async fn there_is_room_for_so_many_bytes_and_so_many_reviews() {
        for (bodies, fit) in [
            (vec![Some(1 << 20), Some(1)], 1),
            (vec![None, Some(1)], 1),
            (vec![Some(u64::MAX), Some(1)], 1),
            (vec![Some(512 << 10), Some(511 << 10), Some(1), Some(1)], 3),
            (vec![Some(0); 20], AT_ONCE),
        ] {
            let bounds = Bounds::new(1 << 20);
            let mut held = Vec::new();
            for body in &bodies {
                match futures::FutureExt::now_or_never(bounds.room(*body)) {
                    Some(room) => held.push(room),
                    None => break,
                }
            }
            assert_eq!(held.len(), fit, "{bodies:?}");
            held.clear();
            assert!(futures::FutureExt::now_or_never(bounds.room(None)).is_some(), "{bodies:?}");
        }
    }
}
