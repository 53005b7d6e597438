//! `anywhere crds`: what `kubectl apply --server-side -f -` takes.

use ::crds::KINDS;
use ::crds::definition::{Conversion, ServiceReference, custom_resource_definition, to_yaml};

use super::Exit;
use crate::cli::CrdsArgs;
use crate::input::Problem;
use crate::report::printer;

/// Prints all definitions, as documents of one text.
pub(super) fn crds(args: &CrdsArgs) -> Result<Exit, Vec<Problem>> {
    let conversion = Conversion::Service(ServiceReference {
        namespace: args.namespace.clone(),
        name: args.service_name.clone(),
        certificate: args.cert_manager.clone(),
    });
    let documents = KINDS.map(|definition| to_yaml(&custom_resource_definition(definition, &conversion)));
    // All of them or none: what is printed is applied.
    let documents: Vec<_> = documents
        .into_iter()
        .collect::<Result<_, _>>()
        .map_err(|error| vec![Problem::new(error)])?;
    for document in documents {
        printer::line("---");
        printer::bytes(document.as_bytes());
    }
    Ok(Exit::Well)
}
