//! One file of 100 MB onto one machine: scp(1) and `anywhere apply --file`, side by side in turns.
//!
//! Noise is the fair case; text is what compressing is for. scp gets no compression, as it has none by default.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use testbed::{Faults, Keys, Machine, MachineSpec, Proxy};

use crate::figures::median;
use crate::measure::{Measured, Usage, measure};
use crate::tools::Programs;

/// The size of the file, in bytes.
const SIZE: usize = 100_000_000;

/// Seconds after which a tool is killed.
const LIMIT: u64 = 300;

/// What scenarios are called, each with the content and the round-trip time.
const SCENES: [(&str, Content, Duration); 4] = [
    ("bulk", Content::Noise, Duration::ZERO),
    ("bulk-50ms", Content::Noise, Duration::from_millis(50)),
    ("bulk-text", Content::Text, Duration::ZERO),
    ("bulk-text-50ms", Content::Text, Duration::from_millis(50)),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    Noise,
    Text,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tool {
    Scp,
    Anywhere,
}

/// What the scenes are called.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    SCENES.iter().map(|(name, _, _)| *name)
}

/// Runs the scenes that are wanted, prints a table of each, and gives the figures.
pub(crate) fn run(programs: &Programs, is_wanted: impl Fn(&str) -> bool) -> Result<Vec<Value>, String> {
    let mut results = Vec::new();
    for (name, content, round_trip) in SCENES {
        if is_wanted(name) {
            results.push(Scene::start(programs, name, content, round_trip)?.run(3)?);
        }
    }
    Ok(results)
}

/// For each scene that was run how many times as long as scp it took.
pub(crate) fn ratios(results: &[Value]) -> Vec<(String, f64)> {
    let of_scp = |result: &Value| {
        let rows = result.get("rows")?.as_array()?;
        let row = rows
            .iter()
            .find(|row| row.get("tool").is_some_and(|tool| tool == "anywhere"))?;
        Some((result.get("scene")?.as_str()?.to_owned(), row.get("of_scp")?.as_f64()?))
    };
    results.iter().filter_map(of_scp).collect()
}

/// A machine behind a proxy, and the file.
struct Scene<'a> {
    programs: &'a Programs,
    name: &'static str,
    folder: PathBuf,
    bytes: Vec<u8>,
    machine: Machine,
    proxy: Proxy,
}

impl<'a> Scene<'a> {
    fn start(programs: &'a Programs, name: &'static str, content: Content, round_trip: Duration) -> Result<Self, String> {
        let keys = Keys::of_this_process().map_err(|error| error.to_string())?;
        let machine = Machine::start(&MachineSpec::default()).map_err(|error| error.to_string())?;
        let faults = Faults {
            one_way_delay: round_trip / 2,
            ..Faults::default()
        };
        let proxy = Proxy::start(machine.socket_address(), faults).map_err(|error| error.to_string())?;
        let scene = Self {
            programs,
            name,
            folder: keys.folder().join(name),
            bytes: bytes(content)?,
            machine,
            proxy,
        };
        let explain = |error: std::io::Error| format!("{}: {error}", scene.folder.display());
        fs::create_dir_all(&scene.folder).map_err(explain)?;
        fs::write(scene.folder.join("file"), &scene.bytes).map_err(explain)?;
        let known_hosts = scene.machine.known_hosts_line_at(scene.proxy.socket_address());
        fs::write(scene.folder.join("known_hosts"), known_hosts).map_err(explain)?;
        Ok(scene)
    }

