//! `anywhere status`: asks machines how they stand.

use std::sync::Arc;

use remote::engine::{self, Error, Interruption, State, Status};
use serde_json::json;

use super::{Exit, deadlines_of, limits, with_runtime};
use crate::cli::{StatusArgs, StatusOutput};
use crate::input::Problem;
use crate::machine::{self, Machine};
use crate::report::{columns, facts, printer};
use crate::{credentials, fleet};

/// `anywhere status`
pub(super) fn status(args: &StatusArgs) -> Result<Exit, Vec<Problem>> {
    let machines = machine::read(&args.machines, None)?.machines;
    let hosts = credentials::hosts(&machines, &args.connection)?;
    let (limits, deadlines) = limits(&args.connection);
    let deadlines = deadlines_of(&machines, deadlines);
    let parallel = usize::from(args.connection.parallel);
    let wants_facts = args.output != StatusOutput::Text;
    let answers = with_runtime(|cancel| {
        let cancel = Arc::new(cancel);
        fleet::hosts(hosts, parallel, move |index, host| {
            let cancel = cancel.clone();
            let deadlines = deadlines(index);
            async move { engine::inspect(&host, wants_facts, &limits, &deadlines, &cancel).await }
        })
    })?;
    let answers: Vec<_> = answers
        .into_iter()
        .map(|answer| answer.unwrap_or_else(|| Err(Error::Lost(String::new()))))
        .collect();
    match args.output {
        StatusOutput::Json => machines
            .iter()
            .zip(&answers)
            .for_each(|(machine, answer)| printer::line(&json(machine, answer))),
        StatusOutput::Text => table(&machines, &answers).iter().for_each(|line| printer::line(line)),
        StatusOutput::Wide => {
            let mut lines = table(&machines, &answers);
            for (machine, answer) in machines.iter().zip(&answers) {
                if let Ok(Status { facts: Some(known), .. }) = answer {
                    lines.push(String::new());
                    lines.push(machine.name.clone());
                    lines.extend(facts::lines(known));
                }
            }
            lines.iter().for_each(|line| printer::line(line));
        }
    }
    Ok(if answers.iter().all(Result::is_ok) {
        Exit::Well
    } else {
        Exit::Failed
    })
}

fn state(state: State) -> &'static str {
    match state {
        State::Clean => "clean",
        State::Running => "running",
        State::Provisioned => "provisioned",
        State::Failed => "failed",
        State::Stopped => "stopped",
        State::Interrupted => "interrupted",
        State::OtherMachine => "other-machine",
    }
}

fn interruption(by: Interruption) -> &'static str {
    match by {
        Interruption::Reboot => "reboot",
        Interruption::Kill => "kill",
        Interruption::Unknown => "unknown",
    }
}

/// A line about what the state alone does not say.
fn remark(status: &Status) -> Option<String> {
    if status.state == State::OtherMachine {
        return Some("what it remembers is another machine's: it was made from an image or a backup of that one".to_owned());
    }
    let what = status.interrupted_by?.in_words();
    Some(if status.step.is_empty() {
        what.to_owned()
    } else {
        format!("{what} in step {}, {}, or after it", status.at, status.step)
    })
}

fn json(machine: &Machine, answer: &Result<Status, Error>) -> String {
    let object = match answer {
        Ok(status) => json!({
            "machine": machine.name,
            "address": machine.address(),
            "state": state(status.state),
            "owner": status.owner,
            "holder": status.holder,
            "plan": status.plan,
            "step": status.at,
            "name": status.step,
            "steps": status.steps,
            "exitStatus": status.exit_status,
            "said": status.said,
            "began": status.time,
            "interruptedBy": status.interrupted_by.map(interruption),
            "facts": status.facts,
        }),
        Err(error) => {
            json!({ "machine": machine.name, "address": machine.address(), "state": "unknown", "error": error.to_string() })
        }
    };
    object.to_string()
}

/// A table like kubectl's, and below it what does not fit one.
fn table(machines: &[Machine], answers: &[Result<Status, Error>]) -> Vec<String> {
    let mut rows = vec![[
        "MACHINE".to_owned(),
        "STATE".to_owned(),
        "STEP".to_owned(),
        "OWNER".to_owned(),
    ]];
    let mut more = Vec::new();
    for (machine, answer) in machines.iter().zip(answers) {
        let (state, step, owner) = match answer {
            Ok(status) => {
                if let (State::Failed, Some(exit)) = (status.state, status.exit_status) {
                    more.push(format!(
                        "{}: step {}, {}: exit status {exit}",
                        machine.name, status.at, status.step
                    ));
                    more.extend(status.said.iter().map(|line| format!("  | {line}")));
                }
                more.extend(remark(status).map(|remark| format!("{}: {remark}", machine.name)));
                if let Some(holder) = &status.holder {
                    more.push(format!("{}: held by {holder}", machine.name));
                }
                let step = if status.steps == 0 {
                    "-".to_owned()
                } else {
                    format!("{}/{}", status.at, status.steps)
                };
                (
                    state(status.state).to_owned(),
                    step,
                    status.owner.clone().unwrap_or_else(|| "-".to_owned()),
                )
            }
            Err(error) => {
                more.push(printer::hanging(&format!("{}: {error}", machine.name)));
                ("unknown".to_owned(), "-".to_owned(), "-".to_owned())
            }
        };
        rows.push([machine.name.clone(), state, step, owner]);
    }
    let mut lines = columns::aligned(&rows);
    lines.extend(more);
    lines
}
