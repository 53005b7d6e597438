//! One workload cluster: its Nodes are watched, and given what they lack.
//!
//! The Secret with the kubeconfig is read anew when it changes, and when the cluster stops to take it. A cluster that cannot be
//! reached costs one request at a time, less and less often, and nobody but itself.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, Patch, PatchParams};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Client, ResourceExt};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::access::{self, AccessError};
use super::matching::{Found, Index, Wanted};
use super::members::secret_of;
use super::node::Node;
use super::patch::patch;
use crate::controllers::api::FIELD_MANAGER;
use crate::manifest::Key;

/// How long one request may take.
const DEADLINE: Duration = Duration::from_secs(15);

/// What happens within this time is looked at together: a kubelet that joins writes its Node several times a second.
const TOGETHER: Duration = Duration::from_millis(200);

/// Requests at a time to one workload cluster.
const AT_ONCE: usize = 8;

/// How long it waits before it tries again what has failed: first, and at most.
const AGAIN: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// Something that a person wants to know of a machine's Node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    /// Whose it is.
    pub(crate) cluster: Key,
    /// Name of the RemoteMachine.
    pub(crate) remote_machine: String,
    /// UID of the RemoteMachine.
    pub(crate) uid: String,
    /// What there is to be told.
    pub(crate) what: News,
}

/// What there is to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// The Node of this name was found, and was given what it lacked.
    Written(String),
    /// Why no Node was written.
    Problem(String),
}

/// What the cluster's task is to do.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Work {
    /// Sorted by name.
    pub(crate) members: Arc<[Wanted]>,
    /// How often the Secret with the kubeconfig has changed.
    pub(crate) kubeconfig: u64,
}

/// A cluster, from the management cluster's side.
#[derive(Clone)]
pub(crate) struct Follow {
    /// Which.
    pub(crate) cluster: Key,
    /// The management cluster.
    pub(crate) management: Client,
    /// To where it is told.
    pub(crate) tell: mpsc::Sender<Told>,
}

/// Why the Nodes could not be watched.
#[derive(Debug, thiserror::Error)]
enum FollowError {
    #[error("no Secret {0} in this namespace yet")]
    NoSecret(String),
    #[error("the Secret {0} has no {value}", value = access::VALUE)]
    NoValue(String),
    #[error("cannot read the Secret {0}: {1}")]
    Secret(String, String),
    #[error("{0}")]
    Access(#[from] AccessError),
    #[error("cannot watch the Nodes: {0}")]
    Watch(String),
}

impl FollowError {
    /// Whether nothing but another Secret helps, whose coming is seen.
    fn is_the_secret(&self) -> bool {
        match self {
            Self::NoSecret(_) | Self::NoValue(_) | Self::Access(_) => true,
            Self::Secret(..) | Self::Watch(_) => false,
        }
    }
}

/// Looks after the Nodes of one cluster until it is cancelled.
pub(crate) async fn follow(follow: Follow, mut work: watch::Receiver<Work>, cancel: CancellationToken) {
    let mut wait = AGAIN.0;
    let mut complained = String::new();
    while !cancel.is_cancelled() {
        let kubeconfig = work.borrow_and_update().kubeconfig;
        let session = async {
            let api = Api::all(follow.client().await?);
            let mut session = Session::new(&follow, api, kubeconfig);
            session.run(&mut work).await.map(|()| session.has_seen)
        };
        let Some(ended) = cancel.run_until_cancelled(session).await else {
            return;
        };
        let (has_seen, why) = match ended {
            Ok(has_seen) => (has_seen, None),
            Err(error) => (false, Some(error)),
        };
        let Some(why) = why else {
            // The Secret has changed.
            wait = if has_seen { AGAIN.0 } else { wait };
            continue;
        };
        let is_the_secret = why.is_the_secret();
        let why = why.to_string();
        // Once is enough for the same thing.
        if why != complained {
            tracing::warn!(namespace = follow.cluster.namespace, cluster = follow.cluster.name, %why, "cannot look after Nodes");
            complained = why;
        }
        let again = Instant::now() + wait;
        wait = (wait * 2).min(AGAIN.1);
        let changed = async {
            let has_changed = work.wait_for(|work| work.kubeconfig != kubeconfig).await.is_ok();
            if !has_changed {
                // Nobody wants anything any more; the one who cancels is about to.
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            () = cancel.cancelled() => return,
            () = changed => wait = AGAIN.0,
            () = sleep_until(again), if !is_the_secret => {}
        }
    }
}

impl Follow {
    /// A client for the workload cluster, of the kubeconfig as it is now.
    async fn client(&self) -> Result<Client, FollowError> {
        let name = secret_of(&self.cluster);
        let secrets: Api<Secret> = Api::namespaced(self.management.clone(), &self.cluster.namespace);
        let secret = match tokio::time::timeout(DEADLINE, secrets.get_opt(&name)).await {
            Ok(Ok(Some(secret))) => secret,
            Ok(Ok(None)) => return Err(FollowError::NoSecret(name)),
            Ok(Err(error)) => return Err(FollowError::Secret(name, error.to_string())),
            Err(_) => return Err(FollowError::Secret(name, "no answer within 15 s".to_owned())),
        };
        let value = secret.data.as_ref().and_then(|data| data.get(access::VALUE));
        let value = value.ok_or(FollowError::NoValue(name))?;
        Ok(access::client(&value.0).await?)
    }
}

/// As long as one kubeconfig is good.
struct Session<'a> {
    follow: &'a Follow,
    api: Api<Node>,
    kubeconfig: u64,
    nodes: BTreeMap<String, Node>,
    /// What a watch that begins has listed so far.
    listed: BTreeMap<String, Node>,
    /// Whether the Nodes were seen, all of them.
    has_seen: bool,
    /// What was told already, by UID.
    told: HashMap<String, String>,
    wait: Duration,
}

impl<'a> Session<'a> {
    fn new(follow: &'a Follow, api: Api<Node>, kubeconfig: u64) -> Self {
        Self {
            follow,
            api,
            kubeconfig,
            nodes: BTreeMap::new(),
            listed: BTreeMap::new(),
            has_seen: false,
            told: HashMap::new(),
            wait: AGAIN.0,
        }
    }

