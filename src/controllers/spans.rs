//! Spans of looks at objects and of requests to the API server. Those of work on hosts are in `work`.
//!
//! They are made only where a collector is named ([`crate::report::traces`]), and tell names, verbs and outcomes: nothing of what is in
//! an object. Attributes have the names of OpenTelemetry's semantic conventions where those have one
//! (<https://opentelemetry.io/docs/specs/semconv/registry/attributes/>), and begin with `anywhere.` where not.

use std::fmt::Display;

use axum::http::{Request, Response};
use tracing::{Span, field};

use crate::report::traces::TARGET;

/// The span of a look at `key`: a namespace, or a name in one.
pub(super) fn reconcile<K: Display>(controller: &'static str, key: &K) -> Span {
    let span = tracing::debug_span!(
        target: TARGET,
        parent: None,
        "reconcile",
        otel.name = field::Empty,
        anywhere.controller = controller,
        k8s.namespace.name = field::Empty,
        anywhere.object.name = field::Empty,
        anywhere.outcome = field::Empty,
        error.type = field::Empty,
        otel.status_code = field::Empty,
    );
    if !span.is_disabled() {
        let key = key.to_string();
        let (namespace, name) = key.split_once('/').unwrap_or((&key, ""));
        span.record("otel.name", format!("reconcile {controller}"));
        span.record("k8s.namespace.name", namespace);
        if !name.is_empty() {
            span.record("anywhere.object.name", name);
        }
    }
    span
}

/// Says how a look ended: in the word that is counted.
pub(super) fn reconciled(span: &Span, outcome: &'static str) {
    span.record("anywhere.outcome", outcome);
    // Somebody else wrote first: that is how it is meant to be.
    if !matches!(outcome, "ok" | "conflict") {
        span.record("error.type", outcome).record("otel.status_code", "ERROR");
    }
}

/// The span of a request to the API server about `object`, within what goes on.
pub(super) fn request(verb: &'static str, kind: &str, object: &str) -> Span {
    let span = tracing::debug_span!(
        target: TARGET,
        "request",
        otel.name = field::Empty,
        otel.kind = "client",
        anywhere.object = object,
        http.request.method = field::Empty,
        http.response.status_code = field::Empty,
        anywhere.outcome = field::Empty,
        error.type = field::Empty,
        otel.status_code = field::Empty,
    );
    if !span.is_disabled() {
        span.record("otel.name", format!("{verb} {kind}"));
    }
    span
}

/// Says how a request ended: in the word that is counted.
pub(super) fn requested(span: &Span, outcome: &'static str, is_error: bool) {
    span.record("anywhere.outcome", outcome);
    if is_error {
        span.record("error.type", outcome).record("otel.status_code", "ERROR");
    }
}

/// Says in the span that goes on what is asked for.
pub(super) fn asked<B>(request: Request<B>) -> Request<B> {
    Span::current().record("http.request.method", request.method().as_str());
    request
}

/// Says in the span that goes on what was answered.
pub(super) fn answered<B>(response: Response<B>) -> Response<B> {
    Span::current().record("http.response.status_code", response.status().as_u16());
    response
}
