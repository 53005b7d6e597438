//! A hundred RemoteMachines made at once, beside `anywhere apply` on the same hundred machines, in turns.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testbed::{Faults, Machine, MachineSpec, Proxy};

use super::objects::{self, Kind, uid};
use super::process::{Controller, wait};
use super::requests::Request;
use super::server::{Server, more};
use super::{Scene, Stage};
use crate::bars::Bar;
use crate::dead::Dead;
use crate::figures::{as_float, median};
use crate::measure::{Measured, measure};
use crate::tools::{Endpoint, Site, Task, Tool};
use crate::workload::{self, Workload};

const MACHINES: usize = 100;

/// Ten files and ten commands.
const WORK: Workload = Workload {
    count: 10,
    sentinel: true,
};

/// What one turn took.
#[derive(Clone, Copy, Debug)]
struct Turn {
    /// Seconds until all were provisioned.
    wall: f64,
    /// Seconds of the client's or the controller's CPU time.
    cpu: f64,
    /// Seconds of the API server's CPU time.
    server: f64,
    /// Requests to the API server: reads and writes.
    requests: (u64, u64),
}

/// Runs it.
pub(super) fn run(stage: &Stage<'_>, name: &'static str, round_trip: u64) -> Result<Scene, String> {
    let machines: Vec<Machine> = Machine::start_many(&vec![MachineSpec::default(); MACHINES])
        .into_iter()
        .collect::<Result<_, _>>()
        .map_err(|error| error.to_string())?;
    let faults = Faults {
        one_way_delay: Duration::from_millis(round_trip) / 2,
        ..Faults::default()
    };
    let far = machines.iter().filter(|_| round_trip > 0);
    let proxies = far
        .map(|machine| Proxy::start(machine.socket_address(), faults.clone()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| error.to_string())?;
    let endpoint = |(index, machine): (usize, &Machine)| {
        let address = proxies
            .get(index)
            .map_or_else(|| machine.socket_address(), Proxy::socket_address);
        Endpoint {
            address: address.ip(),
            known_hosts: machine.known_hosts_line_at(address),
        }
    };
    let endpoints: Vec<Endpoint> = machines.iter().enumerate().map(endpoint).collect();
    let site = Site::new(
        stage.folder.clone(),
        stage.programs,
        endpoints.clone(),
        &Dead::default(),
        WORK,
    )?;
    let server = Server::start(&stage.programs.anywhere, &[])?;
    let contest = Contest {
        machines: &machines,
        owners: owners(stage, &server)?,
        endpoints,
        site,
        server,
    };
    let controller = Controller::start(&stage.programs.anywhere, &contest.server.kubeconfig(), &stage.folder)?;
    let (mut ours, mut alone) = (Vec::new(), Vec::new());
    for _ in 0..if stage.quick { 1 } else { 3 } {
        alone.push(contest.apply()?);
        ours.push(contest.controller(&controller)?);
    }
    scene(name, round_trip, &ours, &alone, &controller)
}

/// Makes what RemoteMachines need, and gives the UIDs of their Machines.
fn owners(stage: &Stage<'_>, server: &Server) -> Result<Vec<String>, String> {
    let key = std::fs::read_to_string(&stage.programs.key).map_err(|error| error.to_string())?;
    let mut first = vec![
        Kind::Secret.create(objects::secret("key", &json!({ "value": key }))),
        Kind::Cluster.create(objects::cluster("c")),
    ];
    first.extend((0..MACHINES).map(|index| {
        let values = json!({ "value": WORK.cloud_config(), "format": "cloud-config" });
        Kind::Secret.create(objects::secret(&format!("{}-data", named(index)), &values))
    }));
    server.requests.all(&first)?;
    server
        .requests
        .one(&Kind::Cluster.stands("c", &objects::cluster_is_ready()))?;
    let machines: Vec<_> = (0..MACHINES)
        .map(|index| Kind::Machine.create(objects::machine(&named(index), "c")))
        .collect();
    let made = server.requests.all(&machines)?;
    Ok(made.iter().map(|made| uid(made).to_owned()).collect())
}

fn named(index: usize) -> String {
    format!("machine-{index:03}")
}

/// Machines, and who works on them.
struct Contest<'a> {
    machines: &'a [Machine],
    owners: Vec<String>,
    endpoints: Vec<Endpoint>,
    site: Site<'a>,
    server: Server,
}