    fn path(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    fn argv(&self, tool: Tool) -> Vec<String> {
        let (address, key) = (self.proxy.address(), self.programs.key.display().to_string());
        let (file, known_hosts) = (self.path("file"), self.path("known_hosts"));
        let words = match tool {
            Tool::Scp => format!(
                "scp -q -F none -o BatchMode=yes -o IdentitiesOnly=yes -o StrictHostKeyChecking=yes \
                 -o UserKnownHostsFile={known_hosts} -o GlobalKnownHostsFile=none -o LogLevel=ERROR \
                 -o KexAlgorithms=curve25519-sha256 -i {key} {file} root@{address}:/srv/file"
            ),
            Tool::Anywhere => format!(
                "{} apply -i {key} --known-hosts {known_hosts} --host-key-checking yes --file {file}:/srv/file root@{address}",
                self.programs.anywhere.display()
            ),
        };
        words.split(' ').map(str::to_owned).collect()
    }

    /// One measured run on a machine that has neither the file nor a memory of it; and the bytes that were sent.
    fn sample(&self, tool: Tool) -> Result<(Usage, u64), String> {
        let root = self.machine.root_dir().map_err(|error| error.to_string())?;
        let target = root.join("srv/file");
        for path in [&target, &root.join("var/lib/anywhere")] {
            remove(path)?;
        }
        let before = self.proxy.counters().bytes_to_server;
        let command = Measured {
            seconds: LIMIT,
            input: PathBuf::from("/dev/null"),
            output: self.folder.join("output"),
            until: None,
            argv: self.argv(tool),
        };
        let environment = [
            ("HOME", self.folder.display().to_string()),
            ("PATH", "/usr/local/bin:/usr/bin:/bin".to_owned()),
        ];
        let usage = measure(&command, &environment)?;
        let sent = self.proxy.counters().bytes_to_server.saturating_sub(before);
        let arrived = fs::read(&target).is_ok_and(|arrived| arrived == self.bytes);
        if usage.success && arrived {
            Ok((usage, sent))
        } else {
            let printed = fs::read_to_string(self.folder.join("output")).unwrap_or_default();
            Err(format!("{}: {tool:?} failed: {printed}", self.name))
        }
    }

    fn run(&self, runs: usize) -> Result<Value, String> {
        let (mut scp, mut anywhere) = (Vec::new(), Vec::new());
        for _ in 0..runs {
            scp.push(self.sample(Tool::Scp)?);
            anywhere.push(self.sample(Tool::Anywhere)?);
        }
        println!("{}: a file of {} MB, {runs} runs each", self.name, SIZE / 1_000_000);
        println!("tool       time s  x scp   cpu s  MiB      sent B");
        let mut rows = Vec::new();
        let wall_of = |samples: &[(Usage, u64)]| middle(samples, |usage, _| usage.wall);
        for (tool, samples) in [("scp", &scp), ("anywhere", &anywhere)] {
            let wall = wall_of(samples);
            let ratio = wall / wall_of(&scp);
            let cpu = middle(samples, |usage, _| usage.cpu);
            let memory = middle(samples, |usage, _| usage.memory);
            let sent = middle(samples, |_, sent| crate::figures::as_float(sent));
            println!(
                "{tool:<9} {wall:>7.3} {ratio:>6.2} {cpu:>7.3} {:>4.0} {sent:>11.0}",
                memory / 1_048_576.0
            );
            rows.push(json!({
                "tool": tool, "seconds": wall, "of_scp": ratio, "client_cpu_seconds": cpu,
                "largest_process_bytes": memory, "bytes_to_server": sent,
            }));
        }
        println!();
        Ok(json!({ "scene": self.name, "bytes": SIZE, "runs": runs, "rows": rows }))
    }
}

fn middle(samples: &[(Usage, u64)], of: impl Fn(&Usage, u64) -> f64) -> f64 {
    median(samples.iter().map(|(usage, sent)| of(usage, *sent)).collect()).unwrap_or(f64::NAN)
}

fn remove(path: &Path) -> Result<(), String> {
    let removed = if path.is_dir() {
        fs::remove_dir_all(path)
    } else {
        fs::remove_file(path)
    };
    match removed {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(format!("{}: {error}", path.display())),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// The same bytes in each run.
fn bytes(content: Content) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(SIZE + 128);
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    while bytes.len() < SIZE {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        match content {
            Content::Noise => bytes.extend_from_slice(&state.to_be_bytes()),
            Content::Text => {
                let written = writeln!(
                    bytes,
                    "level=info pod={:06x} msg=\"the pod was synchronised\" took={}ms",
                    state >> 40,
                    state % 977
                );
                written.map_err(|error| error.to_string())?;
            }
        }
    }
    bytes.truncate(SIZE);
    Ok(bytes)
}
