//! What `anywhere` is meant to reach, as ratios within one run: a line for each bar with the figure. Pure.

use crate::figures::{Row, Table, as_float};
use crate::plan::{LONG, USUAL};
use crate::tools::Tool;

/// A ratio or a figure that was aimed at.
#[derive(Clone, Debug)]
pub(crate) struct Bar<'a> {
    scene: &'a str,
    what: &'static str,
    /// The figure, if everything it is made of was measured.
    figure: Option<f64>,
    is_reached: fn(f64, f64) -> bool,
    aim: f64,
    unit: &'static str,
}

impl<'a> Bar<'a> {
    /// Reached where the figure is no more than that.
    pub(crate) fn most(scene: &'a str, what: &'static str, figure: Option<f64>, aim: f64, unit: &'static str) -> Self {
        Self {
            scene,
            what,
            figure,
            is_reached: |figure, aim| figure <= aim,
            aim,
            unit,
        }
    }

    fn least(scene: &'a str, what: &'static str, figure: Option<f64>, aim: f64, unit: &'static str) -> Self {
        Self {
            is_reached: |figure, aim| figure >= aim,
            ..Self::most(scene, what, figure, aim, unit)
        }
    }

    /// The line; none where it was not measured.
    fn line(&self) -> Option<String> {
        let figure = self.figure?;
        let verdict = if (self.is_reached)(figure, self.aim) {
            "reached"
        } else {
            "missed"
        };
        Some(format!(
            "bar {}: {}: {} of {}{} {verdict}",
            self.scene,
            self.what,
            short(figure),
            short(self.aim),
            self.unit
        ))
    }
}

/// Two digits behind the point for what is small.
fn short(figure: f64) -> String {
    let text = if figure < 10.0 {
        format!("{figure:.2}")
    } else {
        format!("{figure:.0}")
    };
    text.trim_end_matches(".00").to_owned()
}

/// All lines for what was measured: the scenes by name, for a file of 100 MB the ratio to scp, and what has bars already.
pub(crate) fn lines(scenes: &[(&str, Table)], files: &[(String, f64)], more: Vec<Bar<'_>>) -> Vec<String> {
    let measured = Measured { scenes };
    let mut bars = one_machine(&measured);
    bars.extend(many_machines(&measured));
    bars.extend(
        files
            .iter()
            .map(|(scene, of_scp)| Bar::most(scene, "time at most, x scp", Some(*of_scp), 1.2, "")),
    );
    bars.extend(more);
    bars.iter().filter_map(Bar::line).collect()
}

fn one_machine(measured: &Measured<'_, '_>) -> Vec<Bar<'static>> {
    let to = |scene, tool| measured.ratio(scene, Tool::Anywhere, tool, wall);
    let over = |scene, tool| measured.ratio(scene, tool, Tool::Anywhere, wall);
    let steps = |scene, few| {
        let (many, few) = (
            measured.of(scene, Tool::Anywhere, wall)?,
            measured.of(few, Tool::Anywhere, wall)?,
        );
        Some((many - few) / as_float(LONG.steps() - USUAL.steps()) * 1000.0)
    };
    let more_trips = |scene, few| Some(measured.of(scene, Tool::Anywhere, trips)? - measured.of(few, Tool::Anywhere, trips)?);
    let mut bars = vec![
        Bar::most("one", "time at most, x openssh", to("one", Tool::OpenSsh), 1.1, ""),
        Bar::most("one-50ms", "time at most, x openssh", to("one-50ms", Tool::OpenSsh), 0.8, ""),
    ];
    for scene in ["one", "one-50ms"] {
        bars.push(Bar::least(
            scene,
            "faster than ansible, times",
            over(scene, Tool::Ansible),
            15.0,
            "",
        ));
    }
    for scene in ["again", "again-50ms"] {
        bars.push(Bar::most(
            scene,
            "time at most, x `ssh host true`",
            to(scene, Tool::OpenSsh),
            1.3,
            "",
        ));
    }
    for (scene, few) in [("steps", "one"), ("steps-50ms", "one-50ms")] {
        bars.push(Bar::most(scene, "a further step at most", steps(scene, few), 3.0, " ms"));
        // An answer may come before or after the last piece of what is sent, which makes one trip or two.
        bars.push(Bar::most(
            scene,
            "further round trips (1 is chance)",
            more_trips(scene, few),
            1.0,
            "",
        ));
    }
    bars
}

