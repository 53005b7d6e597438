//! A machine behind a proxy, and files to be sent there.

use std::io::Write;
use std::path::PathBuf;

use testbed::{Direction, Faults, Kind, Machine, MachineSpec, Proxy, Shell, SudoRule};

use crate::lab::{Lab, NOT_HELD, Ran, Running, key, left_over, on, wait_until};

/// A shell text that succeeds once no program of ours is there.
pub(crate) const NOBODY: &str = "! pgrep -f '[/]run/anywhere/run\\.' >/dev/null";

/// One million bytes.
pub(crate) const MB: usize = 1_000_000;

/// See the module.
pub(crate) struct Site {
    pub(crate) lab: Lab,
    pub(crate) machine: Machine,
    pub(crate) proxy: Proxy,
    pub(crate) user: &'static str,
}

impl Site {
    pub(crate) fn new() -> Self {
        Self::with(&MachineSpec::default())
    }

    pub(crate) fn of(kind: Kind, shell: Shell, user: &'static str) -> Self {
        let sudo = match user {
            "root" => SudoRule::None,
            _ => SudoRule::NoPassword,
        };
        Self {
            user,
            ..Self::with(&MachineSpec {
                shell,
                sudo,
                ..MachineSpec::of_kind(kind)
            })
        }
    }

    /// Behind a link of 10 MB/s: what takes long can be met on its way.
    pub(crate) fn slow(spec: &MachineSpec) -> Self {
        let faults = Faults {
            bytes_per_second: Some(10_000_000),
            ..Faults::default()
        };
        Self::behind(spec, faults)
    }

    pub(crate) fn with(spec: &MachineSpec) -> Self {
        Self::behind(spec, Faults::default())
    }

    pub(crate) fn behind(spec: &MachineSpec, faults: Faults) -> Self {
        let machine = Machine::start(spec).unwrap();
        let proxy = Proxy::start(machine.socket_address(), faults).unwrap();
        Self {
            lab: Lab::new(),
            machine,
            proxy,
            user: "root",
        }
    }

    /// The arguments of an apply with these files, through the proxy, with JSON lines.
    fn arguments(&self, more: &[&str]) -> Vec<String> {
        let (key, target) = (key(), format!("{}@{}", self.user, self.proxy.socket_address()));
        let args = ["apply", "-o", "json", "-i", &key, &target];
        args.iter().chain(more).map(|text| (*text).to_owned()).collect()
    }

    pub(crate) fn start(&self, more: &[&str]) -> Running {
        let args = self.arguments(more);
        Running::start(self.lab.anywhere(&args.iter().map(String::as_str).collect::<Vec<_>>()))
    }

    pub(crate) fn apply(&self, more: &[&str]) -> Ran {
        self.start(more).end()
    }

    /// Starts an engine, and kills it once its connection was cut after so many bytes and no other could be had.
    pub(crate) fn killed_after(&self, bytes: usize, more: &[&str]) {
        let mut engine = self.start(more);
        engine.until("\"event\":\"connected\"");
        self.proxy.refuse(true).unwrap();
        self.proxy.cut_after_bytes(Direction::ToServer, bytes as u64);
        engine.until("\"event\":\"reconnecting\"");
        engine.kill();
        self.proxy.refuse(false).unwrap();
        wait_until(&self.machine, NOBODY);
    }

    /// What is in a file of the machine's.
    pub(crate) fn read(&self, path: &str) -> Vec<u8> {
        std::fs::read(on(&self.machine, path)).unwrap()
    }

    /// How many bytes went to the machine since it was asked last.
    pub(crate) fn sent(&self, before: &mut u64) -> usize {
        let now = self.proxy.counters().bytes_to_server;
        let sent = now - *before;
        *before = now;
        usize::try_from(sent).unwrap()
    }

    /// Nothing is left of what was received.
    #[track_caller]
    pub(crate) fn check_clean(&self) {
        wait_until(&self.machine, NOT_HELD);
        assert_eq!(left_over(&self.machine), "");
    }
}

/// Bytes that cannot be compressed, the same for each seed.
pub(crate) fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_be_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// Text as in a log: it becomes a fifth of its size.
pub(crate) fn text(length: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(length + 100);
    let mut line = 0_u64;
    while bytes.len() < length {
        line += 1;
        let id = line.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
        writeln!(
            bytes,
            "{line:010} level=info id={id:06x} msg=\"the pod was synchronised\" took={}ms",
            id % 977
        )
        .unwrap();
    }
    bytes.truncate(length);
    bytes
}

/// `--file` for a file with this content.
pub(crate) fn flag(lab: &Lab, name: &str, content: &[u8], to: &str) -> (PathBuf, String) {
    let path = lab.file(name, content);
    let flag = format!("--file={}:{to}", path.display());
    (path, flag)
}
