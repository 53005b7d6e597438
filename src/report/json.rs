//! JSON, one object a line: for programs. Fields are only ever added.

use std::sync::Arc;

use remote::engine::{Error, Event, Finish};
use remote::script::Mode;
use serde_json::{Map, Value, json};

use super::{Ended, Reporter, printer, words};
use crate::machine::Machine;

/// See the module.
pub(super) struct Json {
    pub(super) machines: Arc<Vec<Machine>>,
    pub(super) mode: Mode,
}

impl Json {
    fn print(&self, machine: usize, event: &str, fields: Value) {
        let mut object = Map::new();
        if let Some(machine) = self.machines.get(machine) {
            object.insert("machine".to_owned(), json!(machine.name));
            object.insert("address".to_owned(), json!(machine.address()));
        }
        object.insert("event".to_owned(), json!(event));
        if let Value::Object(fields) = fields {
            object.extend(fields);
        }
        printer::line(&Value::Object(object).to_string());
    }

    fn step(&self, machine: usize, number: usize) -> Value {
        let plan = self.machines.get(machine).and_then(Machine::plan);
        json!(words::step_name(plan, number))
    }
}

impl Reporter for Json {
    fn begin(&self, machine: usize) {
        self.print(machine, "begin", json!({}));
    }

    fn event(&self, machine: usize, event: &Event) {
        match event {
            Event::Connected { trusted_on_first_use } => {
                self.print(machine, "connected", json!({ "trustedOnFirstUse": trusted_on_first_use }));
            }
            Event::Facts(facts) => self.print(machine, "facts", json!({ "facts": facts })),
            Event::Following { run } => self.print(machine, "following", json!({ "run": run })),
            Event::Machine { .. } | Event::Sending { .. } => {}
            Event::Sent { number, from, size } => self.print(
                machine,
                "sent",
                json!({ "step": number, "name": self.step(machine, *number), "from": from, "bytes": size }),
            ),
            Event::StepBegan { number } => {
                self.print(
                    machine,
                    "step-began",
                    json!({ "step": number, "name": self.step(machine, *number) }),
                );
            }
            Event::StepEnded {
                number,
                status,
                took,
                said,
            } => self.print(
                machine,
                "step-ended",
                json!({
                    "step": number,
                    "name": self.step(machine, *number),
                    "exitStatus": status,
                    "seconds": took.as_secs_f64(),
                    "said": said,
                }),
            ),
            Event::Reconnecting { after, reason } => {
                self.print(
                    machine,
                    "reconnecting",
                    json!({ "seconds": after.as_secs_f64(), "reason": reason }),
                );
            }
        }
    }

    fn replaced(&self, machine: usize, before: &str, now: &str) {
        self.print(machine, "replaced", json!({ "machineIdBefore": before, "machineId": now }));
    }

    fn end(&self, machine: usize, ended: &Ended) {
        let verdict = words::verdict(&ended.result);
        let mut fields = json!({ "result": words::word(verdict, self.mode), "seconds": ended.took.as_secs_f64() });
        let more = match &ended.result {
            Ok(Finish {
                steps_run,
                connections,
                traffic,
                unchanged: _,
            }) => json!({
                "stepsRun": steps_run,
                "connections": connections,
                "bytesSent": traffic.sent,
                "bytesReceived": traffic.received,
            }),
            Err(Error::Step(failure)) => json!({
                "error": ended.result.as_ref().err().map(ToString::to_string),
                "step": failure.number,
                "name": failure.name,
                "exitStatus": failure.status,
                "said": failure.said,
            }),
            Err(error) => json!({ "error": error.to_string() }),
        };
        if let (Value::Object(fields), Value::Object(more)) = (&mut fields, more) {
            fields.extend(more);
        }
        self.print(machine, "end", fields);
    }

    fn note(&self, text: &str) {
        printer::line(&json!({ "event": "note", "text": text }).to_string());
    }

    fn total(&self, tally: &words::Tally) {
        let words::Tally {
            done,
            unchanged,
            failed,
            stopped,
        } = tally;
        let total = json!({ "event": "total", "done": done, "unchanged": unchanged, "failed": failed, "stopped": stopped });
        printer::line(&total.to_string());
    }
}
