//! `anywhere webhook`: serves until it is told to stop.

use super::{Exit, with_runtime};
use crate::cli::WebhookArgs;
use crate::input::Problem;
use crate::report::logging;
use crate::webhook;

/// Serves the conversion of objects.
pub(super) fn webhook(args: &WebhookArgs) -> Result<Exit, Vec<Problem>> {
    let ended = with_runtime(|cancel| async move {
        let logging = logging::start()?;
        let ended = webhook::run(args, &cancel).await;
        logging.finish().await;
        Ok::<_, Vec<Problem>>(ended)
    })??;
    match ended {
        Ok(()) => Ok(Exit::Well),
        Err(error) => {
            tracing::error!(%error, "the webhook has ended");
            Ok(Exit::Failed)
        }
    }
}
