//! Fields that several kinds of this group have, written once.
//!
//! Not by `#[serde(flatten)]`: what is wrong with a flattened field is told without its name, and fields that nobody knows are not
//! noticed beside one.

/// Adds groups of fields to a struct: `login` (how the machine is logged in to), `run` (how bootstrap data is applied there) and
/// `claim` (which entry of a pool is taken).
macro_rules! fields {
    ([] $(#[$attribute:meta])* pub struct $name:ident { $($body:tt)* }) => {
        $(#[$attribute])*
        pub struct $name { $($body)* }
    };
    ([login $($more:ident)*] $(#[$attribute:meta])* pub struct $name:ident { $($body:tt)* }) => {
        $crate::infrastructure::fields::fields! {
            [$($more)*]
            $(#[$attribute])*
            pub struct $name {
                $($body)*
                /// TCP port of the SSH server.
                #[schemars(
                    with = "Option<crate::schema::Integer>",
                    extend("default" = 22, "x-kubernetes-validations" = crate::infrastructure::rules::PORT),
                )]
                pub port: Option<u16>,
                /// User to log in as.
                #[schemars(extend("default" = "root"))]
                pub user: Option<String>,
                /// Whether steps run as root by sudo.
                pub use_sudo: Option<bool>,
                /// Whether all commands run as one script, `<workingDir>/k0s_install.sh`, with `set -e`.
                #[schemars(extend("default" = false))]
                pub commands_as_script: Option<bool>,
                /// Folder of that script.
                #[schemars(extend("default" = "/etc/k0smotron"))]
                pub working_dir: Option<String>,
                /// Ours: the machine proves itself with one of these keys and no other. Each is a public key
                /// (`ssh-ed25519 AAAA...`) or a fingerprint (`SHA256:...`).
                pub host_keys: Option<Vec<String>>,
                /// Ours: or with a host certificate by one of these authorities, given as public keys.
                pub host_certificate_authorities: Option<Vec<String>>,
                /// Ours: the SSH servers on the way to the machine, the first one reached first.
                pub jump_hosts: Option<Vec<crate::infrastructure::JumpHost>>,
                /// Ours: an OpenSSH certificate for the private key.
                pub ssh_certificate_ref: Option<crate::shared::SecretValueRef>,
                /// Ours: the user's password, for machines that take no keys or ask for more than one.
                pub ssh_password_ref: Option<crate::shared::SecretValueRef>,
                /// Ours: the password that sudo asks for.
                pub sudo_password_ref: Option<crate::shared::SecretValueRef>,
            }
        }
    };
    ([run $($more:ident)*] $(#[$attribute:meta])* pub struct $name:ident { $($body:tt)* }) => {
        $crate::infrastructure::fields::fields! {
            [$($more)*]
            $(#[$attribute])*
            pub struct $name {
                $($body)*
                /// Ours: how long things may take.
                pub timeouts: Option<crate::infrastructure::Timeouts>,
                /// Ours: whether a command is run again that was interrupted: the machine went down, or the run there was killed.
                /// Otherwise such a machine has failed: nobody but its author can know whether a command may run twice.
                pub rerun_interrupted: Option<bool>,
                /// Ours: what the Node of the machine is given once it has joined.
                pub node: Option<crate::infrastructure::NodeMetadata>,
            }
        }
    };
    ([claim $($more:ident)*] $(#[$attribute:meta])* pub struct $name:ident { $($body:tt)* }) => {
        $crate::infrastructure::fields::fields! {
            [$($more)*]
            $(#[$attribute])*
            pub struct $name {
                $($body)*
                /// Ours: only entries of the pool are taken whose labels this selects, as in any label selector of Kubernetes.
                pub pool_selector: Option<
                    crate::schema::Foreign<k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector>,
                >,
                /// Ours: only entries of this failure domain are taken.
                #[schemars(length(min = 1, max = 256))]
                pub failure_domain: Option<String>,
            }
        }
    };
}

pub(crate) use fields;
