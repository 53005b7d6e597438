//! Which Node is that of a machine. Pure.
//!
//! A Node that carries the machine's provider ID is its Node. One that carries none is looked for in the ways of the original:
//! by the Machine's name, by the label that k0s is told to give, by the machine's address. One that carries another's provider ID
//! is never taken, and never written.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use crds::infrastructure::NodeMetadata;

use super::node::Node;

/// The label by which a Node names its Machine; k0s gives it when it is told to by its bootstrap data.
pub(crate) const MACHINE_NAME: &str = "k0smotron.io/machine-name";

/// The label with the host's name, which kubelet gives.
const HOSTNAME: &str = "kubernetes.io/hostname";

/// A machine that is provisioned, whose Node is looked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Wanted {
    /// Name of the RemoteMachine, which is in the namespace of its Cluster.
    pub(crate) remote_machine: String,
    /// UID of the RemoteMachine.
    pub(crate) uid: String,
    /// Name of its Machine.
    pub(crate) machine: String,
    /// `remote-machine://<address>:<port>`
    pub(crate) provider_id: String,
    /// IP addresses and names of the machine.
    pub(crate) addresses: Vec<String>,
    /// What its author wants the Node to have.
    pub(crate) metadata: NodeMetadata,
}

/// What was found for a machine.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Found<'a> {
    /// Its Node.
    Node(&'a Node),
    /// It has not joined yet.
    None,
    /// What would be its Node is somebody else's.
    Foreign {
        /// The Node's name.
        node: &'a str,
        /// Whose it is.
        provider_id: &'a str,
    },
    /// It could be any of these Nodes.
    Several(Vec<&'a str>),
}

impl Found<'_> {
    /// What a person has to be told, if anything.
    pub(crate) fn problem(&self, wanted: &Wanted) -> Option<String> {
        match self {
            Self::Node(_) | Self::None => None,
            Self::Foreign { node, provider_id } => Some(format!(
                "Node {node} has the providerID {provider_id}, and that of this machine is {}: it is left alone; delete the Node if \
                 it is an old one, or take the providerID out of the kubelet's or the cloud provider's configuration",
                wanted.provider_id
            )),
            Self::Several(nodes) => Some(format!(
                "the Node of this machine could be any of {}: none is written; delete those that are old",
                nodes.join(", ")
            )),
        }
    }
}

/// The Nodes of a cluster, by all that one is found by.
#[derive(Debug)]
pub(crate) struct Index<'a> {
    by_provider_id: HashMap<&'a str, Vec<&'a Node>>,
    by_name: HashMap<&'a str, Vec<&'a Node>>,
    by_label: HashMap<&'a str, Vec<&'a Node>>,
    by_address: HashMap<Address, Vec<&'a Node>>,
}

impl<'a> Index<'a> {
    /// Of all Nodes of a cluster.
    pub(crate) fn new(nodes: impl IntoIterator<Item = &'a Node>) -> Self {
        let mut index = Self {
            by_provider_id: HashMap::new(),
            by_name: HashMap::new(),
            by_label: HashMap::new(),
            by_address: HashMap::new(),
        };
        for node in nodes {
            index.by_name.entry(node.name()).or_default().push(node);
            if let Some(id) = node.provider_id() {
                index.by_provider_id.entry(id).or_default().push(node);
            }
            if let Some(machine) = node.label(MACHINE_NAME) {
                index.by_label.entry(machine).or_default().push(node);
            }
            // A kubelet that waits for a cloud provider tells no address, but its host's name. An address may be there twice, as
            // InternalIP and as ExternalIP.
            let told = node.status.addresses.iter().map(|address| address.address.as_str());
            let names = node.label(HOSTNAME).into_iter().chain([node.name()]);
            let addresses: BTreeSet<Address> = told.chain(names).filter_map(Address::of).collect();
            for address in addresses {
                index.by_address.entry(address).or_default().push(node);
            }
        }
        index
    }

    /// The Node of this machine.
    pub(crate) fn find(&self, wanted: &Wanted) -> Found<'a> {
        match self.by_provider_id.get(wanted.provider_id.as_str()).map(Vec::as_slice) {
            Some([node]) => return Found::Node(node),
            Some(nodes) => return several(nodes),
            None => {}
        }
        let machine = wanted.machine.as_str();
        let by_address = || {
            let addresses = wanted.addresses.iter().filter_map(|address| Address::of(address));
            let mut nodes: Vec<&'a Node> = Vec::new();
            for node in addresses.filter_map(|address| self.by_address.get(&address)).flatten() {
                if !nodes.iter().any(|known| known.name() == node.name()) {
                    nodes.push(node);
                }
            }
            nodes
        };
        let by_name = self.by_name.get(machine).or_else(|| self.by_label.get(machine)).cloned();
        choose(&by_name.unwrap_or_else(by_address))
    }
}

/// Of the Nodes that were found in one way.
fn choose<'a>(nodes: &[&'a Node]) -> Found<'a> {
    let unclaimed: Vec<&'a Node> = nodes.iter().copied().filter(|node| node.provider_id().is_none()).collect();
    match (unclaimed.as_slice(), nodes) {
        ([node], _) => Found::Node(node),
        ([], []) => Found::None,
        ([], [node, ..]) => Found::Foreign {
            node: node.name(),
            provider_id: node.provider_id().unwrap_or_default(),
        },
        (nodes, _) => several(nodes),
    }
}

