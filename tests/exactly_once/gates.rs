//! What holds a run where a fault shall strike. Pipes (fifo(7)) do, never a time.
//!
//! - In the middle of a command: it reads from a pipe, its gate.
//! - In the middle of a file: mv(1) on the machine, which puts the complete content in its place, reads from a gate first.
//! - Between two steps: the program rings every pipe `bell.*` after each line of its journal. One more such pipe, which is full,
//!   makes it wait there: the line is in the journal and nothing after it has happened.
//!
//! The test itself has the other end of each, so whatever is killed or rebooted on the machine, the gate is still the test's.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use testbed::Machine;

use crate::lab::{WATCHDOG, on};

/// Where the pipe is that holds a run between two steps. Bells have the number of a process in their names, and one of whom is
/// alive is not swept away; it is rung last, so that whoever follows the run has heard of the line.
pub(crate) const BELL: &str = "/var/lib/anywhere/bell.z.1";

/// O_NONBLOCK of open(2), on Linux.
const NONBLOCK: i32 = 0o4000;

/// mv(1) that waits at the gate of its target, if there is one.
pub(crate) const MV: &str = r#"#!/bin/sh
for target; do :; done
gate=/gates/$(printf %s "$target" | tr / _)
[ ! -p "$gate" ] || cat "$gate"
exec /usr/bin/mv "$@"
"#;

/// Waits for what comes to be.
#[track_caller]
pub(crate) fn until<T>(what: &str, mut is_it: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(it) = is_it() {
            return it;
        }
        assert!(began.elapsed() < WATCHDOG, "never came: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A step that waits at its gate. Dropping it lets it go.
pub(crate) struct AtGate {
    _writer: File,
}

impl AtGate {
    /// Waits until somebody reads from the gate: only then can a pipe be opened for writing without waiting.
    #[track_caller]
    pub(crate) fn arrive(machine: &Machine, gate: &str) -> Self {
        let writer = until(gate, || open(machine, gate, false).ok());
        Self { _writer: writer }
    }

    /// Opens the gate for good, and lets go who waits.
    pub(crate) fn release(self, machine: &Machine, gate: &str) {
        std::fs::remove_file(on(machine, gate.trim_start_matches('/'))).unwrap();
    }
}

/// The bell that nobody can ring.
pub(crate) struct FullBell {
    pipe: File,
}

impl FullBell {
    pub(crate) fn fill(machine: &Machine) -> Self {
        let mut pipe = open(machine, BELL, true).unwrap();
        while fits(pipe.write(&[b'\n'; 4096])) || fits(pipe.write(b"\n")) {}
        Self { pipe }
    }

    /// Makes space in it. It stays there.
    pub(crate) fn release(mut self) {
        let mut buffer = [0; 65536];
        while fits(self.pipe.read(&mut buffer)) {}
    }
}

fn fits(done: std::io::Result<usize>) -> bool {
    match done {
        Ok(_) => true,
        Err(error) if error.kind() == ErrorKind::WouldBlock => false,
        Err(error) => panic!("{error}"),
    }
}

fn open(machine: &Machine, path: &str, both_ends: bool) -> std::io::Result<File> {
    let path = on(machine, path.trim_start_matches('/'));
    OpenOptions::new()
        .read(both_ends)
        .write(true)
        .custom_flags(NONBLOCK)
        .open(Path::new(&path))
}
