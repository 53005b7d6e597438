//! `anywhere doctor`: whether machines are fit, before anything is done with them. It changes nothing on any.

use std::sync::Arc;

use remote::doctor::{Diagnosis, Examination, Intent, Level, compare, diagnose};
use remote::engine::{self, Error};
use serde_json::json;

use super::{Exit, deadlines_of, limits, with_runtime};
use crate::cli::{DoctorArgs, Output};
use crate::input::Problem;
use crate::machine::{self, Fleet, Machine};
use crate::report::columns::{aligned, wrapped};
use crate::report::facts::{clock, size};
use crate::report::printer;
use crate::{credentials, fleet};

/// `anywhere doctor`
pub(super) fn doctor(args: &DoctorArgs) -> Result<Exit, Vec<Problem>> {
    let Fleet { machines, .. } = read(args)?;
    let hosts = credentials::hosts(&machines, &args.connection)?;
    let (limits, deadlines) = limits(&args.connection);
    let deadlines = deadlines_of(&machines, deadlines);
    let parallel = usize::from(args.connection.parallel);
    let answers = with_runtime(|cancel| {
        let cancel = Arc::new(cancel);
        fleet::hosts(hosts, parallel, move |index, host| {
            let cancel = cancel.clone();
            let deadlines = deadlines(index);
            async move { engine::examine(&host, &limits, &deadlines, &cancel).await }
        })
    })?;
    let answers: Vec<_> = answers
        .into_iter()
        .map(|answer| answer.unwrap_or_else(|| Err(Error::Lost(String::new()))))
        .collect();
    let found = found(&machines, &answers);
    match args.output {
        Output::Json => machines
            .iter()
            .zip(&answers)
            .zip(&found)
            .for_each(|((machine, answer), found)| printer::line(&object(machine, answer, found))),
        Output::Text => text(&machines, &answers, &found).iter().for_each(|line| printer::line(line)),
    }
    let is_fit = found.iter().flatten().all(|diagnosis| diagnosis.level < Level::Failure);
    Ok(if is_fit { Exit::Well } else { Exit::Failed })
}

/// The machines, and what they are for where that is known: a machine without bootstrap data can be examined as well.
fn read(args: &DoctorArgs) -> Result<Fleet, Vec<Problem>> {
    let is_given = args.bootstrap.bootstrap_data.is_some();
    if is_given || args.machines.filenames.is_empty() {
        return machine::read(&args.machines, is_given.then_some(&args.bootstrap));
    }
    match machine::read(&args.machines, Some(&args.bootstrap)) {
        Ok(fleet) if !fleet.machines.is_empty() => Ok(fleet),
        Ok(_) => machine::read(&args.machines, None),
        Err(problems) => {
            let fleet = machine::read(&args.machines, None)?;
            for problem in &problems {
                printer::complain(&format!("note: what the machines are for is not known: {problem}"));
            }
            Ok(fleet)
        }
    }
}

/// What there is to say about each machine, worst first.
fn found(machines: &[Machine], answers: &[Result<Examination, Error>]) -> Vec<Vec<Diagnosis>> {
    let mut found: Vec<_> = machines
        .iter()
        .zip(answers)
        .map(|(machine, answer)| match answer {
            Ok(examination) => diagnose(examination, &Intent::of(machine.plan()), &machine.owner),
            Err(error) => vec![Diagnosis::failure("reach", error.to_string())],
        })
        .collect();
    let named: Vec<_> = machines
        .iter()
        .zip(answers)
        .map(|(machine, answer)| (machine.name.as_str(), answer.as_ref().ok()))
        .collect();
    for (index, diagnosis) in compare(&named) {
        if let Some(found) = found.get_mut(index) {
            let place = found.partition_point(|other| other.level >= diagnosis.level);
            found.insert(place, diagnosis);
        }
    }
    found
}

fn word(found: &[Diagnosis]) -> &'static str {
    match found.iter().map(|diagnosis| diagnosis.level).max() {
        None => "ok",
        Some(Level::Warning) => "warning",
        Some(Level::Failure) => "failure",
    }
}

fn object(machine: &Machine, answer: &Result<Examination, Error>, found: &[Diagnosis]) -> String {
    let diagnoses: Vec<_> = found
        .iter()
        .map(|Diagnosis { level, about, text }| {
            let level = match level {
                Level::Warning => "warning",
                Level::Failure => "failure",
            };
            json!({ "level": level, "about": about, "text": text })
        })
        .collect();
    let examination = answer.as_ref().ok();
    json!({
        "machine": machine.name,
        "address": machine.address(),
        "result": word(found),
        "diagnoses": diagnoses,
        "hostKey": examination.and_then(|examination| examination.host_key.clone()),
        "facts": examination.and_then(|examination| examination.status.facts.clone()),
    })
    .to_string()
}

/// A table, and below it what there is to do.
fn text(machines: &[Machine], answers: &[Result<Examination, Error>], found: &[Vec<Diagnosis>]) -> Vec<String> {
    let mut rows = vec![["MACHINE", "RESULT", "SYSTEM", "CPUS", "MEMORY", "/VAR FREE", "CLOCK"].map(str::to_owned)];
    for ((machine, answer), found) in machines.iter().zip(answers).zip(found) {
        let facts = answer.as_ref().ok().and_then(|examination| examination.status.facts.as_ref());
        let cell = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        let system = facts.and_then(|facts| {
            let id = facts.os.id.clone()?;
            let version = facts.os.version_id.as_ref();
            Some(version.map_or_else(|| id.clone(), |version| format!("{id} {version}")))
        });
        let free = facts.and_then(|facts| facts.file_systems.iter().find(|on| on.path == "/var"));
        rows.push([
            machine.name.clone(),
            word(found).to_owned(),
            cell(system.map(|system| system.chars().take(16).collect())),
            cell(facts.and_then(|facts| facts.cpus).map(|cpus| cpus.to_string())),
            cell(facts.and_then(|facts| facts.memory_bytes).map(size)),
            cell(free.map(|on| size(on.free_bytes))),
            cell(facts.and_then(|facts| facts.skew).map(|skew| {
                if skew.seconds == 0.0 {
                    "right".to_owned()
                } else {
                    clock(skew)
                }
            })),
        ]);
    }
    let mut lines = aligned(&rows);
    for (machine, found) in machines.iter().zip(found).filter(|(_, found)| !found.is_empty()) {
        lines.push(String::new());
        lines.push(machine.name.clone());
        for Diagnosis { level, about, text } in found {
            let level = match level {
                Level::Warning => "warning",
                Level::Failure => "failure",
            };
            lines.extend(wrapped(&format!("  {level}  {about:10}  "), text));
        }
    }
    let count = |result| found.iter().filter(|found| word(found) == result).count();
    lines.push(String::new());
    let parts: Vec<_> = [
        (count("ok"), "ok"),
        (count("warning"), "with warnings"),
        (count("failure"), "not fit"),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, word)| format!("{count} {word}"))
    .collect();
    let all = machines.len();
    let s = if all == 1 { "" } else { "s" };
    lines.push(format!("{all} machine{s}: {}. Nothing was changed on any.", parts.join(", ")));
    lines
}
