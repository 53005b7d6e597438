//! The measuring process of the benchmark: what it says, and that nothing stays behind.
#![allow(clippy::unwrap_used)] // a test that cannot be set up fails

use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

fn measure(folder: &Path, script: &str) -> Child {
    Command::new(env!("CARGO_BIN_EXE_bench"))
        .args(["measure", "--seconds", "60", "--output"])
        .arg(folder.join("output"))
        .args(["--", "sh", "-c", script])
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn what_a_command_leaves_behind_is_ended() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = measure(folder.path(), "sleep 1000 & echo $! >left; echo said; exit 3");
    let lifeline = child.stdin.take();
    let output = child.wait_with_output().unwrap();
    drop(lifeline);
    let usage: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(usage["success"], false);
    assert!(usage["memory"].as_f64().unwrap() > 0.0);
    assert_eq!(std::fs::read_to_string(folder.path().join("output")).unwrap(), "said\n");
    let left = std::fs::read_to_string(folder.path().join("left")).unwrap();
    assert!(!Path::new("/proc").join(left.trim()).exists());
}

#[test]
fn the_command_ends_when_nobody_waits_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = measure(folder.path(), "exec sleep 1000");
    drop(child.stdin.take());
    let usage: Value = serde_json::from_slice(&child.wait_with_output().unwrap().stdout).unwrap();
    assert_eq!(usage["success"], false);
}
