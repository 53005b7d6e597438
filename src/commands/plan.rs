//! `anywhere plan`: what apply would do, secrets masked, without a connection.

use std::io::IsTerminal;

use remote::plan::{Action, Body, Command, CopyFile, Ensure, Module, Plan, Script, Step, WriteFile};
use remote::redact::Redactor;
use remote::script::{self, Mode, Order};
use serde_json::{Value, json};

use super::Exit;
use super::known::{self, Told};
use crate::cli::{PlanArgs, PlanOutput};
use crate::input::Problem;
use crate::machine::{self, Machine, Planned};
use crate::report::{printer, words};

/// Lines of a plan are cut to this many characters on a terminal: 80 less a margin.
const WIDTH: usize = 79;

/// `anywhere plan`
pub(super) fn plan(args: &PlanArgs) -> Result<Exit, Vec<Problem>> {
    let fleet = machine::read(&args.machines, Some(&args.bootstrap))?;
    let told = known::facts(&fleet.machines, args)?;
    fleet
        .notes
        .iter()
        .for_each(|note| printer::complain(&format!("note: {note}")));
    let mut exit = Exit::Well;
    for (machine, told) in fleet.machines.iter().zip(&told) {
        match (&machine.planned, told) {
            (Some(Planned::AfterFacts(later)), Told::Nothing) => {
                needs(machine, &later.needs, args.output);
                continue;
            }
            (Some(Planned::AfterFacts(later)), Told::Facts(facts)) => match later.plan(facts) {
                Ok((_, notes)) => notes.iter().for_each(|note| printer::complain(&format!("note: {note}"))),
                Err(what) => {
                    exit = Exit::Failed;
                    printer::complain(&format!("error: {}: {}", machine.name, Problem(what)));
                    continue;
                }
            },
            (Some(Planned::AfterFacts(_)), Told::Error(what)) => {
                exit = Exit::Failed;
                printer::complain(&format!("error: {}: {what}", machine.name));
                continue;
            }
            (Some(Planned::Now(_)) | None, _) => {}
        }
        let Some(plan) = machine.plan() else { continue };
        match args.output {
            PlanOutput::Text => text(machine, plan).iter().for_each(|line| printer::line(line)),
            PlanOutput::Json => printer::line(&json(machine, plan).to_string()),
            PlanOutput::Sh => printer::bytes(&program(machine, plan)),
        }
    }
    Ok(exit)
}

/// There is no plan yet: what is missing, and how it is got.
fn needs(machine: &Machine, needs: &[String], output: PlanOutput) {
    let (name, address, uses) = (&machine.name, machine.address(), needs.join(", "));
    let advice = "give --facts FILE (anywhere status -o json), or --connect";
    match output {
        PlanOutput::Text => printer::line(&format!(
            "{name} ({address}): no plan yet: its template uses {uses}; {advice}"
        )),
        PlanOutput::Json => {
            printer::line(&json!({ "machine": name, "address": address, "plan": null, "needs": needs }).to_string());
        }
        PlanOutput::Sh => printer::complain(&format!("{name}: no plan yet: its template uses {uses}; {advice}")),
    }
}

fn text(machine: &Machine, plan: &Plan) -> Vec<String> {
    let redactor = Redactor::of(plan);
    let who = if machine.use_sudo {
        format!("{}, sudo", machine.user)
    } else {
        machine.user.clone()
    };
    let count = words::steps(plan.steps().len());
    let mut lines = vec![format!(
        "{} ({}, {who}): plan {}, {count}",
        machine.name,
        machine.address(),
        plan.id()
    )];
    let width = plan.steps().iter().map(|step| step.name.len()).max().unwrap_or(0);
    lines.extend(plan.steps().iter().enumerate().map(|(index, step)| {
        let line = format!("{:5}  {:width$}  {}", index + 1, step.name, summary(&step.action, &redactor));
        if std::io::stdout().is_terminal() && line.chars().count() > WIDTH {
            line.chars().take(WIDTH - 1).chain(['…']).collect()
        } else {
            line
        }
    }));
    lines
}

fn path(path: &[u8]) -> String {
    remote::event::printable(path)
}

