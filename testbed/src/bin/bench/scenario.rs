//! A scenario: some machines, a distance, a task; and every tool's runs of it, one after the other in turns, so that what
//! else happens on this host meets them all.

use std::time::Duration;

use testbed::{Counters, Faults, Machine, MachineSpec, Proxy};

use crate::dead::Dead;
use crate::figures::{Row, Sample, Table};
use crate::measure::{Measured, Usage, measure};
use crate::tools::{Endpoint, Programs, Site, Task, Tool};
use crate::workload::{self, Workload};

/// How long the last bytes of an ended client may be under way before the proxy's counters are read.
const SETTLE: Duration = Duration::from_millis(100);

/// What is to be measured.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    /// How many machines.
    pub(crate) machines: usize,
    /// How many addresses are dead besides.
    pub(crate) dead: usize,
    /// Round-trip time. One machine, or any at a distance, is reached through a proxy of its own.
    pub(crate) round_trip: Duration,
    /// What the tools do.
    pub(crate) task: Task,
    /// How much that is.
    pub(crate) work: Workload,
    /// How often each tool does it, or why it does not.
    pub(crate) runs: [(Tool, Result<usize, String>); 6],
}

impl Scenario {
    fn title(&self) -> String {
        let machines = match (self.machines, self.dead) {
            (1, _) => "one machine".to_owned(),
            (count, 0) => format!("{count} machines"),
            (count, dead) => format!("{count} machines and {dead} that are dead (until the last of the {count})"),
        };
        let machines = format!("{machines}, {} ms round trip", self.round_trip.as_millis());
        let count = self.work.count;
        match self.task {
            Task::First => format!("{machines}: {count} files and {count} commands"),
            Task::Again => format!("{machines}: the same again, nothing to do (openssh: `true`)"),
        }
    }

    /// Starts the machines, runs the tools, ends all.
    pub(crate) fn run(&self, programs: &Programs, name: &str) -> Result<Table, String> {
        let started = Machine::start_many(&vec![MachineSpec::default(); self.machines]);
        let machines = started
            .into_iter()
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| error.to_string())?;
        let faults = Faults {
            one_way_delay: self.round_trip / 2,
            ..Faults::default()
        };
        let is_through_proxies = machines.len() == 1 || !self.round_trip.is_zero();
        let behind = machines.iter().filter(|_| is_through_proxies);
        let proxies = behind
            .map(|machine| Proxy::start(machine.socket_address(), faults.clone()))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| error.to_string())?;
        let dead = Dead::new(self.dead)?;
        let endpoint = |(index, machine): (usize, &Machine)| {
            let proxy = proxies.get(index);
            let address = proxy.map_or_else(|| machine.socket_address(), Proxy::socket_address);
            Endpoint {
                address: address.ip(),
                known_hosts: machine.known_hosts_line_at(address),
            }
        };
        let keys = testbed::Keys::of_this_process().map_err(|error| error.to_string())?;
        let endpoints = machines.iter().enumerate().map(endpoint).collect();
        let stage = Stage {
            machines: &machines,
            proxies: &proxies,
            site: Site::new(keys.folder().join(name), programs, endpoints, &dead, self.work)?,
            task: self.task,
            work: self.work,
            has_dead: self.dead > 0,
        };
        let mut rows: Vec<Row> = self.runs.iter().map(|(tool, runs)| Row::planned(*tool, runs)).collect();
        let rounds = self.runs.iter().filter_map(|(_, runs)| runs.as_ref().ok()).max();
        for round in 0..rounds.copied().unwrap_or_default() {
            for (row, (tool, runs)) in rows.iter_mut().zip(&self.runs) {
                if row.without.is_none() && runs.as_ref().is_ok_and(|runs| round < *runs) {
                    match stage.sample(*tool) {
                        Ok(sample) => row.samples.push(sample),
                        Err(error) => row.refuse(&error),
                    }
                }
            }
        }
        Ok(Table {
            title: self.title(),
            rows,
        })
    }
}

impl Row {
    fn planned(tool: Tool, runs: &Result<usize, String>) -> Self {
        Self {
            tool,
            samples: Vec::new(),
            without: runs.as_ref().err().cloned(),
            refused: false,
        }
    }

    fn refuse(&mut self, why: &str) {
        self.without = Some(format!("refused: {why}"));
        self.refused = true;
    }
}

/// Running machines and what the tools need for them.
struct Stage<'a> {
    machines: &'a [Machine],
    proxies: &'a [Proxy],
    site: Site<'a>,
    task: Task,
    work: Workload,
    has_dead: bool,
}

impl Stage<'_> {
    /// One measured run on machines in the right state, whose work was looked at.
    fn sample(&self, tool: Tool) -> Result<Sample, String> {
        self.on_each(workload::clear)?;
        if self.task == Task::Again {
            self.run(&self.site.invocation(tool, Task::First), false)?;
            self.on_each(|root| self.work.verify(root))?;
        }
        let before = self.counters();
        let fails = self.has_dead && tool == Tool::Anywhere;
        let usage = self.run(&self.site.invocation(tool, self.task), fails)?;
        std::thread::sleep(SETTLE);
        let traffic = self.counters().zip(before).map(|(after, before)| Counters {
            bytes_to_server: after.bytes_to_server - before.bytes_to_server,
            bytes_to_client: after.bytes_to_client - before.bytes_to_client,
            connections: after.connections - before.connections,
            round_trips: after.round_trips - before.round_trips,
        });
        self.on_each(|root| self.work.verify(root))?;
        if matches!(tool, Tool::Anywhere | Tool::AnywhereAlive) {
            self.run(&self.site.reset(), false)?;
            self.on_each(|root| match workload::remembers_anywhere(root) {
                true => Err("a reset machine still remembers a run".to_owned()),
                false => Ok(()),
            })?;
        }
        Ok(Sample { usage, traffic })
    }

    fn counters(&self) -> Option<Counters> {
        let [proxy] = self.proxies else { return None };
        Some(proxy.counters())
    }

    /// `fails`: because of the dead ones it has to, though the others are well, which is looked at.
    fn run(&self, command: &Measured, fails: bool) -> Result<Usage, String> {
        let usage = measure(command, &self.site.environment())?;
        if usage.success != fails {
            Ok(usage)
        } else {
            let program = command.argv.first().map_or("", String::as_str);
            let printed = self.site.printed();
            let end = printed.char_indices().rev().nth(1500).map_or(0, |(at, _)| at);
            Err(format!("{program} failed: {}", printed.get(end..).unwrap_or_default()))
        }
    }

    fn on_each(&self, what: impl Fn(&std::path::Path) -> Result<(), String>) -> Result<(), String> {
        self.machines.iter().try_for_each(|machine| {
            let root = machine.root_dir().map_err(|error| error.to_string())?;
            what(&root).map_err(|error| format!("{}: {error}", machine.hostname()))
        })
    }
}
