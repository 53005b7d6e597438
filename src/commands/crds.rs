//! `anywhere crds`: what `kubectl apply --server-side -f -` takes.

use ::crds::KINDS;
use ::crds::definition::{Conversion, ServiceReference, custom_resource_definition, to_yaml};

use super::Exit;
use crate::cli::CrdsArgs;
use crate::report::printer;

/// Prints all definitions, as documents of one text.
pub(super) fn crds(args: &CrdsArgs) -> Exit {
    let conversion = Conversion::Service(ServiceReference {
        namespace: args.namespace.clone(),
        name: args.service_name.clone(),
    });
    for definition in KINDS {
        printer::line("---");
        printer::bytes(to_yaml(&custom_resource_definition(definition, &conversion)).as_bytes());
    }
    Exit::Well
}
