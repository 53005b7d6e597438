//! `make bench`: the same work by `anywhere`, by OpenSSH alone, by pyinfra and by Ansible, side by side in one run, with
//! what it took. Asserts nothing about time, but refuses the figure of a tool that did not do the work.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command's output is what it is for")]

mod bars;
mod bulk;
mod controller;
mod dead;
mod figures;
mod host;
mod measure;
mod plan;
mod scenario;
mod text;
mod tools;
mod venv;
mod workload;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use serde_json::json;

use tools::Programs;

/// Compares anywhere with OpenSSH, pyinfra and Ansible on machines of this host.
#[derive(Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Internal>,
    #[command(flatten)]
    bench: Bench,
}

#[derive(Args)]
struct Bench {
    /// Fewer runs, and Ansible only on one machine
    #[arg(long)]
    quick: bool,
    /// Only these scenarios, separated by commas: one, one-50ms, again, again-50ms, steps, steps-50ms, 20, 100, 100-50ms, dead-tenth,
    /// thousand, thousand-dead-tenth, bulk, bulk-50ms, bulk-text, bulk-text-50ms, controller-idle, controller-10000, controller-pools,
    /// controller-entry, controller-100, controller-100-50ms [default: all]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    only: Vec<String>,
    /// How long nothing happens in the scene controller-idle
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    idle_seconds: u64,
    /// The binary to measure [default: the one beside this program]
    #[arg(long, value_name = "FILE")]
    anywhere: Option<PathBuf>,
    /// Where the peers are installed and the results are written
    #[arg(long, value_name = "FOLDER", default_value = "target/bench")]
    folder: PathBuf,
}

#[derive(Subcommand)]
enum Internal {
    /// What this program starts to measure one command.
    #[command(hide = true)]
    Measure(measure::Measured),
}

fn main() -> ExitCode {
    let Arguments { command, bench } = Arguments::parse();
    let done = match &command {
        Some(Internal::Measure(command)) => measure::run(command).map(|usage| {
            // Whoever wanted to know may be gone.
            let _ = writeln!(std::io::stdout(), "{usage}");
            true
        }),
        None => run(&bench),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs all scenarios; false when a figure was refused.
fn run(bench: &Bench) -> Result<bool, String> {
    let folder = std::path::absolute(&bench.folder).map_err(|error| error.to_string())?;
    std::fs::create_dir_all(&folder).map_err(|error| format!("make {}: {error}", folder.display()))?;
    let is_wanted = |name: &str| bench.only.is_empty() || bench.only.iter().any(|only| only == name);
    let scenarios = plan::scenarios(bench.quick);
    let has_peers = scenarios.iter().any(|(name, _)| is_wanted(name));
    let venv = folder.join("venv");
    let programs = Programs {
        anywhere: anywhere(bench)?,
        venv: if has_peers { venv::install(&venv)? } else { venv },
        key: testbed::Keys::of_this_process().map_err(|error| error.to_string())?.path(),
    };
    let before = host::describe(&programs);
    println!("{}\n", host::text(&before));
    let mut tables = Vec::new();
    let is_known = |only: &String| {
        scenarios
            .iter()
            .map(|(name, _)| *name)
            .chain(bulk::names())
            .chain(controller::NAMES)
            .any(|name| name == only)
    };
    if let Some(unknown) = bench.only.iter().find(|only| !is_known(only)) {
        return Err(format!("there is no scenario {unknown}"));
    }
    for (name, scenario) in scenarios {
        if is_wanted(name) {
            let table = scenario.run(&programs, name)?;
            println!("{}", text::table(&table));
            tables.push((name, table));
        }
    }
    let files = bulk::run(&programs, is_wanted)?;
    if !tables.is_empty() || !files.is_empty() {
        println!("{}\n", text::LEGEND);
    }
    let (of_controller, bars) = controller::run(&programs, (bench.idle_seconds, bench.quick), is_wanted)?;
    let bars = bars::lines(&tables, &bulk::ratios(&files), bars);
    println!("{}\n", bars.join("\n"));
    let results = json!({
        "host": before,
        "load_average_after": host::load(),
        "quick": bench.quick,
        "bulk": files,
        "controller": of_controller,
        "bars": bars,
        "scenarios": tables.iter().map(|(_, table)| table.json()).collect::<Vec<_>>(),
    });
    let path = folder.join("results.json");
    std::fs::write(&path, format!("{results:#}\n")).map_err(|error| format!("write {}: {error}", path.display()))?;
    println!("load average afterwards: {}", host::load());
    println!("the figures of each run: {}", path.display());
    Ok(!tables.iter().flat_map(|(_, table)| &table.rows).any(|row| row.refused))
}

fn anywhere(bench: &Bench) -> Result<PathBuf, String> {
    let beside = || Some(std::env::current_exe().ok()?.with_file_name("anywhere"));
    let path = bench.anywhere.clone().or_else(beside).unwrap_or_default();
    path.canonicalize()
        .map_err(|error| format!("{}: {error}; run `cargo build --release -p anywhere`", path.display()))
}
