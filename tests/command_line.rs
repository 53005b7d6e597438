//! What every command line tool owes its user: help that fits, a manual page, completions, output that programs can read.

#![allow(clippy::unwrap_used, clippy::panic)] // a test that cannot be set up fails

mod golden;
mod lab;

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};

use lab::{Lab, Ran, key, machine, target};
use serde_json::Value;
use testbed::{Shell, SudoRule};

const COMMANDS: [&str; 7] = ["plan", "apply", "status", "logs", "reset", "completions", "man"];

/// Runs a program of this host with this standard input.
fn feed(program: &str, args: &[&str], input: &[u8]) -> Ran {
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writing = std::thread::spawn(move || stdin.write_all(&input));
    let ran = Ran::of(child.wait_with_output().unwrap());
    writing.join().unwrap().unwrap();
    ran
}

#[test]
fn help_fits_a_terminal_of_80_columns() {
    let lab = Lab::new();
    let mut helps = vec![lab.anywhere(&["--help"]), lab.anywhere(&["-h"])];
    for command in COMMANDS {
        helps.push(lab.anywhere(&[command, "--help"]));
        helps.push(lab.anywhere(&[command, "-h"]));
    }
    for mut help in helps {
        let ran = Ran::of(help.env("COLUMNS", "80").output().unwrap()).expect(0);
        for line in ran.out.lines() {
            assert!(line.chars().count() <= 80, "{help:?}: {line}");
        }
    }
}

#[test]
fn the_manual_page_renders() {
    let lab = Lab::new();
    let page = lab.run(&["man"]).expect(0).out;
    let rendered = feed("man", &["--warnings=w", "--local-file", "-"], page.as_bytes()).expect(0);
    assert_eq!(rendered.err, "");
    for text in ["anywhere-apply(1)", "--bootstrap-data", "--rerun-interrupted", "Exit status"] {
        assert!(rendered.out.contains(text), "{text}:\n{}", rendered.out);
    }
}

#[test]
fn completions_are_programs_of_their_shells() {
    let lab = Lab::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = lab.run(&["completions", shell]).expect(0).out;
        assert!(script.contains("anywhere"), "{shell}");
        if shell == "bash" {
            let checked = feed("bash", &["-n"], script.as_bytes()).expect(0);
            assert_eq!(checked.err, "");
        }
    }
}

const SECRETS: &str = r#"#cloud-config
write_files:
  - path: /etc/demo/token
    permissions: '0600'
    content: hunter2-token
runcmd:
  - join --token hunter2-token "it's"
  - |
    set -e
    echo 'two lines'
"#;

#[test]
fn plans_are_valid_and_masked_in_every_form() {
    let lab = Lab::new();
    lab.file("user-data.yaml", SECRETS);
    let plan = |form: &str| {
        let args = ["plan", "-b", "user-data.yaml", "-o", form, "root@127.33.0.1"];
        let ran = lab.run(&args).expect(0);
        assert!(!ran.all().contains("hunter2"), "{form}: {}", ran.out);
        ran.out
    };
    plan("text");
    for line in plan("json").lines() {
        serde_json::from_str::<Value>(line).unwrap();
    }
    let program = plan("sh");
    let checked = feed("shellcheck", &["-s", "sh", "-"], program.as_bytes());
    assert_eq!((checked.status, checked.out.as_str()), (0, ""));
}

/// Every line of standard output is a JSON object, and there is at least one.
#[track_caller]
fn objects(ran: &Ran) -> Vec<Value> {
    assert!(!ran.out.is_empty(), "{ran:?}");
    ran.out
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .inspect(|value| assert!(value.is_object()))
        .collect()
}

#[test]
fn json_is_all_there_is_on_standard_output() {
    let lab = Lab::new();
    let machine = machine(Shell::Dash, SudoRule::NoPassword);
    let to = target("root", &machine);
    let good = lab.file("good.yaml", "#cloud-config\nchef: [x]\nruncmd: [echo hello]\n");
    let bad = lab.file("bad.yaml", "#cloud-config\nruncmd: ['echo \"a\\b\" >&2; exit 3']\n");

    let done = lab.apply(&to, &good, &["-o", "json"]).expect(0);
    let events: Vec<_> = objects(&done).iter().map(|object| object["event"].to_string()).collect();
    assert_eq!(
        events,
        [
            "\"note\"",
            "\"begin\"",
            "\"connected\"",
            "\"facts\"",
            "\"following\"",
            "\"step-began\"",
            "\"step-ended\"",
            "\"end\"",
            "\"total\""
        ]
    );
    assert_eq!(done.err, "");
    objects(&lab.apply(&to, &good, &["-o", "json"]).expect(0));

    let failed = lab.apply(&to, &bad, &["-o", "json"]).expect(1);
    let end = objects(&failed).into_iter().find(|object| object["event"] == "end").unwrap();
    assert_eq!((&end["result"], &end["exitStatus"]), (&"failed".into(), &3.into()));
    assert_eq!(failed.err, "");

    let key = key();
    objects(&lab.run(&["status", "-i", &key, "-o", "json", &to]).expect(0));
    objects(&lab.run(&["reset", "-i", &key, "-o", "json", &to]).expect(0));
    objects(&lab.run(&["reset", "-i", &key, "-o", "json", "root@127.33.0.9:1"]).expect(1));

    let refused = lab.apply("root@", &good, &["-o", "json"]).expect(2);
    assert_eq!(refused.out, "", "what is wrong with the input is told on standard error");
}

#[test]
fn a_reader_that_leaves_is_no_reason_to_panic() {
    let lab = Lab::new();
    let long = "  - echo one more line\n".repeat(5000);
    lab.file("user-data.yaml", format!("#cloud-config\nruncmd:\n{long}"));
    for args in [
        &["plan", "-b", "user-data.yaml", "-o", "text", "root@127.33.0.1"][..],
        &["plan", "-b", "user-data.yaml", "-o", "json", "root@127.33.0.1"],
        &["plan", "-b", "user-data.yaml", "-o", "sh", "root@127.33.0.1"],
        &["man"],
        &["completions", "bash"],
        &["apply", "--help"],
    ] {
        let mut child = lab
            .anywhere(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut first = String::new();
        BufReader::with_capacity(16, child.stdout.take().unwrap())
            .read_line(&mut first)
            .unwrap();
        let mut err = String::new();
        child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        assert_eq!((child.wait().unwrap().code(), err.as_str()), (Some(0), ""), "{args:?}");
    }
}
