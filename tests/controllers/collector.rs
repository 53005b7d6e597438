//! A collector of spans on loopback, as an OpenTelemetry Collector is one: OTLP over HTTP, in protobuf.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Instant;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use axum_server::tls_rustls::RustlsConfig;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::PrivateKeyDer;
use tokio::runtime::Runtime;

use crate::controller_lab::WATCHDOG;

/// What each request has to have with it.
pub(crate) const HEADER: (&str, &str) = ("x-tenant", "t1");

/// See the module. Dropping it ends it.
pub(crate) struct Collector {
    _runtime: Runtime,
    url: String,
    told: Receiver<Told>,
    /// What it was told so far.
    pub(crate) spans: Vec<Span>,
    /// All bytes of that, as they came.
    pub(crate) bytes: Vec<u8>,
}

struct Told {
    bytes: Bytes,
    resource: BTreeMap<String, String>,
    spans: Vec<Span>,
}

impl Collector {
    pub(crate) fn start() -> Self {
        let (router, told) = router();
        let (runtime, listener) = (Runtime::new().unwrap(), listener());
        let address = listener.local_addr().unwrap();
        let server = {
            let _within = runtime.enter();
            axum_server::from_tcp(listener).unwrap()
        };
        runtime.spawn(server.serve(router.into_make_service()));
        Self::of(runtime, format!("http://{address}"), told)
    }

    /// One with TLS, and its certificate in PEM, which it has signed itself.
    pub(crate) fn start_with_tls() -> (Self, String) {
        let own = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(own.signing_key.serialize_der()).unwrap();
        let tls = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![own.cert.der().clone()], key)
            .unwrap();
        let (router, told) = router();
        let (runtime, listener) = (Runtime::new().unwrap(), listener());
        let address = listener.local_addr().unwrap();
        let server = {
            let _within = runtime.enter();
            axum_server::from_tcp_rustls(listener, RustlsConfig::from_config(Arc::new(tls))).unwrap()
        };
        runtime.spawn(server.serve(router.into_make_service()));
        (Self::of(runtime, format!("https://{address}"), told), own.cert.pem())
    }

    fn of(runtime: Runtime, url: String, told: Receiver<Told>) -> Self {
        Self {
            _runtime: runtime,
            url,
            told,
            spans: Vec::new(),
            bytes: Vec::new(),
        }
    }

    /// What names it to whoever is to tell it.
    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("OTEL_EXPORTER_OTLP_ENDPOINT", self.url.clone()),
            ("OTEL_EXPORTER_OTLP_HEADERS", format!("{}={}", HEADER.0, HEADER.1)),
            ("OTEL_RESOURCE_ATTRIBUTES", "k8s.pod.name=p0".to_owned()),
        ]
    }

    /// Waits for a span that is like this.
    #[track_caller]
    pub(crate) fn until(&mut self, what: &str, is_it: impl Fn(&Span) -> bool) -> Span {
        let began = Instant::now();
        loop {
            if let Some(span) = self.spans.iter().find(|span| is_it(span)) {
                return span.clone();
            }
            let left = WATCHDOG.checked_sub(began.elapsed()).expect(what);
            let told = self.told.recv_timeout(left).expect(what);
            assert_eq!(told.resource["service.name"], "anywhere");
            assert_eq!(told.resource["k8s.pod.name"], "p0");
            self.spans.extend(told.spans);
            self.bytes.extend(told.bytes);
        }
    }
}

fn listener() -> TcpListener {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    listener
}

fn router() -> (Router, Receiver<Told>) {
    let (tell, told) = channel();
    let take = move |headers: HeaderMap, body: Bytes| take(tell.clone(), headers, body);
    (Router::new().route("/v1/traces", post(take)), told)
}

async fn take(tell: Sender<Told>, headers: HeaderMap, bytes: Bytes) -> StatusCode {
    if headers.get(HEADER.0).is_none_or(|value| value != HEADER.1) {
        return StatusCode::UNAUTHORIZED;
    }
    let Ok(request) = ExportTraceServiceRequest::decode(bytes.clone()) else {
        return StatusCode::BAD_REQUEST;
    };
    for of_resource in request.resource_spans {
        let resource = of(&of_resource.resource.unwrap().attributes);
        let spans = of_resource.scope_spans.into_iter().flat_map(|scope| scope.spans);
        let told = Told {
            bytes: bytes.clone(),
            resource,
            spans: spans.collect(),
        };
        let _ = tell.send(told);
    }
    StatusCode::OK
}

/// Attributes as texts.
pub(crate) fn of(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    let texts = attributes
        .iter()
        .map(|attribute| (attribute.key.clone(), text(attribute.value.as_ref().unwrap())));
    texts.collect()
}

fn text(value: &AnyValue) -> String {
    let value = value.value.as_ref().unwrap();
    if let Value::StringValue(text) = value {
        text.clone()
    } else if let Value::IntValue(number) = value {
        number.to_string()
    } else {
        format!("{value:?}")
    }
}

/// The address of a collector that takes connections and never answers, for as long as the listener is there.
pub(crate) fn silent() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}