    /// Until the kubeconfig changes, or is not good any more.
    async fn run(&mut self, work: &mut watch::Receiver<Work>) -> Result<(), FollowError> {
        let watched = watcher(self.api.clone(), watcher::Config::default()).default_backoff();
        let mut watched = std::pin::pin!(watched);
        // When there is something to be looked at.
        let mut due: Option<Instant> = None;
        loop {
            let now_due = async {
                match due {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                event = watched.next() => match event {
                    Some(Ok(event)) => {
                        if self.see(event) {
                            due = Some(due.unwrap_or_else(|| Instant::now() + TOGETHER));
                        }
                    }
                    Some(Err(error)) if !self.has_seen || is_refused(&error) => {
                        return Err(FollowError::Watch(error.to_string()));
                    }
                    // The watch goes on by itself, and does not hurry.
                    Some(Err(error)) => tracing::debug!(%error, cluster = self.follow.cluster.name, "the watch of Nodes broke"),
                    None => return Err(FollowError::Watch("the watch has ended".to_owned())),
                },
                changed = work.changed() => {
                    if changed.is_err() || work.borrow().kubeconfig != self.kubeconfig {
                        return Ok(());
                    }
                    due = Some(due.unwrap_or_else(Instant::now));
                }
                () = now_due => {
                    let members = Arc::clone(&work.borrow().members);
                    due = if !self.has_seen || self.pass(&members).await {
                        self.wait = AGAIN.0;
                        None
                    } else {
                        let at = Instant::now() + self.wait;
                        self.wait = (self.wait * 2).min(AGAIN.1);
                        Some(at)
                    };
                }
            }
        }
    }

    /// Takes in what the watch has seen; whether that changes anything.
    fn see(&mut self, event: watcher::Event<Node>) -> bool {
        match event {
            watcher::Event::Init => {
                self.listed.clear();
                false
            }
            watcher::Event::InitApply(node) => {
                self.listed.insert(node.name_any(), trimmed(node));
                false
            }
            watcher::Event::InitDone => {
                self.nodes = std::mem::take(&mut self.listed);
                self.has_seen = true;
                true
            }
            watcher::Event::Apply(node) => {
                let node = trimmed(node);
                let is_same = self.nodes.get(node.name()).is_some_and(|known| known.says_the_same_as(&node));
                self.nodes.insert(node.name_any(), node);
                !is_same
            }
            watcher::Event::Delete(node) => self.nodes.remove(node.name()).is_some(),
        }
    }

    /// Gives every machine's Node what it lacks; whether all of it was done.
    async fn pass(&mut self, members: &[Wanted]) -> bool {
        let (mut patches, mut news) = (Vec::new(), Vec::new());
        {
            let index = Index::new(self.nodes.values());
            // Of two machines with the same address, the second one finds what the first one takes.
            let mut taken: HashMap<&str, &str> = HashMap::new();
            for wanted in members {
                let found = index.find(wanted);
                if let Found::Node(node) = found {
                    if let Some(other) = taken.insert(node.name(), wanted.remote_machine.as_str()) {
                        let text = format!(
                            "Node {} is that of RemoteMachine {other} already: both have its address",
                            node.name()
                        );
                        news.push((wanted.clone(), text));
                    } else if let Some(patch) = patch(node, wanted) {
                        patches.push((wanted.clone(), node.name().to_owned(), patch));
                    } else {
                        self.told.remove(&wanted.uid);
                    }
                } else if let Some(problem) = found.problem(wanted) {
                    news.push((wanted.clone(), problem));
                }
            }
        }
        self.told.retain(|uid, _| members.iter().any(|wanted| wanted.uid == *uid));
        for (wanted, problem) in news {
            self.complain(&wanted, problem);
        }
        let written = stream::iter(patches)
            .map(|(wanted, node, patch)| {
                let api = self.api.clone();
                async move {
                    let written = write(&api, &node, &patch).await;
                    (wanted, node, written)
                }
            })
            .buffer_unordered(AT_ONCE)
            .map(Ok::<_, std::convert::Infallible>)
            .try_collect::<Vec<_>>()
            .await
            .unwrap_or_default();
        let mut is_all = true;
        for (wanted, node, written) in written {
            match written {
                Ok(Some(now)) => {
                    self.nodes.insert(node.clone(), trimmed(now));
                    self.told.remove(&wanted.uid);
                    self.tell(&wanted, News::Written(node));
                }
                // Somebody else was faster, or the Node is gone: the watch tells.
                Ok(None) => {}
                Err(error) => {
                    is_all = false;
                    self.complain(&wanted, format!("cannot write Node {node}: {error}"));
                }
            }
        }
        is_all
    }

    /// Tells of a problem once, until there is another one.
    fn complain(&mut self, wanted: &Wanted, problem: String) {
        if self.told.get(&wanted.uid) != Some(&problem) {
            self.told.insert(wanted.uid.clone(), problem.clone());
            self.tell(wanted, News::Problem(problem));
        }
    }

    /// What nobody takes in time is not told: it is for people to read, and nothing waits for it.
    fn tell(&self, wanted: &Wanted, what: News) {
        let told = Told {
            cluster: self.follow.cluster.clone(),
            remote_machine: wanted.remote_machine.clone(),
            uid: wanted.uid.clone(),
            what,
        };
        if let Err(error) = self.follow.tell.try_send(told) {
            tracing::debug!(%error, "nobody was told of a Node");
        }
    }
}

/// What is kept of a Node.
fn trimmed(mut node: Node) -> Node {
    node.metadata.managed_fields = None;
    node
}

/// Whether the API server does not take the kubeconfig's user: RFC 9110, sections 15.5.2 and 15.5.4.
fn is_refused(error: &watcher::Error) -> bool {
    let text = error.to_string();
    ["401", "403", "Unauthorized", "Forbidden"]
        .iter()
        .any(|sign| text.contains(sign))
}

/// Writes a Node, unless it is another one by now.
async fn write(api: &Api<Node>, name: &str, patch: &serde_json::Value) -> Result<Option<Node>, String> {
    let parameters = PatchParams {
        field_manager: Some(FIELD_MANAGER.to_owned()),
        ..PatchParams::default()
    };
    match tokio::time::timeout(DEADLINE, api.patch(name, &parameters, &Patch::Merge(patch))).await {
        Ok(Ok(node)) => Ok(Some(node)),
        Ok(Err(kube::Error::Api(status))) if matches!(status.code, 404 | 409) => Ok(None),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("no answer within 15 s".to_owned()),
    }
}
