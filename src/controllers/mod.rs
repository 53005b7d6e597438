//! `anywhere controller`: the infrastructure group's objects become machines, as a provider of Cluster API.
//!
//! [`run`] builds everything and joins everything. What is watched is in [`watches`], kept in [`cache`]; who looks at it are
//! [`reconcile`]rs, one module for each kind, which are named in `controllers` below and nowhere else. A reconcile decides by a pure
//! function on what was seen and does as little as it can: requests through [`api`], never a word with a host. That is what [`work`]
//! does, in tasks of its own.

mod api;
mod cache;
mod client;
mod cluster_api;
mod conditions;
mod election;
mod events;
mod foreign;
mod health;
mod jobs;
mod merge_patch;
mod metrics;
mod nodes;
mod pools;
mod queue;
mod reconcile;
mod remote_cluster;
mod remote_machine;
mod remote_machine_template;
mod spans;
mod turns;
mod watches;
mod work;

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::cli::ControllerArgs;
use crate::manifest::Key;
use api::Api;
use election::Election;
use events::Events;
use jobs::Jobs;
use metrics::Metrics;
use turns::Turns;
use watches::{Scope, Seen, Standings};
use work::Work;

/// How long the servers have to answer what they are just answering, once all shall stop.
const GRACE: Duration = Duration::from_millis(500);
/// How long letting go of the lease may take.
const RELEASE: Duration = Duration::from_secs(1);

/// What ends the controller.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ControllerError {
    /// The API server.
    #[error("cannot reach the API server: {0}; set KUBECONFIG, or run in a cluster")]
    NoCluster(String),
    /// A port.
    #[error("{0}")]
    Listen(#[from] health::ListenError),
    /// Another replica may work now.
    #[error("the lease is lost: {0}; all work was stopped, to be gone on with by whoever has it now")]
    LeaseLost(String),
}

/// What every controller works with.
pub(crate) struct Context {
    /// What was asked for on the command line.
    pub(crate) args: ControllerArgs,
    /// The API server.
    pub(crate) api: Api,
    /// What was seen.
    pub(crate) seen: Arc<Seen>,
    /// What is done on hosts.
    pub(crate) work: Work,
    /// What RemoteMachines that wait for an entry of a pool are told.
    pub(crate) board: pools::Board,
    /// Who writes a RemoteMachine: its own controller, or the pools.
    pub(crate) turns: Turns,
    /// For people.
    pub(crate) events: Events,
    /// For machines.
    pub(crate) metrics: Metrics,
    /// Cancelled when nothing may be begun any more.
    pub(crate) stop: CancellationToken,
}

/// Starts every controller: a line for each.
fn controllers(context: &Arc<Context>, tasks: &mut JoinSet<()>) {
    remote_cluster::start(context, tasks);
    remote_machine::spawn(context, tasks);
    nodes::start(context, tasks);
    pools::spawn(context, tasks);
    remote_machine_template::spawn(context, tasks);
}

/// Works until it is cancelled, within a few seconds. Runs on hosts go on; whoever leads next follows them.
///
/// # Errors
/// [`ControllerError`]: where it cannot begin, and where the lease is lost.
pub(crate) async fn run(args: &ControllerArgs, cancel: &CancellationToken) -> Result<(), ControllerError> {
    let connected = client::client().await?;
    let metrics = Metrics::new();
    let api = Api::new(connected.client.clone(), metrics.clone());
    let probes = health::listen(args.health_probe_bind_address, "--health-probe-bind-address").await?;
    let figures = health::listen(args.metrics_bind_address, "--metrics-bind-address").await?;
    let instance = instance();

    let around = CancellationToken::new();
    let mut surroundings = JoinSet::new();
    let seen = Arc::new(Seen::default());
    let scope = Scope {
        namespace: args.namespace.clone(),
        filter: args.watch_filter.clone(),
        jobs: args.provision_jobs,
    };
    let standings = watches::spawn(&mut surroundings, &connected, &scope, &seen, (&metrics, &around));
    if let Some(listener) = probes {
        surroundings.spawn(health::serve(listener, health::probes(standings.clone()), around.clone()));
    }
    if let Some(listener) = figures {
        surroundings.spawn(health::serve(listener, health::metrics(metrics.clone()), around.clone()));
    }
    let election = args.leader_elect.then(|| {
        let lease = Key {
            namespace: args.leader_election_namespace.clone(),
            name: args.leader_election_id.clone(),
        };
        let duration = Duration::from_secs(args.lease_seconds);
        Election::new(api.clone(), lease, instance.clone(), duration)
    });
    let ended = lead(args, cancel, (api, seen, metrics, instance), &standings, election.as_ref()).await;
    around.cancel();
    let _ = tokio::time::timeout(GRACE, async { while surroundings.join_next().await.is_some() {} }).await;
    surroundings.shutdown().await;
    ended
}

/// What there is before anybody leads.
type Prepared = (Api, Arc<Seen>, Metrics, String);

/// Leads, once all was seen and the lease is ours.
async fn lead(
    args: &ControllerArgs,
    cancel: &CancellationToken,
    (api, seen, metrics, instance): Prepared,
    standings: &Standings,
    election: Option<&Election>,
) -> Result<(), ControllerError> {
    if cancel.run_until_cancelled(standings.synced()).await.is_none() {
        return Ok(());
    }
    if let Some(election) = election
        && election.win(cancel).await.is_none()
    {
        return Ok(());
    }
    metrics.leads(true);
    let stop = CancellationToken::new();
    let (mut tasks, mut tellers) = (JoinSet::new(), JoinSet::new());
    let jobs = Jobs::new(api.clone(), seen.clone());
    let work = Work::new(
        args.max_hosts,
        format!("anywhere controller {instance}"),
        metrics.clone(),
        jobs,
    );
    let context = Arc::new(Context {
        args: args.clone(),
        work: work.clone(),
        board: pools::Board::default(),
        turns: Turns::default(),
        events: Events::spawn(&mut tellers, api.clone(), instance, metrics.clone()),
        api,
        seen,
        metrics: metrics.clone(),
        stop: stop.clone(),
    });
    controllers(&context, &mut tasks);
    tracing::info!("the controllers work");
    let held = async {
        match election {
            Some(election) => election.hold().await,
            None => std::future::pending().await,
        }
    };
    let ended = tokio::select! {
        () = cancel.cancelled() => Ok(()),
        why = held => Err(ControllerError::LeaseLost(why)),
    };
    metrics.leads(false);
    stop.cancel();
    tokio::join!(work.shut_down(), async { while tasks.join_next().await.is_some() {} });
    drop(context);
    events::flush(&mut tellers).await;
    if let (Some(election), Ok(())) = (election, &ended) {
        let _ = tokio::time::timeout(RELEASE, election.release()).await;
    }
    tracing::info!("the controllers have stopped");
    ended
}

/// Who we are: nobody else has this name.
fn instance() -> String {
    let host = nix::unistd::gethostname()
        .ok()
        .and_then(|name| name.into_string().ok())
        .unwrap_or_else(|| "somewhere".to_owned());
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    format!("{host}_{}_{:x}", std::process::id(), now.as_micros())
}
