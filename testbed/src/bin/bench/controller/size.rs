//! Ten thousand objects: what it has in memory, and how long it takes until it has seen them.

use std::time::Duration;

use serde_json::json;

use super::load::Load;
use super::process::Controller;
use super::server::{Server, more};
use super::{Scene, Stage};
use crate::bars::Bar;

const LOAD: Load = Load {
    clusters: 100,
    machines: 2475,
    entries: 2475,
    nodes: false,
};

const QUIET: Duration = Duration::from_secs(5);

/// Runs it.
pub(super) fn run(stage: &Stage<'_>) -> Result<Scene, String> {
    let server = Server::start(&stage.programs.anywhere, &[])?;
    LOAD.make(&server)?;
    let before = server.counted()?;
    let controller = Controller::start(&stage.programs.anywhere, &server.kubeconfig(), &stage.folder)?;
    let listed = controller.memory()?;
    let settled = controller.settle(QUIET)?;
    let memory = controller.memory()?;
    let cpu = controller.cpu()?;
    let writes = more(&before, &server.counted()?, &["PATCH", "POST", "PUT", "DELETE"], "");
    let lines = vec![
        format!(
            "controller-10000: {} objects: {} each of RemoteMachines, entries, Machines and Secrets of bootstrap data, {} Clusters",
            LOAD.objects(),
            LOAD.machines,
            LOAD.clusters
        ),
        format!(
            "listed after {:.2} s, all looked at {:.2} s later; {cpu:.2} s of CPU time, {writes} writes",
            controller.started.as_secs_f64(),
            settled.as_secs_f64()
        ),
        format!(
            "resident: {:.0} MiB when listed, {:.0} MiB when settled, at most {:.0} MiB",
            listed.now, memory.now, memory.peak
        ),
    ];
    let bars = vec![
        Bar::most("controller-10000", "resident", Some(memory.now), 100.0, " MiB"),
        Bar::most("controller-10000", "resident at most", Some(memory.peak), 100.0, " MiB"),
    ];
    let figures = json!({
        "objects": LOAD.objects(), "listed_seconds": controller.started.as_secs_f64(), "settled_seconds": settled.as_secs_f64(),
        "cpu_seconds": cpu, "writes": writes, "listed_mebibytes": listed.now, "settled_mebibytes": memory.now,
        "peak_mebibytes": memory.peak,
    });
    Ok(Scene { lines, figures, bars })
}
