//! What can be asked for on the command line. Options are named as ssh(1) and kubectl name them, where they have one.

mod controller;

use std::path::PathBuf;

use clap::builder::{ArgAction, NonEmptyStringValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use controller::{BindAddress, ControllerArgs};

/// The longest time that can be given, in seconds: thirty days. A clock cannot count to just any number.
pub(crate) const MAX_SECONDS: u64 = 30 * 24 * 60 * 60;

/// Turns machines with an SSH server into Kubernetes nodes, with no agent on them.
///
/// Gives machines cloud-init over SSH: once, whole, resumable.
#[derive(Debug, Parser)]
#[command(
    name = "anywhere",
    version,
    max_term_width = 100,
    after_help = "Exit status: 0 all is well on all machines, 1 not on some, 2 bad input: no machine was touched."
)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show what apply would do on each machine, without connecting to any
    Plan(PlanArgs),
    /// Apply bootstrap data (cloud-init) to machines; steps that ended well are never run again
    Apply(ApplyArgs),
    /// Ask machines how they stand
    Status(StatusArgs),
    /// Look whether machines are fit before anything is done with them, and what they must not have in common; changes nothing
    Doctor(DoctorArgs),
    /// Show what the steps printed on a machine, secrets redacted
    Logs(LogsArgs),
    /// Give machines back: clean up, undo what runs made, prove that nothing is left
    Reset(ResetArgs),
    /// Print the CustomResourceDefinitions, for kubectl apply --server-side -f -
    Crds(CrdsArgs),
    /// Reconcile RemoteMachines, pools and RemoteClusters of a cluster, as a provider of Cluster API
    Controller(Box<ControllerArgs>),
    /// Print what runs the controller and the webhook in a cluster, for kubectl apply --server-side -f -
    Manifests(ManifestsArgs),
    /// Serve the conversion of objects between the versions of the API
    Webhook(WebhookArgs),
    /// Print the completions of a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
}

/// `anywhere plan`
#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    pub(crate) machines: MachineArgs,
    #[command(flatten)]
    pub(crate) bootstrap: BootstrapArgs,
    /// Facts that templates use: what `anywhere status -o json` printed of the machines, or one facts object for all of them
    #[arg(long, value_name = "FILE", conflicts_with = "connect")]
    pub(crate) facts: Option<PathBuf>,
    /// Ask the machines for the facts that templates use: only then does plan connect to any
    #[arg(long)]
    pub(crate) connect: bool,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
    /// How to show it: text, json, or sh, the program that a host would be sent; secrets are masked in each
    #[arg(short, long, value_enum, default_value_t)]
    pub(crate) output: PlanOutput,
}

/// `anywhere apply`
#[derive(Debug, Args)]
pub(crate) struct ApplyArgs {
    #[command(flatten)]
    pub(crate) machines: MachineArgs,
    #[command(flatten)]
    pub(crate) bootstrap: BootstrapArgs,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
    #[command(flatten)]
    pub(crate) run: RunArgs,
    /// Go on after a step that failed, as cloud-init does; the machine still counts as failed
    #[arg(long)]
    pub(crate) keep_going: bool,
    /// Run all steps again, also those that ended well
    #[arg(long)]
    pub(crate) rerun: bool,
    /// Run the command again that was interrupted, as the machine went down or the run there was killed
    #[arg(long)]
    pub(crate) rerun_interrupted: bool,
}

/// `anywhere status`
#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    pub(crate) machines: MachineArgs,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
    /// How to show it
    #[arg(short, long, value_enum, default_value_t)]
    pub(crate) output: StatusOutput,
}

/// `anywhere doctor`
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    pub(crate) machines: MachineArgs,
    #[command(flatten)]
    pub(crate) bootstrap: BootstrapArgs,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
    /// How to show it
    #[arg(short, long, value_enum, default_value_t)]
    pub(crate) output: Output,
}

