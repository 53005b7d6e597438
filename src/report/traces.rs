//! Spans for a collector, by OTLP over HTTP, where one is named: of looks at objects, requests, and work on hosts. Where none is, this
//! starts nothing.
//!
//! The variables are OpenTelemetry's: <https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/> and
//! <https://opentelemetry.io/docs/specs/otel/protocol/exporter/>. Spans wait in a bounded queue for a thread of their own, which sends
//! them by [`super::delivery`]; what has no room there, or is not taken, is dropped. Nothing waits for it.

use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::{EnvResourceDetector, TelemetryResourceDetector};
use opentelemetry_sdk::trace::SdkTracerProvider;
use tokio::runtime::Handle;
use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::registry::LookupSpan;

use super::delivery::Delivery;
use crate::input::Problem;

/// The target of spans that are for a collector, and of the events in them. No other is told: log lines have error texts.
pub(crate) const TARGET: &str = "anywhere::traces";

/// Where a collector is: for traces alone, and for all kinds of telemetry.
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];

/// How long it may take to take spans, in milliseconds.
const TIMEOUTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"];

/// A file with the certificates, in PEM, that the collector's is to be signed by; besides those of the system.
const CERTIFICATES: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", "OTEL_EXPORTER_OTLP_CERTIFICATE"];

/// What is spoken with it.
const PROTOCOLS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"];

/// The one that we speak.
const PROTOCOL: &str = "http/protobuf";

/// How long it may take to take spans if nothing says so: the specification's.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How long the last spans have to be taken, once all shall stop.
const GRACE: Duration = Duration::from_secs(2);

/// What we are called, if nothing says so.
const NAME: &str = "anywhere";

/// What the environment says of a collector.
#[derive(Debug, PartialEq, Eq)]
struct Wanted {
    is_tls: bool,
    timeout: Duration,
    certificates: Option<String>,
}

/// Nothing, if no collector is named; one that is not spoken with as we do is a problem.
fn wanted(says: impl Fn(&str) -> Option<String>) -> Result<Option<Wanted>, Problem> {
    let first = |names: [&'static str; 2]| {
        let said = names.into_iter().map(|name| (name, says(name).unwrap_or_default()));
        said.into_iter().find(|(_, value)| !value.is_empty())
    };
    let is = |name: &str, value: &str| says(name).is_some_and(|said| said.trim().eq_ignore_ascii_case(value));
    if is("OTEL_SDK_DISABLED", "true") || is("OTEL_TRACES_EXPORTER", "none") {
        return Ok(None);
    }
    let Some((name, endpoint)) = first(ENDPOINTS) else {
        return Ok(None);
    };
    let is_tls = starts_with(&endpoint, "https://");
    if !is_tls && !starts_with(&endpoint, "http://") {
        return Err(Problem(format!(
            "{name}: not an http:// or https:// URL; for example http://collector:4318"
        )));
    }
    if let Some((name, protocol)) = first(PROTOCOLS).filter(|(_, protocol)| protocol != PROTOCOL) {
        return Err(Problem(format!(
            "{name}: {protocol} is not spoken; set {}={PROTOCOL}, and a port of the collector for that, by custom 4318",
            PROTOCOLS[0]
        )));
    }
    let timeout = first(TIMEOUTS).and_then(|(_, timeout)| timeout.trim().parse().ok());
    Ok(Some(Wanted {
        is_tls,
        timeout: timeout.map_or(TIMEOUT, Duration::from_millis),
        certificates: first(CERTIFICATES).map(|(_, path)| path),
    }))
}

fn starts_with(text: &str, start: &str) -> bool {
    text.get(..start.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(start))
}

/// What goes on telling a collector.
pub(super) struct Traces(SdkTracerProvider);

impl Traces {
    /// Begins, if a collector is named; within a runtime.
    ///
    /// # Errors
    /// Where the variables say what cannot be.
    pub(super) fn of_environment() -> Result<Option<Self>, Problem> {
        let Some(wanted) = wanted(|name| std::env::var(name).ok())? else {
            return Ok(None);
        };
        let runtime = Handle::try_current().map_err(Problem::new)?;
        let delivery = Delivery::new(runtime, wanted.timeout, wanted.is_tls, wanted.certificates.as_deref())?;
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(delivery)
            .with_timeout(wanted.timeout)
            .build();
        let exporter = exporter.map_err(Problem::new)?;
        let provider = SdkTracerProvider::builder().with_resource(resource());
        Ok(Some(Self(provider.with_batch_exporter(exporter).build())))
    }

