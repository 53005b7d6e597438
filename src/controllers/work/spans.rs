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
