//! `anywhere logs`: what the steps printed, as the machines keep it.

use super::{Exit, limits, with_runtime};
use crate::cli::LogsArgs;
use crate::credentials;
use crate::input::Problem;
use crate::machine;
use crate::report::printer;

/// `anywhere logs`: one machine after the other, so that their lines do not mix.
pub(super) fn logs(args: &LogsArgs) -> Result<Exit, Vec<Problem>> {
    let machines = machine::read(&args.machines, None)?.machines;
    let hosts = credentials::hosts(&machines, &args.connection)?;
    let (limits, deadlines) = limits(&args.connection);
    let several = machines.len() > 1;
    with_runtime(|cancel| async move {
        let mut exit = Exit::Well;
        for (machine, host) in machines.iter().zip(&hosts) {
            let mut print = |line: String| {
                if several {
                    printer::line(&format!("{}  {line}", machine.name));
                } else {
                    printer::line(&line);
                }
            };
            let deadlines = machine.timeouts.deadlines(deadlines);
            if let Err(error) = remote::engine::logs(host, &limits, &deadlines, &cancel, &mut print).await {
                printer::complain(&printer::hanging(&format!("error: {}: {error}", machine.name)));
                exit = Exit::Failed;
            }
        }
        if let Some(host) = hosts.first() {
            host.target.jump_hosts.close().await;
        }
        exit
    })
}
