//! `anywhere apply` and `anywhere reset`: a run on each machine.

use std::sync::Arc;
use std::time::{Duration, Instant};

use remote::engine::{self, Event, Host, Job, Limits, Planning};
use remote::facts::Facts;
use remote::plan::Plan;
use remote::script::Mode;
use remote::ssh::Deadlines;
use tokio_util::sync::CancellationToken;

use super::{Exit, holder, limits, with_runtime};
use crate::cli::{ApplyArgs, ConnectionArgs, Output, ResetArgs, RunArgs};
use crate::input::{self, Problem};
use crate::known_machines::KnownMachines;
use crate::machine::{self, Fleet, Machine, Planned};
use crate::report::words::{Tally, verdict};
use crate::report::{self, Ended, Reporter};
use crate::{credentials, fleet};

/// What is the same for all machines.
struct Runs {
    mode: Mode,
    holder: String,
    limits: Limits,
    deadlines: Deadlines,
    keep_going: bool,
    rerun: Option<String>,
    rerun_interrupted: bool,
    facts: bool,
    known: KnownMachines,
    /// What to tell before the work begins.
    notes: Vec<String>,
}

impl Runs {
    fn new(mode: Mode, connection: &ConnectionArgs, run: &RunArgs) -> Self {
        let (limits, deadlines) = limits(connection);
        let (known, notes) = known(connection);
        let (step, total) = (Duration::from_secs(run.step_timeout), Duration::from_secs(run.run_timeout));
        Self {
            mode,
            holder: holder(),
            limits: Limits {
                step,
                run: total,
                ..limits
            },
            deadlines,
            keep_going: false,
            rerun: None,
            rerun_interrupted: false,
            // Only programs are told what a machine is: people ask `status -o wide`.
            facts: run.output == Output::Json,
            known,
            notes,
        }
    }
}

/// Which machine answered where. A file that cannot be read is no reason not to work.
fn known(connection: &ConnectionArgs) -> (KnownMachines, Vec<String>) {
    let Some(file) = credentials::known_machines(connection) else {
        return (KnownMachines::default(), Vec::new());
    };
    match KnownMachines::read(file.clone()) {
        Ok(known) => (known, Vec::new()),
        Err(error) => {
            let note = format!(
                "cannot tell whether machines are the same as before: {}: {}",
                file.display(),
                input::in_words(&error)
            );
            (KnownMachines::default(), vec![note])
        }
    }
}

/// `anywhere apply`
pub(super) fn apply(args: &ApplyArgs) -> Result<Exit, Vec<Problem>> {
    let fleet = machine::read(&args.machines, Some(&args.bootstrap))?;
    let runs = Runs {
        keep_going: args.keep_going,
        rerun: args.rerun.then(word),
        rerun_interrupted: args.rerun_interrupted,
        ..Runs::new(Mode::Apply, &args.connection, &args.run)
    };
    all(fleet, runs, &args.connection, &args.run)
}

/// `anywhere reset`
pub(super) fn reset(args: &ResetArgs) -> Result<Exit, Vec<Problem>> {
    let mut fleet = machine::read(&args.machines, None)?;
    for machine in &mut fleet.machines {
        if machine.clean_up_commands.is_empty() {
            machine.clean_up_commands.clone_from(&args.clean_up_commands);
        }
        let plan =
            Plan::reset(&machine.clean_up_commands).map_err(|error| vec![Problem(format!("{}: {error}", machine.name))])?;
        machine.planned = Some(Planned::Now(Arc::new(plan)));
    }
    all(
        fleet,
        Runs::new(Mode::Reset, &args.connection, &args.run),
        &args.connection,
        &args.run,
    )
}

/// A word that no other invocation has.
fn word() -> String {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    format!("{:x}x{:x}", now.as_nanos(), std::process::id())
}

