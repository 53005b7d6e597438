//! Work on a host as a trace: a span for it, within which one is for each connection that is made and one for what goes on by it, with an
//! event for each step that ended.
//!
//! What a host says is in none of them, and no error's words: those have last words of commands in them. See [`crate::controllers::spans`]
//! for the names.

use std::sync::{Mutex, PoisonError};

use remote::engine::Event;
use remote::plan::Plan;
use remote::script::Mode;
use tracing::{Span, field};

use super::{Assignment, Means, WorkError, mode_word};
use crate::controllers::remote_machine::words::reason;
use crate::report::traces::TARGET;

/// The span of a work, from when it is asked for; linked to the look that asks for it, which ends long before.
pub(super) fn work(assignment: &Assignment) -> Span {
    let Assignment {
        machine,
        mode,
        attempt,
        means,
        ..
    } = assignment;
    let span = tracing::debug_span!(
        target: TARGET,
        parent: None,
        "work",
        otel.name = mode_word(*mode),
        anywhere.host.owner = machine.owner,
        server.address = machine.host,
        server.port = machine.port,
        anywhere.attempt = *attempt,
        anywhere.plan.id = field::Empty,
        k8s.job.name = field::Empty,
        anywhere.outcome = field::Empty,
        error.type = field::Empty,
        otel.status_code = field::Empty,
    );
    span.follows_from(Span::current());
    match means {
        Means::Ssh { .. } => {}
        Means::Job(errand) => {
            span.record("k8s.job.name", &errand.shaped.key.name);
        }
    }
    if let (Mode::Apply, Some(plan)) = (mode, machine.plan()) {
        planned(&span, plan);
    }
    span
}

/// Says in the span of a work what is applied, once that is known.
pub(super) fn planned(span: &Span, plan: &Plan) {
    span.record("anywhere.plan.id", plan.id());
}

/// Says in the span of a work how that ended: in the word that is counted.
pub(super) fn ended(span: &Span, outcome: &'static str, error: Option<&WorkError>) {
    span.record("anywhere.outcome", outcome);
    if let Some(error) = error.filter(|error| !error.is_stopped()) {
        span.record("error.type", reason(error)).record("otel.status_code", "ERROR");
    }
}

/// What goes on with a host, within the span of the work on it.
pub(super) struct Stages {
    work: Span,
    stage: Mutex<Span>,
}

impl Stages {
    /// It is being connected to.
    pub(super) fn begin(work: &Span) -> Self {
        Self {
            work: work.clone(),
            stage: Mutex::new(stage(work, "connect")),
        }
    }

    /// Takes in what the engine tells.
    pub(super) fn take(&self, event: &Event, name: impl Fn(usize) -> String) {
        if self.work.is_disabled() {
            return;
        }
        let mut now = self.stage.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Connected { .. } => *now = stage(&self.work, "run"),
            Event::Reconnecting { .. } => {
                now.record("error.type", "ConnectionLost").record("otel.status_code", "ERROR");
                *now = stage(&self.work, "connect");
            }
            Event::StepEnded { number, status, .. } => tracing::debug!(
                target: TARGET,
                parent: &*now,
                {
                    anywhere.step.number = number,
                    anywhere.step.name = name(*number),
                    process.exit.code = status
                },
                "step"
            ),
            Event::Machine { .. }
            | Event::Facts(_)
            | Event::Following { .. }
            | Event::Sending { .. }
            | Event::Sent { .. }
            | Event::StepBegan { .. } => {}
        }
    }

    /// It has ended.
    pub(super) fn end(self, error: Option<&WorkError>) {
        let stage = self.stage.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some(error) = error.filter(|error| !error.is_stopped()) {
            stage.record("error.type", reason(error)).record("otel.status_code", "ERROR");
        }
    }
}

fn stage(work: &Span, name: &'static str) -> Span {
    tracing::debug_span!(
        target: TARGET,
        parent: work,
        "stage",
        otel.name = name,
        error.type = field::Empty,
        otel.status_code = field::Empty,
    )
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use opentelemetry::trace::{Status, TracerProvider as _};
    use opentelemetry_sdk::error::OTelSdkResult;
    use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};
    use remote::engine::Error;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[derive(Clone, Debug, Default)]
    struct Told(Arc<Mutex<Vec<SpanData>>>);

    impl SpanExporter for Told {
        async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(batch);
            Ok(())
        }
    }

    /// The spans that are made, in the order in which they ended: their names, what is said of each event, and whether they failed.
    fn told(make: impl FnOnce()) -> Vec<(String, Vec<String>, bool)> {
        let told = Told::default();
        let provider = SdkTracerProvider::builder().with_simple_exporter(told.clone()).build();
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), make);
        let spans = told.0.lock().unwrap_or_else(PoisonError::into_inner);
        let texts = spans.iter().map(|span| {
            let events = span.events.iter().map(|event| {
                let ours = event
                    .attributes
                    .iter()
                    .filter(|said| said.key.as_str().contains(".step.") || said.key.as_str().starts_with("process."));
                let words = ours.map(|said| said.value.to_string());
                words.collect::<Vec<_>>().join(" ")
            });
            let failed = matches!(span.status, Status::Error { .. });
            (span.name.to_string(), events.collect(), failed)
        });
        texts.collect()
    }

    fn connected() -> Event {
        Event::Connected {
            trusted_on_first_use: None,
        }
    }

    fn ended(number: usize, status: i32) -> Event {
        Event::StepEnded {
            number,
            status,
            took: Duration::ZERO,
            said: vec!["a secret".to_owned()],
        }
    }

    #[test]
    fn each_connection_is_a_stage_and_so_is_what_goes_on_by_it() {
        let lost = || Event::Reconnecting {
            after: Duration::ZERO,
            reason: "a secret".to_owned(),
        };
        let error = WorkError::Run(Error::Lost("a secret".to_owned()));
        let stopped = WorkError::Run(Error::Stopped);
        let of = |name: &str, events: &[&str], failed: bool| {
            (
                name.to_owned(),
                events.iter().map(ToString::to_string).collect::<Vec<_>>(),
                failed,
            )
        };
        for (events, error, stages) in [
            (vec![], Some(&error), vec![of("connect", &[], true)]),
            (vec![], Some(&stopped), vec![of("connect", &[], false)]),
            (
                vec![connected(), ended(1, 0), ended(2, 7)],
                None,
                vec![of("connect", &[], false), of("run", &["1 step1 0", "2 step2 7"], false)],
            ),
            (
                vec![connected(), ended(1, 0), lost(), connected(), ended(2, 0)],
                Some(&error),
                vec![
                    of("connect", &[], false),
                    of("run", &["1 step1 0"], true),
                    of("connect", &[], false),
                    of("run", &["2 step2 0"], true),
                ],
            ),
        ] {
            let found = told(|| {
                let work = tracing::debug_span!("work");
                let stages = Stages::begin(&work);
                for event in &events {
                    stages.take(event, |number| format!("step{number}"));
                }
                stages.end(error);
            });
            assert_eq!(found, [stages, vec![of("work", &[], false)]].concat(), "{events:?}");
        }
    }
}