    /// Tells it of spans that are for it.
    pub(super) fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        tracing_opentelemetry::layer()
            .with_tracer(self.0.tracer(NAME))
            .with_context_activation(false)
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_filter(Targets::new().with_target(TARGET, LevelFilter::DEBUG))
    }

    /// Sends what is left, and ends.
    pub(super) async fn flush(self) {
        let flushing = tokio::task::spawn_blocking(move || self.0.shutdown_with_timeout(GRACE));
        match flushing.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the collector has not taken the last spans"),
            Err(error) => tracing::warn!(%error, "the last spans were not sent"),
        }
    }
}

/// Who we are, but for what `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` say.
fn resource() -> Resource {
    let ours = [
        KeyValue::new("service.name", NAME),
        KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
    ];
    let resource = Resource::builder_empty()
        .with_attributes(ours)
        .with_detectors(&[Box::new(TelemetryResourceDetector), Box::new(EnvResourceDetector::new())]);
    match std::env::var("OTEL_SERVICE_NAME") {
        Ok(name) if !name.is_empty() => resource.with_service_name(name).build(),
        Ok(_) | Err(_) => resource.build(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> Result<Option<Wanted>, Problem> {
        wanted(|name| {
            let said = variables.iter().find(|(variable, _)| *variable == name);
            said.map(|(_, value)| (*value).to_owned())
        })
    }

    fn some(is_tls: bool, milliseconds: u64, certificates: Option<&str>) -> Result<Option<Wanted>, Problem> {
        Ok(Some(Wanted {
            is_tls,
            timeout: Duration::from_millis(milliseconds),
            certificates: certificates.map(str::to_owned),
        }))
    }

    const ALL: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
    const TRACES: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";

    #[test]
    fn a_collector_is_told_only_where_one_is_named() {
        for (variables, found) in [
            (&[][..], Ok(None)),
            (&[(ALL, "")], Ok(None)),
            (&[("OTEL_SERVICE_NAME", "a"), ("OTEL_EXPORTER_OTLP_TIMEOUT", "5")], Ok(None)),
            (&[(ALL, "http://c:4318")], some(false, 10_000, None)),
            (&[(TRACES, "HTTPS://c/v1/traces")], some(true, 10_000, None)),
            // That for traces alone goes first.
            (&[(ALL, "https://c"), (TRACES, "http://c")], some(false, 10_000, None)),
            (&[(ALL, "https://c"), (TRACES, "")], some(true, 10_000, None)),
            (&[(ALL, "http://c"), ("OTEL_SDK_DISABLED", "True")], Ok(None)),
            (&[(ALL, "http://c"), ("OTEL_TRACES_EXPORTER", "none")], Ok(None)),
            (
                &[
                    (ALL, "http://c"),
                    ("OTEL_TRACES_EXPORTER", "otlp"),
                    ("OTEL_SDK_DISABLED", "false"),
                ],
                some(false, 10_000, None),
            ),
            (
                &[(ALL, "http://c"), ("OTEL_EXPORTER_OTLP_TIMEOUT", "250")],
                some(false, 250, None),
            ),
            (
                &[
                    (ALL, "https://c"),
                    ("OTEL_EXPORTER_OTLP_TIMEOUT", "250"),
                    ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "70"),
                    ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/ca.pem"),
                ],
                some(true, 70, Some("/ca.pem")),
            ),
            (
                &[(ALL, "http://c"), ("OTEL_EXPORTER_OTLP_PROTOCOL", PROTOCOL)],
                some(false, 10_000, None),
            ),
        ] {
            assert_eq!(of(variables), found, "{variables:?}");
        }
    }

    #[test]
    fn what_cannot_be_is_said_without_what_may_be_secret() {
        let long = "x".repeat(4);
        for (variables, named) in [
            (&[(ALL, "user:password@collector")][..], ALL),
            (&[(ALL, long.as_str())], ALL),
            (&[(ALL, "http://c"), (TRACES, "grpc://c")], TRACES),
            (
                &[(ALL, "http://c"), ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")],
                "OTEL_EXPORTER_OTLP_PROTOCOL",
            ),
        ] {
            let problem = of(variables).unwrap_err().0;
            assert!(problem.starts_with(&format!("{named}: ")), "{problem}");
            assert!(!problem.contains("password"), "{problem}");
        }
    }
}
