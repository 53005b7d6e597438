//! A line per machine that is being worked on, and a total, redrawn in place; what has ended scrolls away above.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use remote::engine::Event;
use remote::script::Mode;

use super::plain::Plain;
use super::{Ended, Reporter, Steps, printer, words};
use crate::machine::Machine;

/// More lines than this would not fit a terminal; further machines only count in the total.
const MAX_LINES: usize = 16;

/// See the module.
pub(super) struct Terminal {
    machines: Arc<Vec<Machine>>,
    mode: Mode,
    plain: Plain,
    screen: MultiProgress,
    total: ProgressBar,
    lines: Mutex<HashMap<usize, ProgressBar>>,
}

impl Terminal {
    /// Lines about these machines.
    pub(super) fn new(machines: Arc<Vec<Machine>>, mode: Mode, steps: Steps) -> Self {
        let screen = MultiProgress::new();
        let total = screen.add(ProgressBar::new(machines.len() as u64));
        total.set_style(style("{pos} of {len} machines  {elapsed}  {wide_msg}"));
        total.enable_steady_tick(Duration::from_millis(200));
        let plain = Plain::new(machines.clone(), mode, steps);
        Self {
            machines,
            mode,
            plain,
            screen,
            total,
            lines: Mutex::default(),
        }
    }

    fn print(&self, text: &str) {
        self.screen.suspend(|| printer::line(text));
    }

    fn with_line(&self, machine: usize, change: impl FnOnce(&ProgressBar)) {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(line) = lines.get(&machine) {
            change(line);
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}

impl Reporter for Terminal {
    fn begin(&self, machine: usize) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() < MAX_LINES {
            let steps = self
                .machines
                .get(machine)
                .and_then(Machine::plan)
                .map_or(0, |plan| plan.steps().len());
            let line = self.screen.insert_before(&self.total, ProgressBar::new(steps as u64));
            line.set_style(style("{spinner} {prefix}  {wide_msg}"));
            line.set_prefix(self.plain.about(machine, "").trim_end().to_owned());
            line.set_message("connecting");
            line.enable_steady_tick(Duration::from_millis(200));
            lines.insert(machine, line);
        }
    }

    fn event(&self, machine: usize, event: &Event) {
        if let Some(words) = self.plain.words(machine, event) {
            self.print(&self.plain.about(machine, &words));
        }
        let plan = self.machines.get(machine).and_then(Machine::plan);
        let message = match event {
            Event::Connected { .. } => "connected".to_owned(),
            Event::Sent { .. } => "sent".to_owned(),
            Event::Following { .. } => "running".to_owned(),
            Event::Sending { number, sent, size } => format!(
                "sending {}: {} of {}",
                words::step_name(plan, *number),
                words::bytes(*sent),
                words::bytes(*size)
            ),
            Event::StepBegan { number } => {
                let of = plan.map_or(0, |plan| plan.steps().len());
                format!("step {number} of {of}, {}", words::step_name(plan, *number))
            }
            Event::Reconnecting { .. } => "connection lost".to_owned(),
            Event::StepEnded { .. } | Event::Machine { .. } | Event::Facts(_) => return,
        };
        self.with_line(machine, |line| line.set_message(message));
    }

    fn replaced(&self, machine: usize, before: &str, now: &str) {
        self.print(&self.plain.about(machine, &words::replaced(before, now)));
    }

    fn end(&self, machine: usize, ended: &Ended) {
        let line = self.lines.lock().unwrap_or_else(PoisonError::into_inner).remove(&machine);
        if let Some(line) = line {
            line.finish_and_clear();
            self.screen.remove(&line);
        }
        self.total.inc(1);
        self.print(&self.plain.about(machine, &words::ending(ended, self.mode)));
    }

    fn note(&self, text: &str) {
        self.screen.suspend(|| printer::complain(text));
    }

    fn total(&self, tally: &words::Tally) {
        self.total.finish_and_clear();
        printer::line(&tally.text(self.mode));
    }
}
