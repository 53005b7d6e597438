//! Objects in number, made on a server as if all of them had come to rest.

use serde_json::{Value, json};

use super::objects::{self, Kind, uid};
use super::requests::Request;
use super::server::Server;

/// How many of each.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// Clusters, among which Machines are shared out.
    pub(crate) clusters: usize,
    /// Machines, each with a provisioned RemoteMachine and a Secret of bootstrap data.
    pub(crate) machines: usize,
    /// Entries of a pool: half of them, at most, are those of RemoteMachines, the others are free.
    pub(crate) entries: usize,
    /// Whether the Nodes of the machines are there, in the cluster itself, and the kubeconfig by which they are found.
    pub(crate) nodes: bool,
}

impl Load {
    /// How many objects that is, Nodes and what a cluster has one of left out.
    pub(crate) fn objects(self) -> usize {
        self.clusters + 3 * self.machines + self.entries
    }

    /// Makes all of them.
    pub(crate) fn make(self, server: &Server) -> Result<(), String> {
        let requests = &server.requests;
        let make = |all: Vec<Request>| requests.all(&all);
        let cluster = |index: usize| format!("c{}", index % self.clusters);
        let machine = |index: usize| format!("workers-abcde-{index:05}");
        let each = |of: &dyn Fn(usize) -> Request| (0..self.machines).map(of).collect::<Vec<_>>();

        make(
            (0..self.clusters)
                .map(|index| Kind::Cluster.create(objects::cluster(&cluster(index))))
                .collect(),
        )?;
        make(
            (0..self.clusters)
                .map(|index| Kind::Cluster.stands(&cluster(index), &objects::cluster_is_ready()))
                .collect(),
        )?;
        make(vec![Kind::Secret.create(objects::secret("key", &json!({ "value": "none" })))])?;
        if self.nodes {
            let kubeconfig = std::fs::read_to_string(server.kubeconfig()).map_err(|error| error.to_string())?;
            let secret = |index: usize| objects::secret(&format!("c{index}-kubeconfig"), &json!({ "value": kubeconfig }));
            make((0..self.clusters).map(|index| Kind::Secret.create(secret(index))).collect())?;
            make(each(&|index| {
                Request::create("/api/v1/nodes", objects::node(&machine(index), &objects::address(index)))
            }))?;
        }
        make(each(&|index| {
            let values = json!({ "value": objects::bootstrap_data(index), "format": "cloud-config" });
            Kind::Secret.create(objects::secret(&format!("{}-data", machine(index)), &values))
        }))?;
        let owners = make(each(&|index| {
            Kind::Machine.create(objects::machine(&machine(index), &cluster(index)))
        }))?;
        let with_entry = self.machines.min(self.entries / 2);
        let entry = |index: usize| format!("rack-{index:05}");
        let provisioned = |index: usize| {
            let owner = owners.get(index).map_or("", uid);
            let entry = (index < with_entry).then(|| entry(index));
            objects::provisioned(&machine(index), &cluster(index), owner, index, entry.as_deref())
        };
        let holders: Vec<Value> = make(each(&|index| Kind::RemoteMachine.create(provisioned(index).0)))?;
        make(each(&|index| {
            Kind::RemoteMachine.stands(&machine(index), &provisioned(index).1)
        }))?;
        // Those that nobody has are elsewhere.
        let address = |index: usize| objects::address(if index < with_entry { index } else { index + self.machines });
        make(
            (0..self.entries)
                .map(|index| {
                    let mut object = objects::entry(&entry(index), &address(index), 22);
                    if let (true, Some(metadata)) = (
                        index < with_entry,
                        object.pointer_mut("/metadata").and_then(Value::as_object_mut),
                    ) {
                        metadata.insert("finalizers".to_owned(), json!(["pooledremotemachine.k0smotron.io/finalizer"]));
                    }
                    Kind::Entry.create(object)
                })
                .collect(),
        )?;
        let status = |index: usize| {
            let name = machine(index);
            let holder = holders
                .get(index)
                .filter(|_| index < with_entry)
                .map(|made| (name.as_str(), uid(made)));
            objects::entry_status(&address(index), holder)
        };
        make(
            (0..self.entries)
                .map(|index| Kind::Entry.stands(&entry(index), &status(index)))
                .collect(),
        )?;
        Ok(())
    }
}