fn several<'a>(nodes: &[&'a Node]) -> Found<'a> {
    let mut names: Vec<&str> = nodes.iter().map(|node| node.name()).collect();
    names.sort_unstable();
    Found::Several(names)
}

/// An address as it is compared. That of a loopback says nothing about which machine it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Address {
    Ip(IpAddr),
    Name(String),
}

impl Address {
    fn of(text: &str) -> Option<Self> {
        match text.trim_matches(['[', ']']).parse::<IpAddr>() {
            Ok(ip) if ip.is_loopback() || ip.is_unspecified() => None,
            Ok(ip) => Some(Self::Ip(ip.to_canonical())),
            Err(_) if text.is_empty() || text.eq_ignore_ascii_case("localhost") => None,
            Err(_) => Some(Self::Name(text.trim_end_matches('.').to_ascii_lowercase())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn node(name: &str, provider_id: &str, label: &str, addresses: &[&str]) -> Node {
        let addresses: Vec<_> = addresses
            .iter()
            .map(|address| json!({ "type": "InternalIP", "address": address }))
            .collect();
        let labels = if label.is_empty() {
            json!({})
        } else {
            json!({ MACHINE_NAME: label })
        };
        serde_json::from_value(json!({
            "metadata": { "name": name, "labels": labels },
            "spec": { "providerID": provider_id },
            "status": { "addresses": addresses },
        }))
        .unwrap()
    }

    fn found(machine: &str, addresses: &[&str], nodes: &[Node]) -> String {
        let wanted = Wanted {
            machine: machine.to_owned(),
            provider_id: "remote-machine://10.0.0.5:22".to_owned(),
            addresses: addresses.iter().map(|address| (*address).to_owned()).collect(),
            ..Wanted::default()
        };
        match Index::new(nodes).find(&wanted) {
            Found::Node(node) => node.name().to_owned(),
            Found::None => "none".to_owned(),
            Found::Foreign { node, provider_id } => format!("foreign {node} {provider_id}"),
            Found::Several(nodes) => format!("several {}", nodes.join(" ")),
        }
    }

    #[test]
    fn table() {
        const OURS: &str = "remote-machine://10.0.0.5:22";
        let cases: &[(&str, &[Node], &str)] = &[
            ("no node", &[], "none"),
            ("others only", &[node("a", "", "", &["10.0.0.6"])], "none"),
            (
                "by provider ID, before all else",
                &[node("a", OURS, "", &[]), node("m", "", "m", &["10.0.0.5"])],
                "a",
            ),
            ("by name", &[node("m", "", "", &[])], "m"),
            ("by label", &[node("a", "", "m", &[]), node("b", "", "n", &[])], "a"),
            (
                "by address",
                &[node("a", "", "", &["10.0.0.5"]), node("b", "", "", &["10.0.0.6"])],
                "a",
            ),
            (
                "by one of two addresses",
                &[node("a", "", "", &["10.0.0.9", "10.0.0.5"])],
                "a",
            ),
            ("an address given twice", &[node("a", "", "", &["10.0.0.5", "10.0.0.5"])], "a"),
            ("mapped IPv4", &[node("a", "", "", &["::ffff:10.0.0.5"])], "a"),
            (
                "name before address",
                &[node("a", "", "", &["10.0.0.5"]), node("m", "", "", &[])],
                "m",
            ),
            (
                "by its own name",
                &[node("host.example.org", "", "", &[])],
                "host.example.org",
            ),
            ("by DNS name", &[node("a", "", "", &["Host.Example.Org"])], "a"),
            (
                "a loopback says nothing",
                &[node("a", "", "", &["127.0.0.1", "localhost"])],
                "none",
            ),
            (
                "somebody else's is left alone",
                &[node("m", "cloud://1", "", &[])],
                "foreign m cloud://1",
            ),
            (
                "an old one beside a new one",
                &[node("a", "cloud://1", "", &["10.0.0.5"]), node("b", "", "", &["10.0.0.5"])],
                "b",
            ),
            (
                "two with the address",
                &[node("b", "", "", &["10.0.0.5"]), node("a", "", "", &["10.0.0.5"])],
                "several a b",
            ),
            (
                "two with the provider ID",
                &[node("a", OURS, "", &[]), node("b", OURS, "", &[])],
                "several a b",
            ),
            ("an empty provider ID is none", &[node("m", "", "", &[])], "m"),
        ];
        for (what, nodes, expected) in cases {
            let addresses = ["10.0.0.5", "host.example.org.", "127.0.0.1", "localhost"];
            assert_eq!(found("m", &addresses, nodes), *expected, "{what}");
        }
    }

    #[test]
    fn what_stands_in_the_way_is_told_with_the_way_out() {
        let wanted = Wanted {
            provider_id: "remote-machine://10.0.0.5:22".to_owned(),
            ..Wanted::default()
        };
        let foreign = Found::Foreign {
            node: "a",
            provider_id: "cloud://1",
        };
        let text = foreign.problem(&wanted).unwrap();
        assert!(text.contains("Node a has the providerID cloud://1") && text.contains("remote-machine://10.0.0.5:22"));
        let several = Found::Several(vec!["a", "b"]).problem(&wanted).unwrap();
        assert!(several.contains("any of a, b"), "{several}");
        assert_eq!(Found::None.problem(&wanted), None);
    }
}
