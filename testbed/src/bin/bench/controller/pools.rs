//! A thousand claims meet ten thousand free entries: how long a pass over all of them takes, and how long it takes until each claim has
//! its entry.

use std::time::{Duration, Instant};

use serde_json::json;

use super::objects::{self, Kind, POOL};
use super::process::{Controller, wait};
use super::server::{Server, more};
use super::{Scene, Stage};
use crate::bars::Bar;
use crate::figures::as_float;

const ENTRIES: usize = 10_000;
const CLAIMS: usize = 1_000;

const QUIET: Duration = Duration::from_secs(3);

/// Where the controller says how long its passes took.
const PASS: &str = "anywhere_pool_pass_seconds";

/// Runs it.
pub(super) fn run(stage: &Stage<'_>) -> Result<Scene, String> {
    let server = Server::start(&stage.programs.anywhere, &[])?;
    let entry = |index: usize| format!("rack-{index:05}");
    let entries: Vec<_> = (0..ENTRIES)
        .map(|index| Kind::Entry.create(objects::entry(&entry(index), &objects::address(index), 22)))
        .collect();
    server.requests.all(&entries)?;
    let states: Vec<_> = (0..ENTRIES)
        .map(|index| Kind::Entry.stands(&entry(index), &objects::entry_status(&objects::address(index), None)))
        .collect();
    server.requests.all(&states)?;
    let controller = Controller::start(&stage.programs.anywhere, &server.kubeconfig(), &stage.folder)?;
    controller.settle(QUIET)?;

    let before = (server.counted()?, controller.cpu()?);
    let passes = || {
        Ok::<_, String>((
            controller.metric(&format!("{PASS}_sum"))?,
            controller.metric(&format!("{PASS}_count"))?,
        ))
    };
    let passes_before = passes()?;
    let claims: Vec<_> = (0..CLAIMS)
        .map(|index| {
            // Nobody provisions them: no Machine of this name is there.
            let name = format!("claim-{index:04}");
            Kind::RemoteMachine.create(objects::remote_machine(&name, "c", "none", &json!({ "pool": POOL })))
        })
        .collect();
    let began = Instant::now();
    server.requests.all(&claims)?;
    let made = began.elapsed();
    let bound = format!(
        "anywhere_pool_entries{{namespace=\"{}\",pool=\"{POOL}\",state=\"Bound\"}}",
        objects::NAMESPACE
    );
    wait("all to be bound", || {
        let count = controller.metric(&bound)?;
        Ok((count >= as_float(CLAIMS as u64)).then_some(()))
    })?;
    let took = began.elapsed();
    controller.settle(QUIET)?;
    let after = (server.counted()?, controller.cpu()?);
    let passes_after = passes()?;

    let (seconds, count) = (passes_after.0 - passes_before.0, passes_after.1 - passes_before.1);
    let pass = seconds / count * 1000.0;
    let slow = count + passes_before.1 - controller.metric(&format!("{PASS}_bucket{{le=\"0.05\"}}"))?;
    let conflicts = more(&before.0, &after.0, &["PATCH", "PUT", "POST"], "409");
    let writes = more(&before.0, &after.0, &["PATCH", "PUT", "POST"], "2") - CLAIMS as u64;
    let (memory, cpu) = (controller.memory()?, after.1 - before.1);
    let lines = vec![
        format!("controller-pools: {CLAIMS} claims on {ENTRIES} free entries of a pool"),
        format!(
            "claims made within {:.1} s, all bound after {:.1} s, with {writes} writes ({:.1} a claim) and {conflicts} conflicts",
            made.as_secs_f64(),
            took.as_secs_f64(),
            as_float(writes) / as_float(CLAIMS as u64)
        ),
        format!(
            "{count:.0} passes took {pass:.1} ms each, from objects to decisions; {slow:.0} took more than 50 ms; {cpu:.1} s of CPU time in \
             all, {:.0} MiB",
            memory.peak
        ),
    ];
    let name = "controller-pools";
    let bars = vec![
        Bar::most(name, "a pass", Some(pass), 50.0, " ms"),
        Bar::most(name, "conflicts", Some(as_float(conflicts)), 0.0, ""),
    ];
    let figures = json!({
        "entries": ENTRIES, "claims": CLAIMS, "made_seconds": made.as_secs_f64(), "bound_seconds": took.as_secs_f64(),
        "writes": writes, "conflicts": conflicts, "passes": count, "pass_milliseconds": pass, "passes_over_50_ms": slow,
        "cpu_seconds": cpu, "peak_mebibytes": memory.peak,
    });
    Ok(Scene { lines, figures, bars })
}
