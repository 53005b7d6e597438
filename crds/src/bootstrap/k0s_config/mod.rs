//! How k0s is configured on a machine of the control plane: what K0sControllerConfig and K0sControlPlane have in common.

pub mod v1beta1;
pub mod v1beta2;

/// What of a configuration below `$prefix` has another place in v1beta2, and what else has.
macro_rules! moves {
    ($prefix:literal $(, $more:expr)*) => {
        &[
            Move::new(concat!($prefix, "preStartCommands"), concat!($prefix, "preK0sCommands")),
            Move::new(concat!($prefix, "postStartCommands"), concat!($prefix, "postK0sCommands")),
            Move::new(concat!($prefix, "ignition"), concat!($prefix, "provisioner.ignition")),
            Move::new(concat!($prefix, "customUserDataRef"), concat!($prefix, "provisioner.customUserDataRef")),
            $($more,)*
        ]
    };
}

/// In v1beta1, whoever says how Ignition is made asks for Ignition.
macro_rules! derived_type {
    ($prefix:literal) => {
        Derived::constant(
            Version::V1Beta2,
            concat!($prefix, "provisioner.type"),
            "ignition",
            concat!($prefix, "provisioner.ignition"),
        )
    };
}

pub(crate) use {derived_type, moves};
