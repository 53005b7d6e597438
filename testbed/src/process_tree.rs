//! The processes of machines, read from the host's /proc (proc(5)).

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;

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

/// The processes that this one started and that are still there. May miss one while others end: ask again.
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

/// The first process below this one that is PID 1 in a PID namespace this many levels further in. May miss it, as
/// [`children`] may.
pub(crate) fn init_below(outermost: u32, levels: usize) -> Option<u32> {
    let wanted = namespaced_pids(outermost)?.len() + levels;
    find_below(outermost, |pids| pids.len() == wanted && pids.last() == Some(&1))
}

/// The process in the PID namespace of this init that has this PID in there. May miss it, as [`children`] may.
pub(crate) fn in_machine(init: u32, inside: u32) -> Option<u32> {
    let wanted = namespaced_pids(init)?.len();
    find_below(init, |pids| pids.len() == wanted && pids.last() == Some(&inside))
}

fn find_below(top: u32, is_it: impl Fn(&[u32]) -> bool) -> Option<u32> {
    let mut queue = VecDeque::from([top]);
    while let Some(pid) = queue.pop_front() {
        if is_it(&namespaced_pids(pid).unwrap_or_default()) {
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

fn nspid_line(status: &str) -> Option<Vec<u32>> {
    let line = status.lines().find_map(|line| line.strip_prefix("NSpid:"))?;
    Some(line.split_whitespace().filter_map(|word| word.parse().ok()).collect())
}

/// Every process in the PID namespace of this one, with those that they started in namespaces further in.
pub(crate) fn machine_of(init: u32) -> BTreeSet<u32> {
    let namespace = pid_namespace(init);
    below(init, |pid| namespace.is_some() && pid_namespace(pid) == namespace)
}

/// This process and all below it.
///
/// This goes through all of /proc because the lists of children leave out some while others end (proc(5)). A process
/// that was started while its parent ended can still seem to belong to nobody; `also` may know it by other means.
pub(crate) fn below(top: u32, also: impl Fn(u32) -> bool) -> BTreeSet<u32> {
    let parents: BTreeMap<u32, u32> = all().into_iter().filter_map(|pid| Some((pid, parent(pid)?))).collect();
    let mut found: BTreeSet<u32> = parents.keys().copied().filter(|pid| *pid == top || also(*pid)).collect();
    loop {
        let more: Vec<u32> = parents
            .iter()
            .filter(|(_, parent)| found.contains(parent))
            .map(|(pid, _)| *pid)
            .collect();
        let before = found.len();
        found.extend(more);
        if found.len() == before {
            return found;
        }
    }
}

fn all() -> Vec<u32> {
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect()
}

fn pid_namespace(pid: u32) -> Option<PathBuf> {
    std::fs::read_link(format!("/proc/{pid}/ns/pid")).ok()
}

fn parent(pid: u32) -> Option<u32> {
    parent_in_stat(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// The fourth field. The second is the program's name in parentheses, in which anything can stand.
fn parent_in_stat(stat: &str) -> Option<u32> {
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_whitespace().nth(1)?.parse().ok()
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
    fn the_parent_is_found_behind_any_name() {
        assert_eq!(parent_in_stat("12 (a) b) (c) S 7 12 12 0"), Some(7));
        assert_eq!(parent_in_stat("12"), None);
    }

    #[test]
    fn command_lines_may_hold_empty_words() {
        assert_eq!(words(b"a\0\0b\0"), ["a", "", "b"]);
        assert_eq!(words(b""), Vec::<String>::new());
    }
}
