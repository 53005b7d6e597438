//! The work that every tool does: a few small files and a few commands, in each tool's own language. Pure but for
//! [`clear`] and [`verify`], which look at a machine's disk.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use serde_json::json;

/// How much work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Workload {
    /// How many files, and how many commands.
    pub(crate) count: usize,
    /// Whether bootstrap data ends by making the sentinel file, as that of Cluster API's providers does: without it a Machine counts as
    /// failed, and its data is applied anew.
    /// <https://cluster-api.sigs.k8s.io/developer/providers/contracts/bootstrap-config>
    pub(crate) sentinel: bool,
}

impl Workload {
    /// How many steps that is.
    pub(crate) const fn steps(self) -> u64 {
        2 * self.count as u64
    }
}

/// The folder on the machine, which is there before any tool begins.
const FOLDER: &str = "/etc/bench";

/// The file's path on the machine.
fn file(index: usize) -> String {
    format!("{FOLDER}/file-{index}")
}

/// What the command leaves: a file with one line for each time that it ran.
fn trace(index: usize) -> String {
    format!("{FOLDER}/ran-{index}")
}

/// The file's text, some 300 bytes.
fn content(index: usize) -> String {
    (0..6).fold(String::new(), |mut text, line| {
        let _ = writeln!(text, "setting-{line} of file {index} = some value of a usual length");
        text
    })
}

fn command(index: usize) -> String {
    format!("echo command {index} >>{}", trace(index))
}

impl Workload {
    /// As a plain POSIX script: what a person would write, and the least that a host must be sent.
    pub(crate) fn script(self) -> String {
        let mut text = "set -e\n".to_owned();
        for index in 0..self.count {
            let (path, content) = (file(index), content(index));
            let _ = write!(text, "cat >{path} <<'END'\n{content}END\nchmod 0644 {path}\n");
        }
        for index in 0..self.count {
            let _ = writeln!(text, "{}", command(index));
        }
        text
    }

    /// As cloud-config.
    pub(crate) fn cloud_config(self) -> String {
        let mut text = "#cloud-config\nwrite_files:\n".to_owned();
        for index in 0..self.count {
            let _ = write!(text, "- path: {}\n  permissions: '0644'\n  content: |\n", file(index));
            for line in content(index).lines() {
                let _ = writeln!(text, "    {line}");
            }
        }
        text.push_str("runcmd:\n");
        for index in 0..self.count {
            let _ = writeln!(text, "- {}", command(index));
        }
        if self.sentinel {
            text.push_str("- mkdir -p /run/cluster-api && echo success >/run/cluster-api/bootstrap-success.complete\n");
        }
        text
    }

    /// As an Ansible playbook (JSON is YAML). `creates` is what makes a second run a no-op there; it costs no round trip.
    pub(crate) fn playbook(self) -> String {
        let files: Vec<_> = (0..self.count)
            .map(|index| json!({"path": file(index), "content": content(index)}))
            .collect();
        let commands: Vec<_> = (0..self.count)
            .map(|index| json!({"command": command(index), "trace": trace(index)}))
            .collect();
        json!([{
            "hosts": "all",
            "gather_facts": false,
            "vars": {"files": files, "commands": commands},
            "tasks": [
                {
                    "ansible.builtin.copy": {"content": "{{ item.content }}", "dest": "{{ item.path }}", "mode": "0644"},
                    "loop": "{{ files }}",
                    "loop_control": {"label": "{{ item.path }}"},
                },
                {
                    "ansible.builtin.shell": {"cmd": "{{ item.command }}", "creates": "{{ item.trace }}"},
                    "loop": "{{ commands }}",
                    "loop_control": {"label": "{{ item.command }}"},
                },
            ],
        }])
        .to_string()
    }

    /// As a pyinfra deploy. The commands are one operation, and are guarded by one fact so that a second run is a no-op.
    pub(crate) fn deploy(self) -> String {
        let files: Vec<_> = (0..self.count).map(|index| (file(index), content(index))).collect();
        let commands: Vec<_> = (0..self.count).map(|index| (trace(index), command(index))).collect();
        format!(
            "import io\n\
             from pyinfra import host\n\
             from pyinfra.facts.files import FindFiles\n\
             from pyinfra.operations import files, server\n\
             for path, content in {files}:\n    files.put(src=io.StringIO(content), dest=path, mode='644')\n\
             there = host.get_fact(FindFiles, path={folder})\n\
             server.shell(commands=[command for trace, command in {commands} if trace not in there])\n",
            files = json!(files),
            folder = json!(FOLDER),
            commands = json!(commands),
        )
    }
}

/// Makes the machine's disk as it was before any tool came; `root` is the machine's `/`.
pub(crate) fn clear(root: &Path) -> Result<(), String> {
    let folder = below(root, FOLDER);
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(|error| format!("clear {}: {error}", folder.display()))?;
    }
    fs::create_dir(&folder).map_err(|error| format!("make {}: {error}", folder.display()))
}

impl Workload {
    /// Whether all the work was done on the machine, each command exactly once; else what is wrong first.
    pub(crate) fn verify(self, root: &Path) -> Result<(), String> {
        for index in 0..self.count {
            let path = file(index);
            expect(root, &path, &content(index))?;
            let inode = fs::metadata(below(root, &path)).map_err(|error| format!("{path}: {error}"))?;
            let mode = inode.permissions().mode() & 0o7777;
            if (mode, inode.uid(), inode.gid()) != (0o644, 0, 0) {
                return Err(format!("{path}: mode {mode:o}, owner {}:{}", inode.uid(), inode.gid()));
            }
            expect(root, &trace(index), &format!("command {index}\n"))?;
        }
        Ok(())
    }
}

fn expect(root: &Path, path: &str, content: &str) -> Result<(), String> {
    let found = fs::read_to_string(below(root, path)).map_err(|error| format!("{path}: {error}"))?;
    if found == content {
        Ok(())
    } else {
        Err(format!("{path} holds {found:?}"))
    }
}

/// Whether the host remembers a run of Anywhere.
pub(crate) fn remembers_anywhere(root: &Path) -> bool {
    below(root, "/var/lib/anywhere/owner").exists()
}

fn below(root: &Path, path: &str) -> std::path::PathBuf {
    root.join(path.trim_start_matches('/'))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test that cannot be set up fails

    use super::*;
    use std::process::Command;

    #[test]
    fn the_script_does_the_work_and_only_once_is_right() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("etc")).unwrap();
        clear(root.path()).unwrap();
        let work = Workload {
            count: 3,
            sentinel: false,
        };
        assert!(work.verify(root.path()).is_err());
        let script = work
            .script()
            .replace(FOLDER, &below(root.path(), FOLDER).display().to_string());
        let run = || Command::new("sh").args(["-c", &script]).status().unwrap();
        assert!(run().success());
        work.verify(root.path()).unwrap();
        assert!(run().success());
        assert!(work.verify(root.path()).unwrap_err().contains("ran-0 holds"));
        clear(root.path()).unwrap();
        assert!(work.verify(root.path()).is_err());
    }
}
