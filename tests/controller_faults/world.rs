//! A namespace filled as a seed says: machines at each point of their lives, pools, and all that stands around them.

use serde_json::{Value, json};
use testbed::{Machine as Host, Proxy};

use crate::api::{Api, Kind, condition, is_ready};
use crate::lab::on;
use crate::seed::Choices;
use crate::silent::Silent;

const GROUP_LABEL: &str = "cluster.x-k8s.io/watch-filter";

/// At which point of its life a machine is when it is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Just made.
    New,
    /// A command runs that does not end.
    AtWork,
    /// A command has failed.
    Failed,
    /// Provisioned.
    Ready,
}

impl Stage {
    pub(crate) fn draw(choices: &mut Choices) -> Self {
        match choices.below(5) {
            0 => Self::New,
            1 => Self::AtWork,
            2 => Self::Failed,
            _ => Self::Ready,
        }
    }

    pub(crate) fn data(self) -> String {
        let last = match self {
            Self::New | Self::Ready => "date",
            Self::AtWork => "touch /root/begun; while [ ! -e /root/go ]; do sleep 0.1; done",
            Self::Failed => "exit 7",
        };
        format!(
            "#cloud-config\nwrite_files:\n- path: /etc/edge/token\n  content: secret\nruncmd:\n- echo once >> /root/counted\n- {last}\n\
             - mkdir -p /run/cluster-api\n- touch /run/cluster-api/bootstrap-success.complete\n"
        )
    }

    pub(crate) fn is_there(self, machine: &Value, host: &Host) -> bool {
        match self {
            Self::New => true,
            Self::AtWork => on(host, "root/begun").exists(),
            Self::Failed => condition(machine, "Ready").1 == "StepFailed",
            Self::Ready => is_ready(machine),
        }
    }
}

/// What all seeds have in common.
pub(crate) struct Ground {
    pub(crate) dead: Proxy,
    pub(crate) silent: Silent,
    pub(crate) key: String,
}

/// The namespace of one seed, with all that is in it.
pub(crate) struct World<'a> {
    pub(crate) seed: u64,
    pub(crate) api: Api,
    pub(crate) choices: Choices,
    pub(crate) ground: &'a Ground,
    pub(crate) label: String,
    pub(crate) objects: Vec<(Kind, String)>,
    /// Hosts that something may be done on, and by which machine, brought how far.
    pub(crate) hosts: Vec<(Host, String, Stage)>,
    pub(crate) ports: u16,
}

