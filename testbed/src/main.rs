//! `testbed up N` starts machines for use by hand and keeps them until its standard input ends or a signal asks it to
//! stop.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command's output is what it is for")]

mod demo;
mod demo_cluster;

use clap::{Parser, Subcommand, ValueEnum};
use serde_json::json;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use testbed::{
    ControlPlane, ControlPlaneOptions, Kind, Machine, MachineSpec, Provider, Shell, SudoRule, TestbedError, requirements,
};
use tokio::signal::unix::{SignalKind, signal};

/// Machines with real OpenSSH servers on loopback addresses.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Start machines, print how to log in, and keep them until standard input ends or SIGINT or SIGTERM comes.
    Up {
        /// How many.
        #[arg(default_value_t = 1)]
        count: usize,
        /// How much of an operating system they have.
        #[arg(long, value_enum, default_value_t = KindName::SshdOnly)]
        kind: KindName,
        /// What /bin/sh is.
        #[arg(long, value_enum, default_value_t = ShellName::Dash)]
        shell: ShellName,
        /// Let the user `admin` use sudo without a password.
        #[arg(long)]
        sudo: bool,
        /// Print one JSON object for each machine, one per line.
        #[arg(long)]
        json: bool,
    },
    /// Start a control plane, print how kubectl finds it, and keep it until standard input ends or SIGINT or SIGTERM comes.
    ControlPlane {
        /// With Cluster API core and its kubeadm providers.
        #[arg(long)]
        cluster_api: bool,
    },
    /// Say what this host lacks to run every kind of machine.
    Check,
    /// Provision machines in every way: each login, privilege, shell and init system with each; print a table.
    Matrix {
        /// The binary.
        #[arg(long, default_value = "target/debug/anywhere")]
        anywhere: PathBuf,
    },
    /// Have Cluster API make nodes of hosts, scale them up and down, and give the hosts back.
    DemoCluster {
        /// The binary.
        #[arg(long, default_value = "target/debug/anywhere")]
        anywhere: PathBuf,
    },
    /// Provision three machines, cut a connection halfway, and give them back.
    Demo {
        /// The binary.
        #[arg(long, default_value = "target/debug/anywhere")]
        anywhere: PathBuf,
        /// What is applied.
        #[arg(long, default_value = "examples/user-data.yaml")]
        user_data: PathBuf,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum KindName {
    SshdOnly,
    Systemd,
    #[value(name = "openrc")]
    OpenRc,
    BusyboxOnly,
}

#[derive(Clone, Copy, ValueEnum)]
enum ShellName {
    Dash,
    Bash,
    Busybox,
    Mksh,
    Yash,
}

impl From<KindName> for Kind {
    fn from(name: KindName) -> Self {
        match name {
            KindName::SshdOnly => Self::SshdOnly,
            KindName::Systemd => Self::Systemd,
            KindName::OpenRc => Self::OpenRc,
            KindName::BusyboxOnly => Self::BusyboxOnly,
        }
    }
}

impl From<ShellName> for Shell {
    fn from(name: ShellName) -> Self {
        match name {
            ShellName::Dash => Self::Dash,
            ShellName::Bash => Self::Bash,
            ShellName::Busybox => Self::Busybox,
            ShellName::Mksh => Self::Mksh,
            ShellName::Yash => Self::Yash,
        }
    }
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Task::Check => requirements(),
        Task::Matrix { anywhere } => requirements().and_then(|()| matrix(&anywhere)),
        Task::DemoCluster { anywhere } => requirements().and_then(|()| demo_cluster::demo_cluster(&anywhere)),
        Task::Demo { anywhere, user_data } => requirements().and_then(|()| demo::demo(&anywhere, &user_data)),
        Task::Up {
            count,
            kind,
            shell,
            sudo,
            json,
        } => {
            let sudo = if sudo { SudoRule::NoPassword } else { SudoRule::None };
            let spec = MachineSpec {
                kind: kind.into(),
                shell: shell.into(),
                sudo,
                ..MachineSpec::default()
            };
            up(&vec![spec; count], json)
        }
        Task::ControlPlane { cluster_api } => control_plane(cluster_api),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("testbed: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Prints the whole matrix; fails if a cell does.
fn matrix(anywhere: &Path) -> Result<(), TestbedError> {
    let results = testbed::matrix::run(anywhere)?;
    let mut out = std::io::stdout().lock();
    let _ = write!(out, "{}", testbed::matrix::table(&results)).and_then(|()| out.flush());
    let failed = results.iter().filter(|(_, why)| why.is_some()).count();
    if failed == 0 {
        return Ok(());
    }
    Err(TestbedError::Io {
        action: "go through the matrix".to_owned(),
        source: std::io::Error::other(format!("{failed} cells failed")),
    })
}

/// Starts the machines, prints them and keeps them until it is asked to stop; they end with this process in any case.
fn up(specs: &[MachineSpec], json: bool) -> Result<(), TestbedError> {
    let machines = Machine::start_many(specs).into_iter().collect::<Result<Vec<_>, _>>()?;
    for machine in &machines {
        print(&describe(machine)?, json);
    }
    wait_until_asked_to_stop()
}

/// The same with a control plane.
fn control_plane(cluster_api: bool) -> Result<(), TestbedError> {
    let options = if cluster_api {
        ControlPlaneOptions::with_cluster_api(&Provider::ALL)
    } else {
        ControlPlaneOptions::with_controllers()
    };
    let plane = ControlPlane::start(&options)?;
    print_line(&format!("export KUBECONFIG={}", plane.kubeconfig().display()));
    wait_until_asked_to_stop()
}

fn wait_until_asked_to_stop() -> Result<(), TestbedError> {
    let failed = |action: &str| {
        let action = action.to_owned();
        move |source| TestbedError::Io { action, source }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(failed("make a runtime"))?;
    runtime.block_on(asked_to_stop()).map_err(failed("wait for signals"))
}

fn describe(machine: &Machine) -> Result<serde_json::Value, TestbedError> {
    Ok(json!({
        "hostname": machine.hostname(),
        "address": machine.address(),
        "port": machine.port(),
        "users": ["root", "admin"],
        "key": machine.keys().path(),
        "known_hosts": machine.known_hosts_path()?,
    }))
}

/// How to log in.
fn print(machine: &serde_json::Value, json: bool) {
    let field = |name: &str| {
        machine
            .get(name)
            .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    };
    let [key, known_hosts, port, address] = ["key", "known_hosts", "port", "address"].map(|name| field(name).unwrap_or_default());
    let line = if json {
        machine.to_string()
    } else {
        format!("ssh -F none -i {key} -o UserKnownHostsFile={known_hosts} -p {port} root@{address}   # or admin@")
    };
    print_line(&line);
}

/// Whoever reads may stop reading.
fn print_line(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

async fn asked_to_stop() -> std::io::Result<()> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let (ended, mut input_ended) = tokio::sync::mpsc::channel::<()>(1);
    // A thread, because reading standard input cannot be cancelled and the process must end nevertheless.
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        drop(ended);
    });
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = input_ended.recv() => {}
    }
    Ok(())
}
