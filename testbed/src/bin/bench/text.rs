//! Tables of 80 columns. Pure.

use std::fmt::Write as _;

use crate::figures::{Row, Table, as_float};
use crate::plan::NOT_HERE;
use crate::tools::Tool;
use testbed::Counters;

const HEAD: &str = "tool       time s  x ssh  x anyw.  conn  trips  sent B  recv B   cpu s  MiB runs";

/// What the columns mean.
pub(crate) const LEGEND: &str = "\
time: median, from the client's start to its end. x ssh, x anyw.: how many times
as long as OpenSSH and as anywhere. conn, trips, sent, recv: as counted by the
proxy in front of the one machine. cpu: user and system, of all the client's
processes. MiB: resident memory of the largest of them, not of all together.
openssh uses the key exchange that anywhere has with this server, X25519; ssh-pq
the one it prefers: safe from quantum computers, and 70 ms of CPU time more.";

/// The scenario as text.
pub(crate) fn table(table: &Table) -> String {
    let mut text = format!("{}\n{HEAD}\n", table.title);
    // Who has no part in this scene is not told of.
    for row in table.rows.iter().filter(|row| row.without.as_deref() != Some(NOT_HERE)) {
        let _ = writeln!(text, "{}", line(table, row));
    }
    text
}

fn line(table: &Table, row: &Row) -> String {
    if let Some(why) = &row.without {
        return format!("{:<10} {why}", row.tool.name());
    }
    let wall = row.wall();
    let ratio = |to: Tool| ratio(wall, table.wall_of(to));
    let peer = matches!(row.tool, Tool::Pyinfra | Tool::Ansible);
    let traffic = |of: fn(&Counters) -> u64| {
        let count = row.median(|sample| sample.traffic.as_ref().map(|traffic| as_float(of(traffic))));
        count.map_or_else(|| "-".to_owned(), |count| format!("{count:.0}"))
    };
    let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), digits);
    format!(
        "{:<9} {:>7} {:>6} {:>8} {:>5} {:>6} {:>7} {:>7} {:>7} {:>4} {:>4}",
        row.tool.name(),
        number(wall),
        ratio(Tool::OpenSsh),
        if peer { ratio(Tool::Anywhere) } else { "-".to_owned() },
        traffic(|traffic| traffic.connections),
        traffic(|traffic| traffic.round_trips),
        traffic(|traffic| traffic.bytes_to_server),
        traffic(|traffic| traffic.bytes_to_client),
        number(row.median(|sample| Some(sample.usage.cpu))),
        row.median(|sample| Some(sample.usage.memory / 1_048_576.0))
            .map_or_else(|| "-".to_owned(), |mebibytes| format!("{mebibytes:.0}")),
        row.samples.len(),
    )
}

fn ratio(value: Option<f64>, to: Option<f64>) -> String {
    match (value, to) {
        (Some(value), Some(to)) if to > 0.0 => {
            let ratio = value / to;
            if ratio < 10.0 {
                format!("{ratio:.2}")
            } else {
                format!("{ratio:.0}")
            }
        }
        _ => "-".to_owned(),
    }
}

/// Three decimals for what is short, fewer for what is long.
fn digits(seconds: f64) -> String {
    if seconds < 10.0 {
        format!("{seconds:.3}")
    } else {
        format!("{seconds:.1}")
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
            cpu: 12.5,
            memory: 1e9,
        };
        let traffic = Some(Counters {
            bytes_to_server: 1_000_000,
            bytes_to_client: 1_000_000,
            connections: 1,
            round_trips: 1234,
        });
        Row {
            tool,
            samples: vec![Sample { usage, traffic }],
            without: None,
            refused: false,
        }
    }

    #[test]
    fn a_table_fits_on_a_terminal_and_compares() {
        let rows = vec![row(Tool::OpenSsh, 0.1), row(Tool::Anywhere, 0.2), row(Tool::Ansible, 100.0)];
        let text = table(&Table {
            title: "scenario".to_owned(),
            rows,
        });
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert!(text.contains("ansible     100.0   1000      500"), "{text}");
    }

    #[test]
    fn a_row_without_figures_says_why() {
        let row = Row {
            without: Some("not run".to_owned()),
            ..row(Tool::Ansible, 1.0)
        };
        let text = table(&Table {
            title: String::new(),
            rows: vec![row],
        });
        assert!(text.ends_with("ansible    not run\n"));
    }
}
