//! What each command does with the machines.

mod controller;
mod crds;
mod doctor;
mod known;
mod logs;
mod manifests;
mod plan;
mod run;
mod status;
mod webhook;

use std::process::ExitCode;

use clap::CommandFactory;
use remote::ssh::Deadlines;
use tokio_util::sync::CancellationToken;

use crate::cli::{Cli, Command};
use crate::input::Problem;
use crate::machine::Machine;
use crate::report::printer;

/// How long threads have to end once all is done.
const LINGER: std::time::Duration = std::time::Duration::from_millis(500);

/// How the program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All is well on all machines.
    Well,
    /// Not on some.
    Failed,
    /// Bad input: no machine was touched.
    BadInput,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Well => 0,
            Exit::Failed => 1,
            Exit::BadInput => 2,
        })
    }
}

/// Does what was asked for.
pub(crate) fn main(cli: Cli) -> Exit {
    let done = match cli.command {
        Command::Plan(args) => plan::plan(&args),
        Command::Apply(args) => run::apply(&args),
        Command::Status(args) => status::status(&args),
        Command::Doctor(args) => doctor::doctor(&args),
        Command::Logs(args) => logs::logs(&args),
        Command::Reset(args) => run::reset(&args),
        Command::Crds(args) => crds::crds(&args),
        Command::Controller(args) => controller::controller(&args),
        Command::Manifests(args) => manifests::manifests(&args),
        Command::Webhook(args) => webhook::webhook(&args),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "anywhere", &mut script);
            printer::bytes(&script);
            Ok(Exit::Well)
        }
        Command::Man => man(),
    };
    done.unwrap_or_else(|problems| {
        for problem in &problems {
            printer::complain(&format!("error: {problem}"));
        }
        Exit::BadInput
    })
}

/// The manual page, that of each command after the general one.
fn man() -> Result<Exit, Vec<Problem>> {
    let mut command = Cli::command();
    command.build();
    let mut page = Vec::new();
    let mut rendered = clap_mangen::Man::new(command.clone()).render(&mut page);
    for subcommand in command.get_subcommands().filter(|subcommand| subcommand.get_name() != "help") {
        rendered = rendered.and_then(|()| clap_mangen::Man::new(subcommand.clone()).render(&mut page));
    }
    rendered.map_err(|error| vec![Problem::new(error)])?;
    printer::bytes(&page);
    Ok(Exit::Well)
}

/// Runs `work` on as many threads as there are cores; Ctrl-C and SIGTERM cancel the token that it is given, a second one ends the
/// program at once.
fn with_runtime<T, Doing: Future<Output = T>>(work: impl FnOnce(CancellationToken) -> Doing) -> Result<T, Vec<Problem>> {
    let problem = |error: std::io::Error| vec![Problem(format!("cannot start: {error}"))];
    let runtime = tokio::runtime::Runtime::new().map_err(problem)?;
    let done = runtime.block_on(async {
        let cancel = CancellationToken::new();
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).map_err(problem)?;
        let interrupted = async {
            loop {
                tokio::select! {
                    _ = tokio::signal::ctrl_c() => {}
                    _ = terminate.recv() => {}
                }
                if cancel.is_cancelled() {
                    std::process::exit(1);
                }
                cancel.cancel();
            }
        };
        tokio::select! {
            done = work(cancel.clone()) => Ok(done),
            () = interrupted => Err(vec![Problem::new("interrupted")]),
        }
    });
    // What is still looked up in a thread of its own is not waited for.
    runtime.shutdown_timeout(LINGER);
    done
}

/// Who we are, for others who find a machine held.
fn holder() -> String {
    let user = std::env::var("USER")
        .or_else(|_| std::env::var("LOGNAME"))
        .unwrap_or_else(|_| "somebody".to_owned());
    let host = nix::unistd::gethostname()
        .ok()
        .and_then(|name| name.into_string().ok())
        .unwrap_or_else(|| "somewhere".to_owned());
    format!("{user}@{host} pid {}", std::process::id())
}

/// The limits of asking a host, and those of its connection.
fn limits(connection: &crate::cli::ConnectionArgs) -> (remote::engine::Limits, Deadlines) {
    let silence = std::time::Duration::from_secs(connection.silence_timeout);
    (
        remote::engine::Limits {
            silence,
            ..Default::default()
        },
        crate::credentials::deadlines(connection),
    )
}

/// The deadlines of each of these machines: those of the command line, but for what a machine sets itself.
fn deadlines_of(machines: &[Machine], deadlines: Deadlines) -> impl Fn(usize) -> Deadlines + use<> {
    let own: Vec<_> = machines.iter().map(|machine| machine.timeouts.deadlines(deadlines)).collect();
    move |index| own.get(index).copied().unwrap_or(deadlines)
}