fn summary(action: &Action, redactor: &Redactor) -> String {
    let first_line = |text: &[u8]| {
        let text = redactor.redact(&String::from_utf8_lossy(text));
        let mut lines = text.trim().lines();
        let first = remote::event::printable(lines.next().unwrap_or_default().as_bytes());
        if lines.next().is_some() {
            format!("{first} …")
        } else {
            first
        }
    };
    match action {
        Action::WriteFile(WriteFile {
            path: to,
            content,
            owner,
            mode,
            append,
        }) => {
            let verb = if *append { "append to" } else { "write" };
            let owner = owner.as_deref().unwrap_or("root:root");
            format!("{verb} {}, {} bytes, {mode:04o}, {owner}", path(to), content.len())
        }
        Action::CopyFile(CopyFile {
            path: to,
            content,
            owner,
            mode,
            append,
        }) => {
            let verb = if *append { "append to" } else { "write" };
            let owner = owner.as_deref().unwrap_or("root:root");
            let packed = if content.is_compressible() { ", compressible" } else { "" };
            format!(
                "{verb} {}, {}, {mode:04o}, {owner}, from {}, sha256 {}{packed}",
                path(to),
                words::bytes(content.size()),
                path(content.label().as_bytes()),
                content.sha256(),
            )
        }
        Action::Command(Command { text, module: _ }) => format!("run {}", first_line(text.expose())),
        Action::Script(Script {
            interpreter,
            body: Body::Inline(content),
            has_instance_id: _,
        }) => {
            format!("run a script of {} bytes with {}", content.len(), interpreter.join(" "))
        }
        Action::Script(Script {
            interpreter,
            body: Body::File { path: file, .. },
            has_instance_id: _,
        }) => {
            format!("run {} with {}", path(file), interpreter.join(" "))
        }
        Action::Ensure(Ensure { summary, .. }) => format!("ensure {summary}"),
        Action::Remove { path: file } => format!("remove {}", path(file)),
        Action::Expect { path: file } => format!("expect {}", path(file)),
        Action::Undo => "remove the files that runs made".to_owned(),
        Action::Prove => "prove that nothing is left".to_owned(),
    }
}

fn json(machine: &Machine, plan: &Plan) -> Value {
    let redactor = Redactor::of(plan);
    let steps: Vec<_> = plan
        .steps()
        .iter()
        .enumerate()
        .map(|(index, step)| json_step(index + 1, step, &redactor))
        .collect();
    json!({
        "machine": machine.name,
        "address": machine.address(),
        "user": machine.user,
        "sudo": machine.use_sudo,
        "owner": machine.owner,
        "plan": plan.id(),
        "steps": steps,
    })
}

fn json_step(number: usize, step: &Step, redactor: &Redactor) -> Value {
    let redacted = |text: &[u8]| redactor.redact(&String::from_utf8_lossy(text));
    let mut object = match &step.action {
        Action::WriteFile(WriteFile {
            path: to,
            content,
            owner,
            mode,
            append,
        }) => json!({
            "action": "writeFile",
            "path": path(to),
            "bytes": content.len(),
            "mode": format!("{mode:04o}"),
            "owner": owner.as_deref().unwrap_or("root:root"),
            "append": append,
        }),
        Action::CopyFile(CopyFile {
            path: to,
            content,
            owner,
            mode,
            append,
        }) => json!({
            "action": "copyFile",
            "path": path(to),
            "from": path(content.label().as_bytes()),
            "bytes": content.size(),
            "sha256": content.sha256().as_str(),
            "compressible": content.is_compressible(),
            "mode": format!("{mode:04o}"),
            "owner": owner.as_deref().unwrap_or("root:root"),
            "append": append,
        }),
        Action::Command(Command { text, module }) => json!({
            "action": "command",
            "module": match module { Module::Boot => "bootcmd", Module::Run => "runcmd" },
            "text": redacted(text.expose()),
        }),
        Action::Script(Script {
            interpreter,
            body,
            has_instance_id: _,
        }) => match body {
            Body::Inline(content) => json!({ "action": "script", "interpreter": interpreter, "bytes": content.len() }),
            Body::File { path: file, .. } => json!({ "action": "script", "interpreter": interpreter, "path": path(file) }),
        },
        Action::Ensure(Ensure { summary, function, .. }) => {
            json!({ "action": "ensure", "what": summary, "function": function })
        }
        Action::Remove { path: file } => json!({ "action": "remove", "path": path(file) }),
        Action::Expect { path: file } => json!({ "action": "expect", "path": path(file) }),
        Action::Undo => json!({ "action": "undo" }),
        Action::Prove => json!({ "action": "prove" }),
    };
    if let Value::Object(object) = &mut object {
        object.insert("number".to_owned(), json!(number));
        object.insert("id".to_owned(), json!(step.id.as_str()));
        object.insert("name".to_owned(), json!(step.name));
    }
    object
}

/// The program as a host would be sent it, but for the secrets.
fn program(machine: &Machine, plan: &Plan) -> Vec<u8> {
    let masked = plan.masked(&Redactor::of(plan));
    let order = Order {
        mode: Mode::Apply,
        owner: &machine.owner,
        holder: "anywhere plan",
        step_limit: 1800,
        run_limit: 7200,
        keep_going: false,
        rerun: None,
        rerun_interrupted: false,
        facts: false,
        seen: None,
        time: 0,
    };
    script::render(&masked, &order).expose().to_vec()
}
