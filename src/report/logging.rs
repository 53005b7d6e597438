//! What servers tell while they run: one JSON object a line, on standard error, and spans for a collector, where one is named.

use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use super::traces::{TARGET, Traces};
use crate::input::Problem;

/// What goes on telling.
#[must_use]
pub(crate) struct Logging(Option<Traces>);

impl Logging {
    /// Has the collector told what it was not told yet, within a bound. Lines go on.
    pub(crate) async fn finish(self) {
        if let Some(traces) = self.0 {
            traces.flush().await;
        }
    }
}

/// What is logged: nothing of spans, whatever is asked for.
fn filter() -> EnvFilter {
    let filter = EnvFilter::builder()
        .with_default_directive(LevelFilter::INFO.into())
        .from_env_lossy();
    match format!("{TARGET}=off").parse() {
        Ok(quiet) => filter.add_directive(quiet),
        Err(_) => filter,
    }
}

/// Begins, within a runtime. What is logged is for `RUST_LOG` to choose; if it says nothing, all that is worth a look in ordinary times.
///
/// # Errors
/// Where the variables for a collector of spans say what cannot be.
pub(crate) fn start() -> Result<Logging, Vec<Problem>> {
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_writer(std::io::stderr);
    let traces = Traces::of_environment().map_err(|problem| vec![problem])?;
    match &traces {
        None => tracing_subscriber::registry().with(lines).with(filter()).init(),
        Some(traces) => tracing_subscriber::registry()
            .with(lines.with_filter(filter()))
            .with(traces.layer())
            .init(),
    }
    Ok(Logging(traces))
}