fn all(fleet: Fleet, runs: Runs, connection: &ConnectionArgs, run: &RunArgs) -> Result<Exit, Vec<Problem>> {
    let Fleet {
        machines,
        notes,
        unsupported: _,
    } = fleet;
    let hosts = credentials::hosts(&machines, connection)?;
    let machines = Arc::new(machines);
    let mode = runs.mode;
    let goes_on = runs.keep_going || mode == Mode::Reset;
    let reporter = report::reporter(machines.clone(), mode, goes_on, run);
    notes
        .iter()
        .chain(&runs.notes)
        .for_each(|note| reporter.note(&format!("note: {note}")));
    let parallel = usize::from(connection.parallel);
    let runs = Arc::new(runs);
    let ended = with_runtime(|cancel| async move {
        let told = tell_of_stop(cancel.clone(), reporter.clone());
        let work = fleet::hosts(hosts, parallel, |index, host| {
            one(index, host, machines.clone(), runs.clone(), reporter.clone(), cancel.clone())
        });
        let ended = tokio::select! {
            ended = work => ended,
            () = told => Vec::new(),
        };
        let mut tally = Tally::default();
        for result in &ended {
            tally.add(
                result
                    .as_ref()
                    .map_or(report::words::Verdict::Failed, |ended| verdict(&ended.result)),
            );
        }
        reporter.total(&tally);
        tally
    })?;
    Ok(if ended.is_well() { Exit::Well } else { Exit::Failed })
}

/// Never ends: says once that we are stopping, if we are.
async fn tell_of_stop(cancel: CancellationToken, reporter: Arc<dyn Reporter>) {
    cancel.cancelled().await;
    reporter.note("stopping; machines stop after the step under way. Run the same command again to go on");
    std::future::pending().await
}

async fn one(
    index: usize,
    host: Host,
    machines: Arc<Vec<Machine>>,
    runs: Arc<Runs>,
    reporter: Arc<dyn Reporter>,
    cancel: CancellationToken,
) -> Ended {
    let began = Instant::now();
    reporter.begin(index);
    let planned = machines
        .get(index)
        .and_then(|machine| Some((machine, machine.planned.as_ref()?)));
    let result = match planned {
        Some((machine, planned)) if !cancel.is_cancelled() => {
            let make = |facts: &Facts| match planned {
                Planned::Now(plan) => Ok(plan.clone()),
                Planned::AfterFacts(later) => {
                    let (plan, notes) = later.plan(facts)?;
                    notes.iter().for_each(|note| reporter.note(&format!("note: {note}")));
                    Ok(plan)
                }
            };
            let job = Job {
                plan: match planned {
                    Planned::Now(plan) => Planning::Now(plan),
                    Planned::AfterFacts(_) => Planning::AfterFacts(&make),
                },
                mode: runs.mode,
                owner: &machine.owner,
                holder: &runs.holder,
                limits: machine.timeouts.limits(runs.limits),
                deadlines: machine.timeouts.deadlines(runs.deadlines),
                keep_going: runs.keep_going,
                rerun: runs.rerun.as_deref(),
                rerun_interrupted: runs.rerun_interrupted || machine.rerun_interrupted,
                facts: runs.facts,
            };
            let listener = |event| {
                if let Event::Machine { id } = &event {
                    meet(&runs.known, machine, index, id, &*reporter);
                }
                reporter.event(index, &event);
            };
            engine::run(&host, &job, &cancel, &listener).await
        }
        Some(_) | None => Err(engine::Error::Stopped),
    };
    let ended = Ended {
        result,
        took: began.elapsed(),
    };
    reporter.end(index, &ended);
    ended
}

/// A machine says which one it is. A file that cannot be written is no reason not to work on it.
fn meet(known: &KnownMachines, machine: &Machine, index: usize, id: &str, reporter: &dyn Reporter) {
    let (before, written) = known.meet(&machine.address(), id);
    if let Some(before) = before {
        reporter.replaced(index, &before, id);
    }
    if let Err(error) = written {
        reporter.note(&format!(
            "note: cannot remember which machine {} is: known_machines: {}",
            machine.name,
            input::in_words(&error)
        ));
    }
}
