//! What is told about the work, as it happens: a line per machine and a total on a terminal, plain lines elsewhere, JSON lines
//! where asked for. Nothing else in the program prints.

pub(crate) mod columns;
mod delivery;
pub(crate) mod facts;
mod json;
pub(crate) mod logging;
mod plain;
pub(crate) mod printer;
mod terminal;
pub(crate) mod traces;
pub(crate) mod words;

use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;

use remote::engine::{Error, Event, Finish};
use remote::script::Mode;

use crate::cli::{Output, RunArgs};
use crate::machine::Machine;

/// How the work on one machine ended, and how long it took.
pub(crate) struct Ended {
    /// How.
    pub(crate) result: Result<Finish, Error>,
    /// How long it took.
    pub(crate) took: Duration,
}

/// Which steps have a line of their own when they end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Steps {
    /// Each.
    All,
    /// Those that failed.
    Failed,
    /// None.
    None,
}

/// Is told what happens. Machines are named by their place in the list that the reporter was made with.
pub(crate) trait Reporter: Send + Sync {
    /// Work on this machine begins.
    fn begin(&self, machine: usize);
    /// Something happens on it.
    fn event(&self, machine: usize, event: &Event);
    /// Another machine answers at its address than at the last visit, by their machine-ids.
    fn replaced(&self, machine: usize, before: &str, now: &str);
    /// Work on it has ended.
    fn end(&self, machine: usize, ended: &Ended);
    /// Something that concerns all of them.
    fn note(&self, text: &str);
    /// All work has ended.
    fn total(&self, tally: &words::Tally);
}

/// The reporter that fits the options and where the output goes. Where a run `goes_on` after a step that failed, each such step is
/// told; otherwise the one is told as the end of the run.
pub(crate) fn reporter(machines: Arc<Vec<Machine>>, mode: Mode, goes_on: bool, args: &RunArgs) -> Arc<dyn Reporter> {
    let steps = match (args.verbose, goes_on) {
        (true, _) => Steps::All,
        (false, true) => Steps::Failed,
        (false, false) => Steps::None,
    };
    match args.output {
        Output::Json => Arc::new(json::Json { machines, mode }),
        Output::Text if std::io::stdout().is_terminal() && std::io::stderr().is_terminal() => {
            Arc::new(terminal::Terminal::new(machines, mode, steps))
        }
        Output::Text => Arc::new(plain::Plain::new(machines, mode, steps)),
    }
}