/// `anywhere logs`
#[derive(Debug, Args)]
pub(crate) struct LogsArgs {
    #[command(flatten)]
    pub(crate) machines: MachineArgs,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

/// `anywhere reset`
#[derive(Debug, Args)]
pub(crate) struct ResetArgs {
    #[command(flatten)]
    pub(crate) machines: MachineArgs,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
    #[command(flatten)]
    pub(crate) run: RunArgs,
    /// Run this command instead of the built-in clean-up (may be repeated); `cleanUpCommands` of a RemoteMachine
    #[arg(long = "clean-up-command", value_name = "COMMAND", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) clean_up_commands: Vec<String>,
}

/// `anywhere crds`
#[derive(Debug, Args)]
pub(crate) struct CrdsArgs {
    /// Namespace of the Service that the API server reaches the conversion webhook by
    #[arg(long, default_value = "anywhere-system")]
    pub(crate) namespace: String,
    /// Name of that Service
    #[arg(long, default_value = "anywhere-webhook")]
    pub(crate) service_name: String,
    /// Have cert-manager put the CA of this Certificate into the definitions; for `anywhere webhook --certificate-dir`
    #[arg(long, value_name = "NAMESPACE/NAME", value_parser = certificate)]
    pub(crate) cert_manager: Option<String>,
}

/// `anywhere manifests`
#[derive(Debug, Args)]
pub(crate) struct ManifestsArgs {
    /// Namespace that they run in
    #[arg(long, default_value = "anywhere-system")]
    pub(crate) namespace: String,
    /// The image with this program in it
    #[arg(long, default_value = concat!("registry.example.org/anywhere:", env!("CARGO_PKG_VERSION")))]
    pub(crate) image: String,
    /// Print the definitions too, before all else: what clusterctl calls the components of a provider
    #[arg(long)]
    pub(crate) definitions: bool,
    /// Reconcile only objects in this namespace, and have permissions nowhere else [default: all namespaces]
    #[arg(long, value_name = "NAMESPACE", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) watch_namespace: Option<String>,
    /// Have the permissions to make the Jobs that spec.provisionJob asks for
    #[arg(long, value_name = "BOOLEAN", num_args = 0..=1, require_equals = true, default_value_t = true,
        default_missing_value = "true", action = ArgAction::Set)]
    pub(crate) provision_jobs: bool,
}

/// The name of an object with its namespace.
fn certificate(text: &str) -> Result<String, String> {
    match text.split_once('/') {
        Some((namespace, name)) if !namespace.is_empty() && !name.is_empty() && !name.contains('/') => Ok(text.to_owned()),
        Some(_) | None => Err("write NAMESPACE/NAME".to_owned()),
    }
}

/// `anywhere webhook`
#[derive(Debug, Args)]
pub(crate) struct WebhookArgs {
    /// Where to listen
    #[arg(long, env = "ANYWHERE_WEBHOOK_BIND", default_value = "0.0.0.0:9443")]
    pub(crate) bind: std::net::SocketAddr,
    /// Namespace of the Service and of the Secret with the CA
    #[arg(long, env = "POD_NAMESPACE", default_value = "anywhere-system")]
    pub(crate) namespace: String,
    /// Name of the Service that the API server reaches the webhook by
    #[arg(long, env = "ANYWHERE_WEBHOOK_SERVICE", default_value = "anywhere-webhook")]
    pub(crate) service_name: String,
    /// Name of the Secret with the CA, which all replicas share; it is made
    #[arg(long, env = "ANYWHERE_WEBHOOK_SECRET", default_value = "anywhere-webhook-ca")]
    pub(crate) secret_name: String,
    /// Have the API server reach the webhook at this address (https://host:port/convert) instead of by its Service
    #[arg(long, env = "ANYWHERE_WEBHOOK_URL")]
    pub(crate) url: Option<String>,
    /// Show the certificate in tls.crt and tls.key of this folder, and leave the definitions alone: cert-manager's way
    #[arg(long, env = "ANYWHERE_WEBHOOK_CERTIFICATE_DIR", value_name = "DIR")]
    pub(crate) certificate_dir: Option<PathBuf>,
    /// How long a CA is good for, in seconds; a new one is made when a third of that is left
    #[arg(long = "ca-lifetime", env = "ANYWHERE_WEBHOOK_CA_LIFETIME", value_name = "SECONDS", default_value_t = 90 * 24 * 60 * 60,
        value_parser = clap::value_parser!(i64).range(10..=10 * 365 * 24 * 60 * 60))]
    pub(crate) ca_lifetime_seconds: i64,
    /// The largest request that is read, in bytes; all that are worked on at a time are no larger together, and take four times as much
    /// memory
    #[arg(long, env = "ANYWHERE_WEBHOOK_MAX_BODY", value_name = "BYTES", default_value_t = 64 * 1024 * 1024)]
    pub(crate) max_body_bytes: usize,
}

