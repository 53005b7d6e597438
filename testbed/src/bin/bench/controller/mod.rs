//! What `anywhere controller` takes, on a real API server: while nothing changes, with many objects, and beside `anywhere apply`.
//!
//! Each scene has a control plane of its own, and the controller is a process of its own. No other controller runs there; what Cluster
//! API would have made and said, the scene has.

mod against;
mod entry;
mod idle;
mod load;
mod objects;
mod pools;
mod process;
mod requests;
mod server;
mod size;

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::bars::Bar;
use crate::host;
use crate::tools::Programs;

/// What the scenes are called.
pub(crate) const NAMES: [&str; 6] = [
    "controller-idle",
    "controller-10000",
    "controller-pools",
    "controller-entry",
    "controller-100",
    "controller-100-50ms",
];

/// What a scene came to.
pub(crate) struct Scene {
    /// For people.
    lines: Vec<String>,
    /// For programs.
    figures: Value,
    /// What was aimed at.
    bars: Vec<Bar<'static>>,
}

/// What a scene is given.
pub(crate) struct Stage<'a> {
    /// Where the programs are.
    programs: &'a Programs,
    /// Where its files go.
    folder: PathBuf,
    /// How long nothing is to happen in the idle scene, in seconds.
    idle_seconds: u64,
    /// Whether less often is enough.
    quick: bool,
}

/// Runs the scenes that are wanted, prints what each came to, and gives the figures and the bars.
pub(crate) fn run(
    programs: &Programs,
    (idle_seconds, quick): (u64, bool),
    is_wanted: impl Fn(&str) -> bool,
) -> Result<(Vec<Value>, Vec<Bar<'static>>), String> {
    let (mut figures, mut bars) = (Vec::new(), Vec::new());
    let keys = testbed::Keys::of_this_process().map_err(|error| error.to_string())?;
    for name in NAMES.into_iter().filter(|name| is_wanted(name)) {
        let stage = Stage {
            programs,
            folder: keys.folder().join(name),
            idle_seconds,
            quick,
        };
        std::fs::create_dir_all(&stage.folder).map_err(|error| format!("make {}: {error}", stage.folder.display()))?;
        let load = host::load();
        let scene = match name {
            "controller-idle" => idle::run(&stage),
            "controller-10000" => size::run(&stage),
            "controller-pools" => pools::run(&stage),
            "controller-entry" => entry::run(&stage),
            "controller-100" => against::run(&stage, name, 0),
            _ => against::run(&stage, name, 50),
        };
        let scene = scene.map_err(|error| format!("{name}: {error}"))?;
        println!("{}\n", scene.lines.join("\n"));
        let load = json!([load, host::load()]);
        figures.push(json!({ "scene": name, "load_average_before_and_after": load, "figures": scene.figures }));
        bars.extend(scene.bars);
    }
    Ok((figures, bars))
}
