//! Hosts that somebody took over: whatever they say, they are reported as failed, other machines are not affected, nothing but
//! `known_hosts` and `known_machines` is written on our side, memory stays bounded, and no terminal obeys them.
//!
//! What a host can do is lie about itself: one that says that it did what it was told, in the right words, is believed. It has root
//! there; nobody could tell.

#![allow(clippy::unwrap_used, clippy::panic)] // a test that cannot be set up fails

mod host;
#[path = "../lab/mod.rs"]
mod lab;
mod networks;
mod patience;

use std::collections::BTreeSet;
use std::path::PathBuf;

use host::{liar, scripts};
use lab::{Lab, Ran, key, machine, target};
use nix::sys::resource::{UsageWho, getrusage};
use serde_json::Value;
use testbed::{Machine, Shell, SudoRule};

const USER_DATA: &str = "#cloud-config\nwrite_files: [{path: /etc/hello, content: hunter2}]\nruncmd: [echo hello]\n";

/// The most memory that the engine may take, in KiB, for these few machines: a fraction of what they send.
const MOST_MEMORY: i64 = 256 * 1024;

/// `anywhere`'s folder before and after: nobody may write to any other.
pub(crate) struct Watched {
    pub(crate) lab: Lab,
    data: PathBuf,
    before: BTreeSet<PathBuf>,
}

impl Watched {
    pub(crate) fn new() -> Self {
        let lab = Lab::new();
        let data = lab.file("user-data.yaml", USER_DATA);
        let before = lab.files().into_keys().collect();
        Self { lab, data, before }
    }

    /// The arguments of a run on these machines.
    pub(crate) fn arguments(&self, machines: &[String], more: &[&str]) -> Vec<String> {
        let (key, data) = (key(), self.data.display().to_string());
        let mut arguments: Vec<_> = ["apply", "-i", &key, "-b", &data].map(str::to_owned).into();
        arguments.extend(["--key-exchange-timeout", "3", "--silence-timeout", "6"].map(str::to_owned));
        arguments.extend(machines.iter().cloned());
        arguments.extend(more.iter().map(|text| (*text).to_owned()));
        arguments
    }

