//! Lines of text, each naming its machine: for logs, pipes and files.

use std::sync::Arc;

use remote::engine::Event;
use remote::script::Mode;

use super::{Ended, Reporter, Steps, printer, words};
use crate::machine::Machine;

/// See the module.
pub(super) struct Plain {
    machines: Arc<Vec<Machine>>,
    mode: Mode,
    steps: Steps,
    width: usize,
}

impl Plain {
    /// Lines about these machines.
    pub(super) fn new(machines: Arc<Vec<Machine>>, mode: Mode, steps: Steps) -> Self {
        let width = machines
            .iter()
            .map(|machine| machine.name.chars().count())
            .max()
            .unwrap_or(0)
            .min(40);
        Self {
            machines,
            mode,
            steps,
            width,
        }
    }

    /// A text with the machine's name in front of its first line; the others stand in from the margin.
    pub(super) fn about(&self, machine: usize, text: &str) -> String {
        let name = self.machines.get(machine).map_or("?", |machine| machine.name.as_str());
        let text = printer::hanging(text);
        format!("{name:width$}  {text}", width = self.width)
    }

    fn tells(&self, status: i32) -> bool {
        match self.steps {
            Steps::All => true,
            Steps::Failed => status != 0,
            Steps::None => false,
        }
    }

    /// What an event is worth telling.
    pub(super) fn words(&self, machine: usize, event: &Event) -> Option<String> {
        let plan = self.machines.get(machine).and_then(Machine::plan);
        let of = plan.map_or(0, |plan| plan.steps().len());
        match event {
            Event::Connected {
                trusted_on_first_use: Some(key),
            } => Some(format!(
                "a new host; its key is remembered
  | {key}"
            )),
            Event::Reconnecting { after, reason } => {
                Some(format!("connection lost ({reason}); again in {}", words::seconds(*after)))
            }
            Event::StepEnded {
                number,
                status,
                took,
                said,
            } if self.tells(*status) => {
                let end = if *status == 0 {
                    "done".to_owned()
                } else {
                    format!("exit status {status}")
                };
                // The end of a reset tells what the proof found, so what failed before it has to be told here.
                let said = match self.mode {
                    Mode::Reset if *number < of => said.iter().map(|line| format!("\n  | {line}")).collect(),
                    Mode::Reset | Mode::Apply => String::new(),
                };
                Some(format!(
                    "step {number} of {of}, {}: {end}, {}{said}",
                    words::step_name(plan, *number),
                    words::seconds(*took)
                ))
            }
            Event::Sent { number, from, size } if self.steps == Steps::All => Some(format!(
                "sent {} of {} for {}",
                words::bytes(size.saturating_sub(*from)),
                words::bytes(*size),
                words::step_name(plan, *number)
            )),
            Event::Connected {
                trusted_on_first_use: None,
            }
            | Event::Machine { .. }
            | Event::Facts(_)
            | Event::Following { .. }
            | Event::Sending { .. }
            | Event::Sent { .. }
            | Event::StepBegan { .. }
            | Event::StepEnded { .. } => None,
        }
    }
}

impl Reporter for Plain {
    fn begin(&self, _machine: usize) {}

    fn event(&self, machine: usize, event: &Event) {
        if let Some(words) = self.words(machine, event) {
            printer::line(&self.about(machine, &words));
        }
    }

    fn replaced(&self, machine: usize, before: &str, now: &str) {
        printer::line(&self.about(machine, &words::replaced(before, now)));
    }

    fn end(&self, machine: usize, ended: &Ended) {
        printer::line(&self.about(machine, &words::ending(ended, self.mode)));
    }

    fn note(&self, text: &str) {
        printer::complain(text);
    }

    fn total(&self, tally: &words::Tally) {
        printer::line(&tally.text(self.mode));
    }
}
