//! `anywhere controller`: reconciles until it is told to stop.

use tokio_util::sync::CancellationToken;

use super::{Exit, with_runtime};
use crate::cli::{ControllerArgs, WebhookArgs};
use crate::input::Problem;
use crate::report::logging;
use crate::{controllers, webhook};

/// Reconciles the infrastructure group, and converts its objects where that is asked for.
pub(super) fn controller(args: &ControllerArgs) -> Result<Exit, Vec<Problem>> {
    let webhook = args.webhook.then(WebhookArgs::of_environment).transpose();
    let webhook = webhook.map_err(|error| vec![Problem(format!("--webhook: {error}"))])?;
    let (controller, webhook) = with_runtime(|cancel| async move {
        let logging = logging::start()?;
        let ended = tokio::join!(
            until(controllers::run(args, &cancel), &cancel),
            until(serve(webhook.as_ref(), &cancel), &cancel)
        );
        logging.finish().await;
        Ok::<_, Vec<Problem>>(ended)
    })??;
    if let Err(error) = &controller {
        tracing::error!(%error, "the controller has ended");
    }
    if let Err(error) = &webhook {
        tracing::error!(%error, "the webhook has ended");
    }
    Ok(if controller.is_ok() && webhook.is_ok() {
        Exit::Well
    } else {
        Exit::Failed
    })
}

/// Serves all the time, also while another replica leads: each of them is asked.
async fn serve(args: Option<&WebhookArgs>, cancel: &CancellationToken) -> Result<(), webhook::WebhookError> {
    match args {
        Some(args) => webhook::run(args, cancel).await,
        None => {
            cancel.cancelled().await;
            Ok(())
        }
    }
}

/// Where one of two ends, the other one is to end as well.
async fn until<T>(work: impl Future<Output = T>, cancel: &CancellationToken) -> T {
    let ended = work.await;
    cancel.cancel();
    ended
}
