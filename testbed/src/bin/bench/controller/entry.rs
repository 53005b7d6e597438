//! Claims wait for an entry, and one is made: how long it takes until its machine is being connected to.
//!
//! How long the claims have waited by then cannot matter: nothing is done about one that waits, and no timer runs for it (`decide` in
//! `src/controllers/remote_machine`, whose tests say so); the entry itself is what wakes it.

use std::net::{Ipv4Addr, TcpListener};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::objects::{self, Kind, POOL, uid};
use super::process::{Controller, wait};
use super::server::Server;
use super::{Scene, Stage};
use crate::bars::Bar;
use crate::figures::{as_float, median};

/// How many claims wait when the first entry is made, and the others one after the other.
const WAITING: [usize; 2] = [1, 100];

/// Entries that are made while many wait.
const ENTRIES: usize = 10;

const QUIET: Duration = Duration::from_secs(2);

/// Runs it.
pub(super) fn run(stage: &Stage<'_>) -> Result<Scene, String> {
    let server = Server::start(&stage.programs.anywhere, &[])?;
    let key = std::fs::read_to_string(&stage.programs.key).map_err(|error| error.to_string())?;
    server.requests.all(&[
        Kind::Secret.create(objects::secret("key", &json!({ "value": key }))),
        Kind::Cluster.create(objects::cluster("c")),
    ])?;
    server
        .requests
        .one(&Kind::Cluster.stands("c", &objects::cluster_is_ready()))?;
    let controller = Controller::start(&stage.programs.anywhere, &server.kubeconfig(), &stage.folder)?;
    let (mut lines, mut bars, mut figures) = (Vec::new(), Vec::new(), Vec::new());
    lines.push("controller-entry: from the request that makes an entry to the connection at its machine's port".to_owned());
    for waiting in WAITING {
        let rounds = if waiting == 1 { 3 } else { ENTRIES };
        let mut latencies = Vec::new();
        for round in 0..rounds {
            // Of one, each gets an entry before the next comes; of many, all are there first.
            if waiting == 1 || round == 0 {
                claims(&server, &format!("w{waiting}-{round}"), waiting)?;
                let left = as_float(waiting as u64);
                wait("all to wait", || {
                    #[allow(clippy::float_cmp, reason = "both are counts")]
                    let is_so = controller.metric("anywhere_pool_waiting")? == left;
                    Ok(is_so.then_some(()))
                })?;
            }
            controller.settle(QUIET)?;
            latencies.push(latency(&server, &format!("entry-{waiting}-{round}"))?.as_secs_f64());
        }
        let worst = latencies.iter().copied().fold(0.0, f64::max);
        let usual = median(latencies.clone()).unwrap_or(f64::NAN);
        lines.push(format!(
            "{waiting:>3} waiting: {usual:.3} s, at most {worst:.3} s of {rounds}"
        ));
        let what = if waiting == 1 {
            "with one claim waiting"
        } else {
            "with 100 claims waiting"
        };
        bars.push(Bar::most("controller-entry", what, Some(worst), 1.0, " s"));
        figures.push(json!({ "waiting": waiting, "seconds": latencies }));
    }
    Ok(Scene {
        lines,
        figures: Value::Array(figures),
        bars,
    })
}

/// Makes claims of these names, with all that they need but an entry.
fn claims(server: &Server, prefix: &str, count: usize) -> Result<(), String> {
    let name = |index: usize| format!("{prefix}-{index:03}");
    let each = |of: &dyn Fn(usize) -> super::requests::Request| (0..count).map(of).collect::<Vec<_>>();
    server.requests.all(&each(&|index| {
        let values = json!({ "value": objects::bootstrap_data(index), "format": "cloud-config" });
        Kind::Secret.create(objects::secret(&format!("{}-data", name(index)), &values))
    }))?;
    let machines = server
        .requests
        .all(&each(&|index| Kind::Machine.create(objects::machine(&name(index), "c"))))?;
    server.requests.all(&each(&|index| {
        let owner = machines.get(index).map_or("", uid);
        Kind::RemoteMachine.create(objects::remote_machine(&name(index), "c", owner, &json!({ "pool": POOL })))
    }))?;
    Ok(())
}

/// Makes an entry whose machine is a port of this process, and waits for a connection there. Nothing is said on it.
fn latency(server: &Server, name: &str) -> Result<Duration, String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(|error| error.to_string())?;
    let port = listener.local_addr().map_err(|error| error.to_string())?.port();
    let mut connection = server.requests.connect()?;
    listener.set_nonblocking(true).map_err(|error| error.to_string())?;
    let began = Instant::now();
    connection.ask(&Kind::Entry.create(objects::entry(name, "127.0.0.1", port)))?;
    // The kernel takes the connection whenever it comes; it is looked for every 10 ms.
    wait("a connection", || match listener.accept() {
        Ok(_) => Ok(Some(began.elapsed())),
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error.to_string()),
    })
}
