//! What was measured, and medians of it. Pure.

use serde_json::{Value, json};

use crate::measure::Usage;
use crate::tools::Tool;
use testbed::Counters;

/// One run of a tool.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    /// What the client took.
    pub(crate) usage: Usage,
    /// What went over the network, where a proxy counted it.
    pub(crate) traffic: Option<Counters>,
}

/// All runs of a tool in a scenario, or why there is no figure.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// Which tool.
    pub(crate) tool: Tool,
    /// What was measured.
    pub(crate) samples: Vec<Sample>,
    /// Why there are no figures: not run, or refused because the work was not done.
    pub(crate) without: Option<String>,
    /// Whether that is a failure.
    pub(crate) refused: bool,
}

impl Row {
    /// The median of what `of` takes from each sample; nothing where there are none.
    pub(crate) fn median(&self, of: impl Fn(&Sample) -> Option<f64>) -> Option<f64> {
        if self.without.is_some() {
            return None;
        }
        median(self.samples.iter().filter_map(of).collect())
    }

    /// The median time in seconds.
    pub(crate) fn wall(&self) -> Option<f64> {
        self.median(|sample| Some(sample.usage.wall))
    }

    fn json(&self) -> Value {
        let traffic = |of: fn(&Counters) -> u64| self.median(|sample| sample.traffic.as_ref().map(|t| as_float(of(t))));
        json!({
            "tool": self.tool.name(),
            "without_figures": self.without,
            "runs": self.samples.len(),
            "wall_seconds": self.wall(),
            "wall_seconds_of_each_run": self.samples.iter().map(|sample| sample.usage.wall).collect::<Vec<_>>(),
            "client_cpu_seconds": self.median(|sample| Some(sample.usage.cpu)),
            "largest_process_bytes": self.median(|sample| Some(sample.usage.memory)),
            "connections": traffic(|t| t.connections),
            "round_trips": traffic(|t| t.round_trips),
            "bytes_to_machine": traffic(|t| t.bytes_to_server),
            "bytes_to_client": traffic(|t| t.bytes_to_client),
        })
    }
}

/// The rows of one scenario.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    /// What was done.
    pub(crate) title: String,
    /// One for each tool.
    pub(crate) rows: Vec<Row>,
}

impl Table {
    /// The median time of a tool.
    pub(crate) fn wall_of(&self, tool: Tool) -> Option<f64> {
        self.rows.iter().find(|row| row.tool == tool)?.wall()
    }

    /// For programs.
    pub(crate) fn json(&self) -> Value {
        json!({"title": self.title, "rows": self.rows.iter().map(Row::json).collect::<Vec<_>>()})
    }
}

/// The middle one, or the mean of the two in the middle.
pub(crate) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let upper = *values.get(values.len() / 2)?;
    let lower = *values.get(values.len().saturating_sub(1) / 2)?;
    Some(f64::midpoint(lower, upper))
}

/// Counters here are far below 2^53.
#[allow(clippy::cast_precision_loss, reason = "see above")]
pub(crate) fn as_float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn medians() {
        for (values, expected) in [
            (vec![], None),
            (vec![3.0], Some(3.0)),
            (vec![4.0, 1.0], Some(2.5)),
            (vec![9.0, 1.0, 2.0], Some(2.0)),
        ] {
            assert_eq!(median(values), expected);
        }
    }
}
