//! What a host says: to the program of a plan, to a question, and before either could begin.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::inspect::{END, Telling};
use super::lines::Lines;
use super::privilege::{self, Way};
use super::progress::{End, Progress};
use super::supply::Supply;
use super::{Event, Host, Privilege};
use crate::bootstrap::{self, Options};
use crate::content::Content;
use crate::doctor::{Examination, Intent, diagnose};
use crate::event::{Line, MAX_LINE};
use crate::fuzzing::assert_shown;
use crate::plan::{Action, CopyFile, Plan, Policy};
use crate::script::Mode;
use crate::secret::Secret;
use crate::ssh::{Credentials, HostKeys, JumpHosts, Target};

/// More than this many events for so few steps would be a flood.
const MOST_EVENTS: usize = 10_000;

/// A plan with a file, two commands and a content that is sent apart.
fn plan() -> &'static Plan {
    static PLAN: OnceLock<Plan> = OnceLock::new();
    PLAN.get_or_init(|| {
        let data =
            b"#cloud-config\nwrite_files: [{path: /a, content: hunter2, permissions: '0600'}]\nruncmd: ['true', 'false']\n";
        let made = bootstrap::parse(data, &Options::default())
            .ok()
            .and_then(|bootstrap| Plan::new(&bootstrap, &Policy::default()).ok());
        let steps = made.iter().flat_map(Plan::steps);
        let mut actions: Vec<_> = steps.map(|step| (step.name.clone(), step.action.clone())).collect();
        let content = tempfile::tempfile()
            .ok()
            .and_then(|file| Content::of_file("x".to_owned(), file, None).ok());
        actions.extend(content.map(|content| {
            let copy = CopyFile {
                path: b"/x".to_vec(),
                content,
                owner: None,
                mode: 0o644,
                append: false,
            };
            ("x".to_owned(), Action::CopyFile(copy))
        }));
        Plan::of(actions).unwrap_or_else(|error| unreachable!("{error}"))
    })
}

/// The lines of what a host sent, which comes in pieces; what no text has in it stands for what a host knows of the plan: octal 001 for
/// its id, 002 and 003 for the ids of its first steps, 004 for the hash of its content.
fn lines(data: &[u8]) -> Vec<super::lines::RawLine> {
    let plan = plan();
    let id = |index: usize| plan.steps().get(index).map_or("", |step| step.id.as_str());
    let sha256 = plan.steps().iter().find_map(|step| match &step.action {
        Action::CopyFile(file) => Some(file.content.sha256().as_str()),
        Action::WriteFile(_)
        | Action::Command(_)
        | Action::Script(_)
        | Action::Ensure(_)
        | Action::Remove { .. }
        | Action::Expect { .. }
        | Action::Undo
        | Action::Prove => None,
    });
    let mut lines = Lines::default();
    let mut complete = Vec::new();
    for byte in data {
        let piece = match byte {
            1 => plan.id().as_bytes(),
            2 => id(0).as_bytes(),
            3 => id(1).as_bytes(),
            4 => sha256.unwrap_or_default().as_bytes(),
            byte => std::slice::from_ref(byte),
        };
        complete.extend(lines.push(piece));
    }
    complete
}

/// What a host says of a run.
pub(crate) fn run(data: &[u8]) {
    for mode in [Mode::Apply, Mode::Reset] {
        follow(data, mode);
    }
}

fn follow(data: &[u8], mode: Mode) {
    let events = AtomicUsize::new(0);
    let listener = |event: Event| {
        events.fetch_add(1, Ordering::Relaxed);
        if let Event::StepEnded { number, said, .. } = event {
            assert!(
                (1..=plan().steps().len()).contains(&number),
                "no step has the number {number}"
            );
            said.iter().for_each(|line| assert_shown(line));
            assert!(said.iter().all(|line| !line.contains("hunter2")), "a secret is shown");
        }
    };
    let mut progress = Progress::new(plan(), mode);
    let mut supply = Supply::of(plan(), &listener);
    let mut telling = Telling::begin();
    for line in lines(data) {
        assert!(line.bytes.len() <= MAX_LINE);
        let parsed = Line::parse(&line.bytes);
        let _ = telling.take(&parsed);
        let end = match supply.observe(&parsed) {
            Ok(Some(_)) => continue,
            Ok(None) => progress.observe(parsed, line.length, &listener),
            Err(end) => Some(end),
        };
        match end {
            None => {}
            Some(End::Unchanged | End::Ok) => break,
            Some(End::Again(why)) => {
                assert_shown(&why);
                break;
            }
            Some(End::Bad(error)) => {
                assert_shown(&error.to_string());
                break;
            }
        }
    }
    assert!(events.into_inner() <= MOST_EVENTS, "more events than a plan has");
}

/// What a host answers to a question.
pub(crate) fn answer(data: &[u8]) {
    let (mut examination, mut telling, mut facts) = (Examination::default(), Telling::begin(), None);
    for line in lines(data) {
        if line.bytes == END {
            break;
        }
        let line = Line::parse(&line.bytes);
        if let Line::Fact { name, value } = &line {
            examination.findings.take(name, value);
        }
        facts = telling.take(&line).or(facts);
        examination.status.read(line);
    }
    examination.status.facts = facts;
    let status = &examination.status;
    let texts = status
        .owner
        .iter()
        .chain(&status.holder)
        .chain(&status.plan)
        .chain(&status.said);
    texts.for_each(|text| assert_shown(text));
    for text in [&status.step, &status.boot_id] {
        assert_shown(text);
    }
    status.machine_id.iter().for_each(|text| assert_shown(text));
    for found in diagnose(&examination, &Intent::of(Some(plan())), "fuzz") {
        assert_shown(&found.text);
    }
    if let Ok(json) = serde_json::to_string(&status.facts) {
        assert_shown(&json);
    }
}

/// What sudo, doas or a login shell says before our program begins, and how each way of becoming root takes it.
pub(crate) fn sudo(data: &[u8]) {
    let said = super::attempt::printable_lines(data);
    let _ = (privilege::asked(&said), privilege::other_question(&said));
    for password in [None, Some(Secret::new("hunter2"))] {
        let host = host(Privilege::Sudo { password });
        assert_shown(&privilege::wrong_password(&host, &said).to_string());
        for way in [Way::Sudo, Way::SudoOnTerminal, Way::Doas, Way::DoasOnTerminal] {
            for status in [None, Some(1), Some(127)] {
                if let Some(refusal) = privilege::explain(way, &host, &said, status) {
                    assert_shown(&refusal.to_string());
                    let next = way.next(&refusal, &host.privilege);
                    assert!(next != Some(way), "it would be tried for ever");
                }
            }
        }
    }
}

fn host(privilege: Privilege) -> Host {
    let target = Target {
        host: "host".to_owned(),
        port: 22,
        user: "admin".to_owned(),
        credentials: Credentials::default(),
        host_keys: HostKeys::AcceptAny,
        jump: Vec::new(),
        jump_hosts: JumpHosts::default(),
    };
    Host { target, privilege }
}
