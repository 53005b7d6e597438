//! `anywhere webhook`: serves until it is told to stop.

use super::{Exit, with_runtime};
use crate::cli::WebhookArgs;
use crate::input::Problem;
use crate::report::logging;
use crate::webhook;

/// Serves the conversion of objects.
pub(super) fn webhook(args: &WebhookArgs) -> Result<Exit, Vec<Problem>> {
    logging::start();
    match with_runtime(|cancel| async move { webhook::run(args, &cancel).await })? {
        Ok(()) => Ok(Exit::Well),
        Err(error) => {
            tracing::error!(%error, "the webhook has ended");
            Ok(Exit::Failed)
        }
    }
}