impl WebhookArgs {
    /// What the environment says, and the defaults.
    ///
    /// # Errors
    /// When a variable has a value that means nothing.
    pub(crate) fn of_environment() -> Result<Self, clap::Error> {
        #[derive(Parser)]
        struct Environment {
            #[command(flatten)]
            args: WebhookArgs,
        }
        Environment::try_parse_from(["anywhere"]).map(|environment| environment.args)
    }
}

/// Which machines.
#[derive(Debug, Args)]
pub(crate) struct MachineArgs {
    /// Machines: [USER@]HOST[:PORT], or ssh://[USER@]HOST[:PORT]
    #[arg(value_name = "MACHINE")]
    pub(crate) targets: Vec<String>,
    /// Read machines from manifests: a file, a folder (its *.yaml, *.yml and *.json), or - for standard input
    #[arg(short, long = "filename", value_name = "PATH")]
    pub(crate) filenames: Vec<PathBuf>,
    /// User to log in as, for machines that do not say
    #[arg(short, long, value_name = "USER", default_value = "root", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) login: String,
    /// Port to connect to, for machines that do not say
    #[arg(short, long, default_value_t = 22, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) port: u16,
    /// Whose the machines are: a machine that carries another owner's run is refused. A RemoteMachine is its own owner
    #[arg(long, value_name = "NAME", default_value = "cli", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) owner: String,
    /// Run steps as the user who logs in, not as root by sudo (machines on the command line; a RemoteMachine says useSudo)
    #[arg(long)]
    pub(crate) no_sudo: bool,
}

/// What is to be applied.
#[derive(Debug, Args)]
pub(crate) struct BootstrapArgs {
    /// Bootstrap data (cloud-init's user-data in any form, or an Ignition config), for machines that no Machine object gives any; - for standard input
    #[arg(short, long, value_name = "FILE")]
    pub(crate) bootstrap_data: Option<PathBuf>,
    /// What the provider of the machines adds to all bootstrap data, of the same forms: where both say something, the bootstrap data
    /// wins
    #[arg(long, value_name = "FILE")]
    pub(crate) vendor_data: Option<PathBuf>,
    /// Put a file of this computer onto every machine (may be repeated); it may be large: LOCAL:/PATH[:MODE[:USER[:GROUP]]]
    #[arg(long = "file", value_name = "LOCAL:/PATH", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) files: Vec<String>,
    /// Let bootstrap data name files below this folder as sources of its write_files (may be repeated) [default: none]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) local_files: Vec<PathBuf>,
    /// Refuse bootstrap data that asks for anything this program does not do yet
    #[arg(long)]
    pub(crate) strict: bool,
    /// Run all runcmd entries as one script with set -e (machines on the command line)
    #[arg(long)]
    pub(crate) commands_as_script: bool,
    /// Folder of that script
    #[arg(long, value_name = "FOLDER", default_value = "/etc/k0smotron")]
    pub(crate) working_dir: String,
}