    pub(crate) fn apply(&self, machines: &[String], more: &[&str]) -> Ran {
        let arguments = self.arguments(machines, more);
        let ran = self.lab.run(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
        self.check(&ran);
        ran
    }

    /// What has to be so whatever a host said.
    #[track_caller]
    pub(crate) fn check(&self, ran: &Ran) {
        let odd = |c: char| c != '\n' && (c.is_control() || matches!(c, '\u{202a}'..='\u{202e}'));
        let found = ran.all().chars().find(|c| odd(*c));
        assert_eq!(found, None, "a terminal would obey this:\n{}", ran.all());
        let after: BTreeSet<_> = self.lab.files().into_keys().collect();
        let new: Vec<_> = after.difference(&self.before).collect();
        let ours = ["known_hosts", "known_machines"].map(|name| self.lab.path(".ssh").join(name));
        assert!(new.iter().all(|path| ours.contains(path)), "written: {new:?}");
        for line in std::fs::read_to_string(&ours[1]).unwrap_or_default().lines() {
            let (address, id) = line.split_once(' ').unwrap();
            assert!(address.starts_with("127."), "{line}");
            assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{line}");
        }
        assert!(self.before.is_subset(&after), "files of ours are gone");
        let memory = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap().max_rss();
        assert!(memory < MOST_MEMORY, "{memory} KiB");
    }
}

/// A machine that does what it is told.
pub(crate) fn honest() -> Machine {
    machine(Shell::Dash, SudoRule::NoPassword)
}

/// The last event about a machine.
#[track_caller]
pub(crate) fn end_of(ran: &Ran, machine: &str) -> Value {
    let events = ran.out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut ends = events.filter(|event| event["event"] == "end" && event["machine"] == machine);
    let end = ends.next().unwrap_or_else(|| panic!("{machine} never ended:\n{}", ran.all()));
    assert_eq!(ends.next(), None, "{machine} ended twice");
    end
}

#[test]
fn none_of_them_does_harm_to_another_or_to_us() {
    let watched = Watched::new();
    let honest = honest();
    let liars: Vec<_> = scripts()
        .into_iter()
        .map(|(name, expected, script)| (name, expected, liar(&script)))
        .collect();
    assert!(liars.len() > 20);
    let good = target("root", &honest);
    let mut machines: Vec<_> = liars.iter().map(|(_, _, machine)| target("root", machine)).collect();
    machines.insert(liars.len() / 2, good.clone());

    let ran = watched.apply(&machines, &["-o", "json"]).expect(1);

    let mut wrong = Vec::new();
    for (name, expected, machine) in &liars {
        let end = end_of(&ran, &target("root", machine));
        let error = end["error"].as_str().unwrap_or_default();
        if end["result"] != "failed" || !error.contains(expected) {
            wrong.push(format!("{name}: not {expected:?} but {end}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(end_of(&ran, &good)["result"], "provisioned", "{}", ran.all());
    assert_eq!(std::fs::read_to_string(lab::on(&honest, "etc/hello")).unwrap(), "hunter2");
}

#[test]
fn no_line_of_one_looks_like_one_of_another() {
    let watched = Watched::new();
    let (honest, name) = (honest(), "another-machine");
    let script = scripts().into_iter().find(|(known, ..)| known == name).unwrap().2;
    let good = target("root", &honest);
    let liar = liar(&script.replace("HONEST", &good));
    let bad = target("root", &liar);
    for output in ["text", "json"] {
        let ran = watched.apply(&[bad.clone(), good.clone()], &["-o", output]).expect(1);
        let about = |line: &&str| line.starts_with(&good) || line.contains(&format!("\"machine\":\"{good}\""));
        let ends: Vec<_> = ran
            .out
            .lines()
            .filter(about)
            .filter(|line| line.contains("provisioned") || line.contains("unchanged"))
            .collect();
        assert_eq!(ends.len(), 1, "{}", ran.out);
        let totals = ran.out.lines().filter(|line| line.starts_with("2 machines: "));
        assert_eq!(totals.count(), usize::from(output == "text"), "{}", ran.out);
    }
    for command in ["status", "doctor", "logs"] {
        let ran = watched.lab.run(&[command, "-i", &key(), &bad, &good]);
        watched.check(&ran);
        let forged = ran
            .all()
            .lines()
            .filter(|line| line.contains("0.1 s"))
            .all(|line| line.starts_with("  ") || line.contains("it said") || line.contains(&bad));
        assert!(forged, "{command}:\n{}", ran.all());
    }
}

#[test]
fn questions_end_as_well() {
    let watched = Watched::new();
    let honest = honest();
    let liars = [
        ("hello; exec yes \"alive $LONG\"", "said more than 64 MiB"),
        ("hello; exec yes \"begin 1 a 1.00 $LONG\"", "said more than 64 MiB"),
        ("exec yes", "before it ran anything"),
    ]
    .map(|(script, expected)| {
        let long = script.replace("$LONG", &"x".repeat(4000));
        (liar(&long), expected)
    });
    let mut machines: Vec<_> = liars.iter().map(|(machine, _)| target("root", machine)).collect();
    machines.push(target("root", &honest));
    for command in ["status", "doctor"] {
        let key = key();
        let mut arguments = vec![command, "-i", &key, "-o", "json"];
        arguments.extend(machines.iter().map(String::as_str));
        let ran = watched.lab.run(&arguments);
        watched.check(&ran);
        for (line, (_, expected)) in ran.out.lines().zip(&liars) {
            assert!(line.contains(expected), "{command}: {line}");
        }
        let good = ran.out.lines().last().unwrap();
        assert!(!good.contains("\"error\""), "{command}: {good}");
    }
}
