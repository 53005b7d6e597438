//! `anywhere controller`: reconciles until it is told to stop.

use super::{Exit, with_runtime};
use crate::cli::ControllerArgs;
use crate::controllers;
use crate::input::Problem;
use crate::report::logging;

/// Reconciles the infrastructure group.
pub(super) fn controller(args: &ControllerArgs) -> Result<Exit, Vec<Problem>> {
    logging::start();
    match with_runtime(|cancel| async move { controllers::run(args, &cancel).await })? {
        Ok(()) => Ok(Exit::Well),
        Err(error) => {
            tracing::error!(%error, "the controller has ended");
            Ok(Exit::Failed)
        }
    }
}