impl Contest<'_> {
    /// `anywhere apply`, and what it did taken back.
    fn apply(&self) -> Result<Turn, String> {
        self.on_each(workload::clear)?;
        let usage = self.measured(&self.site.invocation(Tool::Anywhere, Task::First))?;
        self.on_each(|root| WORK.verify(root))?;
        self.measured(&self.site.reset())?;
        self.is_forgotten()?;
        Ok(Turn {
            wall: usage.wall,
            cpu: usage.cpu,
            server: 0.0,
            requests: (0, 0),
        })
    }

    fn measured(&self, command: &Measured) -> Result<crate::measure::Usage, String> {
        let usage = measure(command, &self.site.environment())?;
        if usage.success {
            Ok(usage)
        } else {
            Err(format!("anywhere failed: {}", self.site.printed()))
        }
    }

    /// The same by RemoteMachines, which are deleted afterwards.
    fn controller(&self, controller: &Controller) -> Result<Turn, String> {
        self.on_each(workload::clear)?;
        let wanted: Vec<Request> = (0..)
            .zip(self.endpoints.iter().zip(&self.owners))
            .map(|(index, (endpoint, owner))| {
                let spec = json!({ "address": endpoint.address.to_string(), "port": 22, "user": "root", "sshKeyRef": { "name": "key" } });
                Kind::RemoteMachine.create(objects::remote_machine(&named(index), "c", owner, &spec))
            })
            .collect();
        let collection = Kind::RemoteMachine.collection();
        let listed = self.server.requests.one(&Request::get(collection.as_str()))?;
        let version = listed
            .pointer("/metadata/resourceVersion")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let (counted, cpu, server) = (self.server.counted()?, controller.cpu()?, self.server.cpu()?);
        let (collection, version) = (collection.as_str(), version.to_owned());
        let began = Instant::now();
        let wall = std::thread::scope(|scope| {
            let watched = scope.spawn(move || {
                let (mut provisioned, mut failed) = (HashSet::new(), None);
                self.server.requests.watch(collection, &version, |event| {
                    // It would be tried again, and what that takes is no figure.
                    let failure = event.pointer("/object/status/deprecated/v1beta1/failureMessage");
                    failed = failure.filter(|message| !message.is_null()).map(Value::to_string);
                    let is_so = event
                        .pointer("/object/status/initialization/provisioned")
                        .and_then(Value::as_bool);
                    if is_so == Some(true) {
                        provisioned.insert(event.pointer("/object/metadata/name").map(Value::to_string));
                    }
                    failed.is_some() || provisioned.len() == MACHINES
                })?;
                failed.map_or_else(|| Ok(began.elapsed()), |message| Err(format!("a run failed: {message}")))
            });
            self.server.requests.all(&wanted)?;
            watched.join().unwrap_or_else(|_| Err("a thread failed".to_owned()))
        })?;
        controller.settle(Duration::from_secs(1))?;
        let (cpu, server) = (controller.cpu()? - cpu, self.server.cpu()? - server);
        let now = self.server.counted()?;
        let reads = more(&counted, &now, &["GET", "LIST"], "");
        let writes = more(&counted, &now, &["PATCH", "POST", "PUT"], "") - MACHINES as u64;
        self.on_each(|root| WORK.verify(root))?;
        self.server.requests.one(&Request::delete(collection))?;
        wait("all to be deleted", || {
            let left = self.server.requests.one(&Request::get(format!("{collection}?limit=1")))?;
            let is_empty = left.pointer("/items").and_then(Value::as_array).is_none_or(Vec::is_empty);
            Ok(is_empty.then_some(()))
        })?;
        self.is_forgotten()?;
        Ok(Turn {
            wall: wall.as_secs_f64(),
            cpu,
            server,
            requests: (reads, writes),
        })
    }

    fn is_forgotten(&self) -> Result<(), String> {
        self.on_each(|root| match workload::remembers_anywhere(root) {
            true => Err("a reset machine still remembers a run".to_owned()),
            false => Ok(()),
        })
    }

    fn on_each(&self, what: impl Fn(&std::path::Path) -> Result<(), String>) -> Result<(), String> {
        self.machines.iter().try_for_each(|machine| {
            let root = machine.root_dir().map_err(|error| error.to_string())?;
            what(&root).map_err(|error| format!("{}: {error}", machine.hostname()))
        })
    }
}

fn scene(name: &'static str, round_trip: u64, ours: &[Turn], alone: &[Turn], controller: &Controller) -> Result<Scene, String> {
    let of = |turns: &[Turn], what: fn(&Turn) -> f64| median(turns.iter().map(what).collect()).unwrap_or(f64::NAN);
    let (wall, apply) = (of(ours, |turn| turn.wall), of(alone, |turn| turn.wall));
    let machines = as_float(MACHINES as u64);
    let cpu = of(ours, |turn| turn.cpu) / machines * 1000.0;
    let server = of(ours, |turn| turn.server) / machines * 1000.0;
    let apply_cpu = of(alone, |turn| turn.cpu) / machines * 1000.0;
    let memory = controller.memory()?;
    let each = |turns: &[Turn]| {
        let times: Vec<String> = turns.iter().map(|turn| format!("{:.2}", turn.wall)).collect();
        times.join(", ")
    };
    let reads = of(ours, |turn| as_float(turn.requests.0)) / machines;
    let writes = of(ours, |turn| as_float(turn.requests.1)) / machines;
    let lines = vec![
        format!("{name}: {MACHINES} RemoteMachines made at once beside `anywhere apply`, {round_trip} ms round trip, in turns"),
        format!("controller: {wall:.2} s ({}), {cpu:.1} ms of CPU time a machine", each(ours)),
        format!(
            "apply:      {apply:.2} s ({}), {apply_cpu:.1} ms of CPU time a machine",
            each(alone)
        ),
        format!(
            "ratio {:.2}; {writes:.1} writes and {reads:.1} reads a machine, {server:.1} ms of the API server's CPU time; at most {:.0} MiB",
            wall / apply,
            memory.peak
        ),
    ];
    let bars = vec![
        Bar::most(name, "time at most, x anywhere apply", Some(wall / apply), 1.3, ""),
        Bar::most(name, "CPU time of the controller for a machine", Some(cpu), 10.0, " ms"),
    ];
    let times = |turns: &[Turn]| turns.iter().map(|turn| turn.wall).collect::<Vec<_>>();
    let figures = json!({
        "round_trip_milliseconds": round_trip, "machines": MACHINES, "controller_seconds": times(ours), "apply_seconds": times(alone),
        "ratio": wall / apply, "cpu_milliseconds_a_machine": cpu, "apply_cpu_milliseconds_a_machine": apply_cpu,
        "api_server_cpu_milliseconds_a_machine": server, "writes_a_machine": writes, "reads_a_machine": reads, "peak_mebibytes": memory.peak,
    });
    Ok(Scene { lines, figures, bars })
}