/// How machines are reached.
#[derive(Debug, Args)]
pub(crate) struct ConnectionArgs {
    /// Private key to log in with (may be repeated) [default: ~/.ssh/id_ed25519, id_ecdsa, id_rsa]; the agent's keys come after it
    #[arg(short, long = "identity", value_name = "FILE")]
    pub(crate) identities: Vec<PathBuf>,
    /// Certificate for a private key or a key of the agent (may be repeated); KEY-cert.pub beside a key is found by itself
    #[arg(long = "certificate", value_name = "FILE")]
    pub(crate) certificates: Vec<PathBuf>,
    /// File with the password to log in with, where keys are not enough
    #[arg(long, value_name = "FILE", env = "ANYWHERE_PASSWORD_FILE")]
    pub(crate) password_file: Option<PathBuf>,
    /// Ask for the password to log in with
    #[arg(short = 'k', long, conflicts_with = "password_file")]
    pub(crate) ask_password: bool,
    /// Go through these hosts, the first one reached first: [USER@]HOST[:PORT][,...]; for machines that do not say (jumpHosts)
    #[arg(short = 'J', long, value_name = "HOSTS")]
    pub(crate) jump: Option<String>,
    /// File with the passphrase of the private keys [default: asked for on a terminal]
    #[arg(long, value_name = "FILE", env = "ANYWHERE_PASSPHRASE_FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// File with the password that sudo asks for
    #[arg(long, value_name = "FILE", env = "ANYWHERE_SUDO_PASSWORD_FILE")]
    pub(crate) sudo_password_file: Option<PathBuf>,
    /// Ask for the password that sudo asks for
    #[arg(short = 'K', long, conflicts_with = "sudo_password_file")]
    pub(crate) ask_sudo_password: bool,
    /// File of known host keys [default: ~/.ssh/known_hosts; /etc/ssh/ssh_known_hosts is read too]
    #[arg(long, value_name = "FILE")]
    pub(crate) known_hosts: Option<PathBuf>,
    /// Whether host keys are believed, as ssh's StrictHostKeyChecking; a changed one never is
    #[arg(long, value_enum, default_value_t)]
    pub(crate) host_key_checking: HostKeyChecking,
    /// Seconds for a TCP connection; the key exchange and authentication have limits of their own
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=MAX_SECONDS))]
    pub(crate) connect_timeout: u64,
    /// Seconds for the key exchange
    #[arg(long, value_name = "SECONDS", default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..=MAX_SECONDS))]
    pub(crate) key_exchange_timeout: u64,
    /// Seconds for authentication
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=MAX_SECONDS))]
    pub(crate) authentication_timeout: u64,
    /// Seconds without a word from a machine after which the connection counts as lost
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(6..=MAX_SECONDS))]
    pub(crate) silence_timeout: u64,
    /// Machines worked on at the same time
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) parallel: u16,
}

/// How a run goes, and how it is told.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// Seconds that one step may take; the machine itself ends it then
    #[arg(long, value_name = "SECONDS", default_value_t = 1800, value_parser = clap::value_parser!(u64).range(1..=MAX_SECONDS))]
    pub(crate) step_timeout: u64,
    /// Seconds that a run may take
    #[arg(long, value_name = "SECONDS", default_value_t = 7200, value_parser = clap::value_parser!(u64).range(1..=MAX_SECONDS))]
    pub(crate) run_timeout: u64,
    /// How to tell what happens
    #[arg(short, long, value_enum, default_value_t)]
    pub(crate) output: Output,
    /// Tell of each step, also on machines where all is well
    #[arg(short, long)]
    pub(crate) verbose: bool,
}

/// Form of an output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people
    #[default]
    Text,
    /// One JSON object a line
    Json,
}

/// Form of a machine's status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum StatusOutput {
    /// For people
    #[default]
    Text,
    /// For people, with what each machine is
    Wide,
    /// One JSON object a machine and line, with what the machine is
    Json,
}

/// Form of a plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum PlanOutput {
    /// For people
    #[default]
    Text,
    /// One JSON object a machine and line
    Json,
    /// The program itself
    Sh,
}

/// ssh_config(5)'s StrictHostKeyChecking.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum HostKeyChecking {
    /// Only keys in known_hosts
    Yes,
    /// Remember the key of a machine that is not known yet
    #[default]
    AcceptNew,
    /// Believe any key: whoever answers gets the bootstrap data
    No,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
