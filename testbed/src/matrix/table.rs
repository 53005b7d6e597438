//! The matrix as a table of less than 80 columns.

use std::fmt::Write;

use super::INITS;
use super::cell::{Cell, Login, Privilege};
use crate::spec::{Kind, Shell};

/// What heads the columns of a shell.
fn mark(shell: Shell) -> &'static str {
    match shell {
        Shell::Dash => "da",
        Shell::Bash => "ba",
        Shell::Busybox => "bb",
        Shell::Mksh => "mk",
        Shell::Yash => "ya",
    }
}

/// What the table calls an init system.
fn init_name(kind: Kind) -> &'static str {
    match kind {
        Kind::SshdOnly | Kind::BusyboxOnly => "no init",
        Kind::Systemd => "systemd",
        Kind::OpenRc => "OpenRC",
    }
}

/// A line for each way to log in and to become root, a column for each init system and shell; below it, why cells failed.
#[must_use]
pub fn table(results: &[(Cell, Option<String>)]) -> String {
    let mut text = head();
    for login in Login::ALL {
        for (number, privilege) in Privilege::ALL.into_iter().enumerate() {
            let name = if number == 0 { login.name() } else { "" };
            let mut line = format!("{name:<12}{:<14}", privilege.name());
            for init in INITS {
                for shell in Shell::ALL {
                    let cell = Cell {
                        login,
                        privilege,
                        shell,
                        init,
                    };
                    let _ = write!(line, " {}", outcome(results, cell));
                }
                line.push(' ');
            }
            let _ = writeln!(text, "{}", line.trim_end());
        }
    }
    let failed = results.iter().filter(|(_, why)| why.is_some()).count();
    let _ = writeln!(text, "{} cells, {failed} failed", results.len());
    for (cell, why) in results {
        if let Some(why) = why {
            let Cell {
                login,
                privilege,
                shell,
                init,
            } = cell;
            let (login, privilege, init) = (login.name(), privilege.name(), init_name(*init));
            let _ = writeln!(text, "{login}, {privilege}, {}, {init}: {why}", shell.program());
        }
    }
    text
}

fn head() -> String {
    let mut inits = format!("{:<26}", "");
    let mut shells = format!("{:<12}{:<14}", "logs in by", "becomes root");
    for init in INITS {
        let _ = write!(inits, " {:<15}", init_name(init));
        for shell in Shell::ALL {
            let _ = write!(shells, " {}", mark(shell));
        }
        shells.push(' ');
    }
    let legend: Vec<_> = Shell::ALL
        .iter()
        .map(|shell| format!("{} {}", mark(*shell), shell.program()))
        .collect();
    format!(
        "/bin/sh: {}\n{}\n{}\n",
        legend.join(", "),
        inits.trim_end(),
        shells.trim_end()
    )
}

/// `ok`, `NO`, or `-` where nothing was tried.
fn outcome(results: &[(Cell, Option<String>)], cell: Cell) -> &'static str {
    match results.iter().find(|(tried, _)| *tried == cell) {
        Some((_, None)) => "ok",
        Some((_, Some(_))) => "NO",
        None => "- ",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_seen_and_explained_and_no_line_of_cells_is_too_long() {
        let cell = Cell {
            login: Login::Rsa,
            privilege: Privilege::Doas,
            shell: Shell::Mksh,
            init: Kind::OpenRc,
        };
        let text = table(&[(cell, Some("it is off".to_owned()))]);
        assert!(text.contains(" NO"), "{text}");
        assert!(text.contains("rsa, doas, mksh, OpenRC: it is off"), "{text}");
        assert!(text.lines().all(|line| line.chars().count() < 80), "{text}");
    }
}