fn many_machines(measured: &Measured<'_, '_>) -> Vec<Bar<'static>> {
    let mut bars = Vec::new();
    for scene in ["100", "100-50ms"] {
        let to = |of: fn(&Row) -> Option<f64>| measured.ratio(scene, Tool::Anywhere, Tool::OpenSsh, of);
        bars.push(Bar::most(scene, "time at most, x xargs -P 100 ssh", to(wall), 0.75, ""));
        bars.push(Bar::most(scene, "client CPU at most, x ssh's", to(cpu), 0.25, ""));
    }
    // Of Ansible on 100 machines it is known that 20 forks do them in five rounds, each as long as 20 machines take.
    let ansible = measured
        .of("20", Tool::Ansible, wall)
        .zip(measured.of("100", Tool::Anywhere, wall))
        .map(|(twenty, hundred)| 5.0 * twenty / hundred);
    bars.push(Bar::least(
        "100",
        "faster than five rounds of ansible on 20, times",
        ansible,
        40.0,
        "",
    ));
    for scene in ["thousand", "thousand-dead-tenth"] {
        let memory = measured.of(scene, Tool::Anywhere, |row| {
            row.median(|sample| Some(sample.usage.memory / 1_048_576.0))
        });
        bars.push(Bar::most(scene, "all provisioned, memory at most", memory, 160.0, " MiB"));
    }
    for scene in ["dead-tenth", "thousand-dead-tenth"] {
        let delay = measured.ratio(scene, Tool::Anywhere, Tool::AnywhereAlive, wall);
        bars.push(Bar::most(scene, "time with the dead at most, x without", delay, 1.05, ""));
    }
    bars
}

fn wall(row: &Row) -> Option<f64> {
    row.wall()
}

fn cpu(row: &Row) -> Option<f64> {
    row.median(|sample| Some(sample.usage.cpu))
}

fn trips(row: &Row) -> Option<f64> {
    row.median(|sample| sample.traffic.as_ref().map(|traffic| as_float(traffic.round_trips)))
}

/// What there is to compare.
struct Measured<'a, 'n> {
    scenes: &'a [(&'n str, Table)],
}

impl Measured<'_, '_> {
    fn of(&self, scene: &str, tool: Tool, figure: impl Fn(&Row) -> Option<f64>) -> Option<f64> {
        let (_, table) = self.scenes.iter().find(|(name, _)| *name == scene)?;
        figure(table.rows.iter().find(|row| row.tool == tool)?)
    }

    fn ratio(&self, scene: &str, tool: Tool, to: Tool, figure: impl Fn(&Row) -> Option<f64>) -> Option<f64> {
        Some(self.of(scene, tool, &figure)? / self.of(scene, to, &figure)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::Sample;
    use crate::measure::Usage;

    fn row(tool: Tool, wall: f64) -> Row {
        let usage = Usage {
            success: true,
            wall,
            cpu: wall,
            memory: 100.0 * 1_048_576.0,
        };
        Row {
            tool,
            samples: vec![Sample { usage, traffic: None }],
            without: None,
            refused: false,
        }
    }

    fn table(rows: Vec<Row>) -> Table {
        Table {
            title: String::new(),
            rows,
        }
    }

    #[test]
    fn each_bar_that_was_measured_has_a_line() {
        let one = table(vec![
            row(Tool::OpenSsh, 1.0),
            row(Tool::Anywhere, 1.1),
            row(Tool::Ansible, 15.0),
        ]);
        let twenty = table(vec![row(Tool::Ansible, 80.0)]);
        let hundred = table(vec![row(Tool::OpenSsh, 4.0), row(Tool::Anywhere, 4.0)]);
        let dead = table(vec![row(Tool::Anywhere, 10.4), row(Tool::AnywhereAlive, 10.0)]);
        let scenes = [("one", one), ("20", twenty), ("100", hundred), ("thousand-dead-tenth", dead)];
        let more = vec![Bar::most("controller-idle", "writes", Some(0.0), 0.0, "")];
        let lines = lines(&scenes, &[("bulk".to_owned(), 1.25)], more);
        assert_eq!(
            lines.join("\n"),
            "bar one: time at most, x openssh: 1.10 of 1.10 reached\n\
             bar one: faster than ansible, times: 14 of 15 missed\n\
             bar 100: time at most, x xargs -P 100 ssh: 1 of 0.75 missed\n\
             bar 100: client CPU at most, x ssh's: 1 of 0.25 missed\n\
             bar 100: faster than five rounds of ansible on 20, times: 100 of 40 reached\n\
             bar thousand-dead-tenth: all provisioned, memory at most: 100 of 160 MiB reached\n\
             bar thousand-dead-tenth: time with the dead at most, x without: 1.04 of 1.05 reached\n\
             bar bulk: time at most, x scp: 1.25 of 1.20 missed\n\
             bar controller-idle: writes: 0 of 0 reached"
        );
    }
}
