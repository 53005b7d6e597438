//! The processes of machines, read from the host's /proc (proc(5)).

use std::collections::{BTreeSet, VecDeque};

/// A process of a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MachineProcess {
    /// The PID on the host.
    pub pid: u32,
    /// The command line's words, empty for a zombie.
    pub argv: Vec<String>,
    /// The environment as `NAME=value`, for searching planted secrets.
    pub environment: Vec<String>,
}

/// The PIDs of the processes that this one started and that are still there.
pub(crate) fn children(pid: u32) -> Vec<u32> {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{pid}/task")) else {
        return Vec::new();
    };
    threads
        .filter_map(|thread| std::fs::read_to_string(thread.ok()?.path().join("children")).ok())
        .flat_map(|text| {
            text.split_whitespace()
                .filter_map(|word| word.parse().ok())
                .collect::<Vec<u32>>()
        })
        .collect()
}

/// The first process below this one that is PID 1 in a PID namespace this many levels further in.
pub(crate) fn init_below(outermost: u32, levels: usize) -> Option<u32> {
    let wanted = namespaced_pids(outermost)?.len() + levels;
    let mut queue = VecDeque::from([outermost]);
    while let Some(pid) = queue.pop_front() {
        let pids = namespaced_pids(pid).unwrap_or_default();
        if pids.len() == wanted && pids.last() == Some(&1) {
            return Some(pid);
        }
        queue.extend(children(pid));
    }
    None
}

/// The process's PID in each PID namespace it is in, from /proc's outwards in.
fn namespaced_pids(pid: u32) -> Option<Vec<u32>> {
    nspid_line(&std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?)
}

/// The process's PID as its own namespace counts.
pub(crate) fn innermost_pid(pid: u32) -> Option<u32> {
    namespaced_pids(pid)?.last().copied()
}

fn nspid_line(status: &str) -> Option<Vec<u32>> {
    let line = status.lines().find_map(|line| line.strip_prefix("NSpid:"))?;
    Some(line.split_whitespace().filter_map(|word| word.parse().ok()).collect())
}

/// Every process in the PID namespace of this init, and in those further in. Orphans are children of the init, so going
/// down from it finds all (pid_namespaces(7)), except those that nsenter(1) put there and that have a parent outside.
pub(crate) fn below(init: u32) -> BTreeSet<u32> {
    let mut found = BTreeSet::new();
    let mut queue = VecDeque::from([init]);
    while let Some(pid) = queue.pop_front() {
        if found.insert(pid) {
            queue.extend(children(pid));
        }
    }
    found
}

/// What /proc says about the process; nothing if it has ended.
pub(crate) fn describe(pid: u32) -> Option<MachineProcess> {
    let argv = words(&std::fs::read(format!("/proc/{pid}/cmdline")).ok()?);
    let environment = words(&std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default());
    Some(MachineProcess { pid, argv, environment })
}

fn words(zero_terminated: &[u8]) -> Vec<String> {
    let words = zero_terminated.split(|byte| *byte == 0);
    let mut words: Vec<String> = words.map(|word| String::from_utf8_lossy(word).into_owned()).collect();
    if words.last().is_some_and(String::is_empty) {
        words.pop();
    }
    words
}

/// The program's name as the kernel has it (at most 15 bytes).
pub(crate) fn command_name(pid: u32) -> Option<String> {
    Some(
        std::fs::read_to_string(format!("/proc/{pid}/comm"))
            .ok()?
            .trim_end()
            .to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_levels_of_a_pid_are_read() {
        assert_eq!(
            nspid_line("Name:\tsh\nNSpid:\t812\t17\t1\nVmPeak:\t1 kB\n"),
            Some(vec![812, 17, 1])
        );
        assert_eq!(nspid_line("Name:\tsh\n"), None);
    }

    #[test]
    fn command_lines_may_hold_empty_words() {
        assert_eq!(words(b"a\0\0b\0"), ["a", "", "b"]);
        assert_eq!(words(b""), Vec::<String>::new());
    }
}
