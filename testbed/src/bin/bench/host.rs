//! What the figures were measured on.

use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::tools::Programs;
use crate::venv;

/// This host and the versions of the tools.
pub(crate) fn describe(programs: &Programs) -> Value {
    json!({
        "date": said("date", &["-u", "+%Y-%m-%d %H:%M UTC"]),
        "command": std::env::args().collect::<Vec<_>>().join(" "),
        "cores": std::thread::available_parallelism().map_or(0, usize::from),
        "kernel": said("uname", &["-sr"]),
        "openssh": said("ssh", &["-V"]),
        "anywhere": said(&programs.anywhere.display().to_string(), &["--version"]),
        "commit": said("git", &["describe", "--always", "--dirty", "--abbrev=10"]),
        "peers": venv::packages(),
        "load_average": load(),
    })
}

/// The same for people.
pub(crate) fn text(host: &Value) -> String {
    let field = |name: &str| {
        host.get(name)
            .map_or_else(String::new, |value| value.to_string().replace('"', ""))
    };
    format!(
        "{date}, {kernel}, load average {load}\n\
         {cores} cores, shared by clients and machines\n\
         {openssh}\n{anywhere}, commit {commit}\n{peers}",
        date = field("date"),
        kernel = field("kernel"),
        cores = field("cores"),
        load = field("load_average"),
        openssh = field("openssh"),
        anywhere = field("anywhere"),
        commit = field("commit"),
        peers = field("peers"),
    )
}

/// The load averages of 1, 5 and 15 minutes.
pub(crate) fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').take(3).collect::<Vec<_>>().join(" ")
}

/// The first line that the program prints, on whichever output.
fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output();
    let bytes = output.map_or_else(|_| Vec::new(), |output| [output.stdout, output.stderr].concat());
    let text = String::from_utf8_lossy(&bytes);
    text.lines().next().unwrap_or("unknown").to_owned()
}
