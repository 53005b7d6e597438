//! `anywhere manifests`: what `kubectl apply --server-side -f -` takes.

use super::{Exit, crds};
use crate::cli::ManifestsArgs;
use crate::input::Problem;
use crate::install::{Installation, documents};
use crate::report::printer;

/// Prints what runs the controller and the webhook in a cluster, as documents of one text.
pub(super) fn manifests(args: &ManifestsArgs) -> Result<Exit, Vec<Problem>> {
    let definitions = if args.definitions {
        crds::documents(&args.namespace)?
    } else {
        Vec::new()
    };
    let objects = documents(&Installation {
        namespace: &args.namespace,
        image: &args.image,
        watch_namespace: args.watch_namespace.as_deref(),
        provision_jobs: args.provision_jobs,
    });
    let objects = objects.map_err(|error| vec![Problem::new(error)])?;
    for document in definitions.into_iter().chain(objects) {
        printer::line("---");
        printer::bytes(document.as_bytes());
    }
    Ok(Exit::Well)
}