impl World<'_> {
    pub(crate) fn make(&mut self, kind: Kind, name: &str, mut fields: Value) -> Value {
        fields["metadata"]["labels"][GROUP_LABEL] = self.label.clone().into();
        self.objects.push((kind, name.to_owned()));
        self.api.create(kind, name, fields)
    }

    pub(crate) fn name(&self, what: &str) -> String {
        format!("{what}-{}", self.seed)
    }

    /// Where nobody listens, each time another.
    pub(crate) fn dead(&mut self) -> Value {
        self.ports += 1;
        json!({ "address": self.ground.dead.address().to_string(), "port": self.ports, "user": "root", "sshKeyRef": { "name": self.key() } })
    }

    pub(crate) fn silent(&self) -> Value {
        let at = self.ground.silent.address();
        json!({
            "address": at.ip().to_string(), "port": at.port(), "user": "root", "sshKeyRef": { "name": self.key() },
            "timeouts": { "connectSeconds": 2 },
        })
    }

    pub(crate) fn at(&self, host: &Host) -> Value {
        json!({
            "address": host.address().to_string(), "port": host.port(), "user": "root", "sshKeyRef": { "name": self.key() },
        })
    }

    pub(crate) fn key(&self) -> String {
        self.name("key")
    }

    /// A RemoteMachine: with a Machine that owns it, with one that does not, or without one.
    pub(crate) fn machine(&mut self, name: &str, data: &str, spec: &Value, may_be_bare: bool) {
        let (has_machine, is_owned) = match self.choices.below(10) {
            0 if may_be_bare => (false, false),
            1 if may_be_bare => (true, false),
            _ => (true, true),
        };
        let mut metadata = json!({});
        if has_machine {
            let uid = self.api.owner(name, data);
            self.objects.push((Kind::Machine, name.to_owned()));
            self.objects.push((Kind::Secret, format!("{name}-data")));
            if is_owned {
                metadata["ownerReferences"] = json!([{
                    "apiVersion": "cluster.x-k8s.io/v1beta2", "kind": "Machine", "name": name, "uid": uid,
                    "controller": true, "blockOwnerDeletion": true,
                }]);
            }
        }
        self.make(Kind::RemoteMachine, name, json!({ "metadata": metadata, "spec": spec }));
    }

    pub(crate) fn entry(&mut self, name: &str, pool: &str, machine: &Value) {
        self.make(
            Kind::PooledRemoteMachine,
            name,
            json!({ "spec": { "pool": pool, "machine": machine } }),
        );
    }

    /// Makes all of it, as the seed says.
    pub(crate) fn fill(&mut self, hosts: &mut Vec<Host>) {
        let key = self.key();
        self.make(Kind::Secret, &key, json!({ "stringData": { "value": self.ground.key } }));
        let cluster = self.make(
            Kind::Cluster,
            "c",
            json!({ "spec": { "infrastructureRef": {
                "apiGroup": "infrastructure.cluster.x-k8s.io", "kind": "RemoteCluster", "name": "c",
            } } }),
        );
        let ready = json!({ "status": { "initialization": { "infrastructureProvisioned": true } } });
        self.api.patch_status(Kind::Cluster, "c", &ready);
        let owner = json!([{
            "apiVersion": "cluster.x-k8s.io/v1beta2", "kind": "Cluster", "name": "c", "uid": cluster["metadata"]["uid"],
        }]);
        self.make(
            Kind::RemoteCluster,
            "c",
            json!({ "metadata": { "ownerReferences": owner }, "spec": {} }),
        );
        let template = json!({ "spec": { "template": { "spec": { "pool": "edge" } } } });
        self.make(Kind::RemoteMachineTemplate, "t", template);

        if self.choices.happens(80) {
            let (host, stage) = (hosts.pop().unwrap(), Stage::draw(&mut self.choices));
            let (name, spec) = (self.name("own"), self.at(&host));
            self.machine(&name, &stage.data(), &spec, false);
            self.hosts.push((host, name, stage));
        }
        if self.choices.happens(80) {
            let (host, stage) = (hosts.pop().unwrap(), Stage::draw(&mut self.choices));
            let (name, entry, spec) = (self.name("claim"), self.name("entry"), self.at(&host));
            self.entry(&entry, "edge", &spec);
            self.machine(&name, &stage.data(), &json!({ "pool": "edge" }), false);
            self.hosts.push((host, name, stage));
        }
        if self.choices.happens(60) {
            let (name, spec) = (self.name("dead"), self.dead());
            self.machine(&name, &Stage::Ready.data(), &spec, true);
        }
        if self.choices.happens(40) {
            let (name, spec) = (self.name("silent"), self.silent());
            self.machine(&name, &Stage::Ready.data(), &spec, true);
        }
        if self.choices.happens(50) {
            // It may have got an entry that does not answer, or wait for one.
            let (name, entry) = (self.name("other"), self.name("gone"));
            if self.choices.happens(50) {
                let spec = self.dead();
                self.entry(&entry, "far", &spec);
            }
            self.machine(&name, &Stage::Ready.data(), &json!({ "pool": "far" }), true);
        }
        if self.choices.happens(40) {
            let (name, spec) = (self.name("free"), self.dead());
            self.entry(&name, "idle", &spec);
        }
    }

    /// One entry is quarantined: it does not answer, and its claim is gone already.
    pub(crate) fn quarantine(&mut self) -> Option<String> {
        if !self.choices.happens(40) {
            return None;
        }
        let (name, entry, spec) = (self.name("before"), self.name("kept"), self.dead());
        self.entry(&entry, "kept", &spec);
        self.machine(&name, &Stage::Ready.data(), &json!({ "pool": "kept" }), false);
        Some(name)
    }

    pub(crate) fn is_set(&self) -> bool {
        self.hosts.iter().all(|(host, name, stage)| {
            let machine = self.api.find(Kind::RemoteMachine, name);
            machine.is_some_and(|machine| stage.is_there(&machine, host))
        })
    }

    pub(crate) fn left(&self) -> Vec<String> {
        let kinds = [
            Kind::RemoteMachine,
            Kind::PooledRemoteMachine,
            Kind::RemoteMachineTemplate,
            Kind::RemoteCluster,
            Kind::Machine,
            Kind::Cluster,
        ];
        let name = |object: &Value| object["metadata"]["name"].as_str().unwrap().to_owned();
        let of = |kind| self.api.list(kind).iter().map(name).collect::<Vec<_>>();
        kinds.into_iter().flat_map(of).collect()
    }

    /// Each host is clean, or a Warning says that it is not; whatever ran, ran once.
    pub(crate) fn check(&self) -> usize {
        let events = self.api.list(Kind::Event);
        let mut dirty = 0;
        for (host, name, stage) in &self.hosts {
            let counted = std::fs::read_to_string(on(host, "root/counted")).unwrap_or_default();
            let context = format!("seed {}, {name} {stage:?} at {}", self.seed, host.address());
            assert!(counted.lines().count() <= 1, "{context}: {counted}");
            let traces = [
                "var/lib/anywhere",
                "etc/edge/token",
                "run/cluster-api/bootstrap-success.complete",
            ];
            let left: Vec<_> = traces.iter().filter(|path| on(host, path).exists()).collect();
            if left.is_empty() {
                continue;
            }
            dirty += 1;
            let is_named = |event: &&Value| {
                let note = event["note"].as_str().unwrap_or_default();
                event["type"] == "Warning" && note.contains(&host.address().to_string()) && note.contains("not")
            };
            let told = |event: &Value| format!("{} {} {}", event["regarding"]["name"], event["reason"], event["note"]);
            assert!(
                events.iter().any(|event| is_named(&event)),
                "{context}: {left:?} are left, and nobody says so\n{}",
                events.iter().map(told).collect::<Vec<_>>().join("\n")
            );
        }
        dirty
    }
}
