//! `anywhere crds`: what `kubectl apply --server-side -f -` takes.

use ::crds::KINDS;
use ::crds::definition::{ServiceReference, custom_resource_definition, to_yaml};

use super::Exit;
use crate::cli::CrdsArgs;
use crate::input::Problem;
use crate::report::printer;

/// Prints all definitions, as documents of one text.
pub(super) fn crds(args: &CrdsArgs) -> Result<Exit, Vec<Problem>> {
    let service = ServiceReference {
        namespace: args.namespace.clone(),
        name: args.service_name.clone(),
        certificate: args.cert_manager.clone(),
    };
    for document in yaml(&service)? {
        printer::line("---");
        printer::bytes(document.as_bytes());
    }
    Ok(Exit::Well)
}

/// All definitions, for a webhook in this namespace.
pub(super) fn documents(namespace: &str) -> Result<Vec<String>, Vec<Problem>> {
    yaml(&ServiceReference {
        namespace: namespace.to_owned(),
        ..ServiceReference::default()
    })
}

/// All of them or none: what is printed is applied.
fn yaml(service: &ServiceReference) -> Result<Vec<String>, Vec<Problem>> {
    let documents = KINDS.map(|definition| to_yaml(&custom_resource_definition(definition, service)));
    let documents: Result<_, _> = documents.into_iter().collect();
    documents.map_err(|error| vec![Problem::new(error)])
}
