//! The API types of the k0smotron groups, exactly as users write them; no I/O.
//!
//! One file per kind and version, with what turns one version into the other beside them. From these types come the
//! CustomResourceDefinitions ([`definition`]), and the tables that compare them with the contract.
//!
//! A field of a spec or a status is optional here wherever the API lets it be left out, also where the API server fills in a
//! default: so an object that is read and written back has the very fields it had.

pub mod bootstrap;
pub mod controlplane;
pub mod conversion;
pub mod definition;
pub mod infrastructure;
pub mod k0smotron;
pub mod object;
pub mod schema;
pub mod shared;

use definition::Definition;

/// All kinds, in the order in which they are listed and printed.
pub const KINDS: [&Definition; 14] = [
    &infrastructure::remote_machine::DEFINITION,
    &infrastructure::remote_machine_template::DEFINITION,
    &infrastructure::pooled_remote_machine::DEFINITION,
    &infrastructure::remote_cluster::DEFINITION,
    &infrastructure::remote_cluster_template::DEFINITION,
    &bootstrap::k0s_controller_config::DEFINITION,
    &bootstrap::k0s_worker_config::DEFINITION,
    &bootstrap::k0s_worker_config_template::DEFINITION,
    &controlplane::k0s_control_plane::DEFINITION,
    &controlplane::k0s_control_plane_template::DEFINITION,
    &controlplane::k0smotron_control_plane::DEFINITION,
    &controlplane::k0smotron_control_plane_template::DEFINITION,
    &k0smotron::cluster::DEFINITION,
    &k0smotron::join_token_request::DEFINITION,
];
