//! `anywhere controller`. Options that the original has are spelled as there; each can be given by the environment, too.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use clap::Args;
use clap::builder::{ArgAction, NonEmptyStringValueParser};

use super::MAX_SECONDS;

/// `anywhere controller`
#[derive(Clone, Debug, Args)]
pub(crate) struct ControllerArgs {
    /// Reconcile only objects in this namespace [default: all namespaces]
    #[arg(long, env = "ANYWHERE_NAMESPACE", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) namespace: Option<String>,
    /// Reconcile only objects of ours that carry the label cluster.x-k8s.io/watch-filter with this value
    #[arg(long, env = "ANYWHERE_WATCH_FILTER", value_name = "VALUE", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) watch_filter: Option<String>,
    /// Objects of each kind that are reconciled at the same time; work on hosts is not counted here
    #[arg(long, env = "ANYWHERE_CONCURRENCY", value_name = "N", default_value_t = 10,
        value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) concurrency: u16,
    /// Make the Jobs that spec.provisionJob asks for; whoever may write RemoteMachines can have any Pod run by that
    #[arg(long, env = "ANYWHERE_PROVISION_JOBS", value_name = "BOOLEAN", num_args = 0..=1, require_equals = true, default_value_t = true,
        default_missing_value = "true", action = ArgAction::Set)]
    pub(crate) provision_jobs: bool,
    /// Hosts worked on at the same time
    #[arg(long, env = "ANYWHERE_MAX_HOSTS", value_name = "N", default_value_t = 100,
        value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) max_hosts: u16,
    /// Seconds after which a deleted RemoteMachine lets go of a host that cannot be cleaned
    #[arg(long = "clean-timeout", env = "ANYWHERE_CLEAN_TIMEOUT", value_name = "SECONDS", default_value_t = 600,
        value_parser = clap::value_parser!(u64).range(1..=MAX_SECONDS))]
    pub(crate) clean_timeout_seconds: u64,
    /// Work only while holding a Lease that several replicas share
    #[arg(long, env = "ANYWHERE_LEADER_ELECT", num_args = 0..=1, require_equals = true, default_value_t = false,
        default_missing_value = "true", action = ArgAction::Set)]
    pub(crate) leader_elect: bool,
    /// Namespace of that Lease
    #[arg(long, env = "POD_NAMESPACE", value_name = "NAMESPACE", default_value = "anywhere-system")]
    pub(crate) leader_election_namespace: String,
    /// Name of that Lease
    #[arg(
        long,
        env = "ANYWHERE_LEADER_ELECTION_ID",
        value_name = "NAME",
        default_value = "anywhere-controller"
    )]
    pub(crate) leader_election_id: String,
    /// Seconds after which a Lease that is not renewed is free for another replica
    #[arg(long = "leader-election-lease-duration", env = "ANYWHERE_LEASE_DURATION", value_name = "SECONDS", default_value_t = 15,
        value_parser = clap::value_parser!(u64).range(3..=3600))]
    pub(crate) lease_seconds: u64,
    /// Where /healthz and /readyz are served: [ADDRESS]:PORT, or 0 for nowhere
    #[arg(
        long,
        env = "ANYWHERE_HEALTH_PROBE_BIND_ADDRESS",
        value_name = "ADDRESS",
        default_value = ":8081"
    )]
    pub(crate) health_probe_bind_address: BindAddress,
    /// Where /metrics is served: [ADDRESS]:PORT, or 0 for nowhere
    #[arg(
        long,
        alias = "diagnostics-address",
        env = "ANYWHERE_METRICS_BIND_ADDRESS",
        value_name = "ADDRESS",
        default_value = ":8080"
    )]
    pub(crate) metrics_bind_address: BindAddress,
    /// Serve the conversion webhook as well, set up by the environment variables of `anywhere webhook`
    #[arg(long, env = "ANYWHERE_WEBHOOK")]
    pub(crate) webhook: bool,
}

/// Where to listen, as Go's programs have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BindAddress {
    /// `0`: nowhere.
    Nowhere,
    /// `:PORT`: at all addresses of this computer.
    Everywhere(u16),
    /// `ADDRESS:PORT`
    At(SocketAddr),
}

impl BindAddress {
    /// The addresses to try, one after the other: a computer may have no IPv6.
    pub(crate) fn candidates(self) -> Vec<SocketAddr> {
        match self {
            Self::Nowhere => Vec::new(),
            Self::Everywhere(port) => vec![(Ipv6Addr::UNSPECIFIED, port).into(), (Ipv4Addr::UNSPECIFIED, port).into()],
            Self::At(address) => vec![address],
        }
    }
}

impl FromStr for BindAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "0" {
            return Ok(Self::Nowhere);
        }
        let wrong = || "write :PORT, ADDRESS:PORT with an IP address, or 0 for nowhere".to_owned();
        match text.strip_prefix(':') {
            Some(port) => port.parse().map(Self::Everywhere).map_err(|_| wrong()),
            None => text.parse().map(Self::At).map_err(|_| wrong()),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test that cannot be set up fails
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Alone {
        #[command(flatten)]
        args: ControllerArgs,
    }

    fn parsed(arguments: &[&str]) -> ControllerArgs {
        Alone::try_parse_from([&["controller"], arguments].concat()).unwrap().args
    }

    #[test]
    fn addresses_are_written_as_go_does() {
        for (text, address) in [
            ("0", Ok(BindAddress::Nowhere)),
            (":8081", Ok(BindAddress::Everywhere(8081))),
            ("127.0.0.1:8080", Ok(BindAddress::At(([127, 0, 0, 1], 8080).into()))),
            ("[::1]:1", Ok(BindAddress::At((Ipv6Addr::LOCALHOST, 1).into()))),
        ] {
            assert_eq!(text.parse::<BindAddress>(), address, "{text}");
        }
        for text in ["", "8081", ":", ":65536", "localhost:8080"] {
            assert!(text.parse::<BindAddress>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_leader_is_elected_where_that_is_said() {
        assert!(!parsed(&[]).leader_elect);
        assert!(parsed(&["--leader-elect"]).leader_elect);
        assert!(parsed(&["--leader-elect=true"]).leader_elect);
        assert!(!parsed(&["--leader-elect=false"]).leader_elect);
    }
}
