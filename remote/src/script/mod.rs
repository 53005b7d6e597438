//! [`Plan`] to one POSIX sh program: pure.
//!
//! The program has two halves that share one text. The *attached* half (`attach.sh`) runs on the SSH channel: it looks at what
//! the host remembers, starts the *detached* half (`detached/`) if there is anything to do, and repeats the journal. See
//! `docs/how-a-run-works.md`.

mod carrier;
mod ensure;
mod enter;
mod question;
mod quote;
mod stage;
mod step;

use crate::plan::{Plan, Step};
use crate::redact::Redactor;
use crate::secret::Secret;
use stage::Place;
use step::{function, has_contents, is_needed_again, kind, needs};

pub use carrier::{Carrier, CarryError, Carrying, carrier};
pub use enter::enter;
pub use question::{Question, render_question};

const PRINTF: &str = include_str!("printf.sh");
const COMMON: &str = include_str!("common.sh");
const TROUBLE: &str = include_str!("trouble.sh");
const ATTACH: &str = include_str!("attach.sh");
const SUPERVISE: &str = concat!(
    include_str!("detached/journal.sh"),
    include_str!("detached/lock.sh"),
    include_str!("detached/step.sh"),
    include_str!("detached/commands.sh"),
    include_str!("detached/files.sh"),
    include_str!("detached/supervise.sh"),
);
const RUNNER: &str = include_str!("runner.sh");
const FACTS: &str = include_str!("clean/facts.sh");
const PROVE: &str = include_str!("clean/prove.sh");
const REDACT: &str = include_str!("redact.awk");
const HOST: &str = include_str!("facts/host.sh");

/// Only in programs that have contents beside them.
const CONTENTS: &str = include_str!("contents.sh");

/// What a program is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Apply bootstrap data.
    Apply,
    /// Give the host back: every step runs, failed ones are reported, and in the end the host forgets.
    Reset,
}

impl Mode {
    fn as_str(self) -> &'static str {
        match self {
            Self::Apply => "apply",
            Self::Reset => "reset",
        }
    }
}

/// Everything about one run that is not in its plan.
#[derive(Clone, Debug)]
pub struct Order<'a> {
    /// What the program is for.
    pub mode: Mode,
    /// Whose host it is: `namespace/name` of the RemoteMachine. A host that carries another owner's run is refused.
    pub owner: &'a str,
    /// Who sends it, for others to see: `user@host pid 123`.
    pub holder: &'a str,
    /// Seconds that a step may take.
    pub step_limit: u64,
    /// Seconds that the run may take.
    pub run_limit: u64,
    /// Go on after a step that failed, as cloud-init does.
    pub keep_going: bool,
    /// Run all steps again, also those that ended well; once for each such word.
    pub rerun: Option<&'a str>,
    /// Run a command again that was interrupted: the host went down, or the run there was killed.
    pub rerun_interrupted: bool,
    /// Tell what the machine is, first of all.
    pub facts: bool,
    /// The run already being followed, and the byte of the journal up to which it was seen.
    pub seen: Option<(&'a str, u64)>,
    /// When it is sent, in seconds since 1970 by the sender's clock.
    pub time: u64,
}

/// What cloud-init would call the instance (`instance-id` in NoCloud's meta-data): the name of the owner, without its namespace. It is
/// `INSTANCE_ID` for boothooks and `bootcmd`, `instance_id` for `phone_home` and for templates.
#[must_use]
pub fn instance_id(owner: &str) -> &str {
    owner.rsplit('/').next().unwrap_or(owner)
}

/// The program of a plan.
#[must_use]
pub fn render(plan: &Plan, order: &Order<'_>) -> Secret {
    let redactor = Redactor::of(plan);
    let mut program = Vec::with_capacity(32 * 1024);
    let mut add = |text: &[u8]| program.extend_from_slice(text);
    // What it holds is data in single quotes, and formats for printf that the renderer made.
    add(b"#!/bin/sh\n# shellcheck disable=SC2016,SC2059\n");
    add(settings(plan, order).as_bytes());
    let proof = match order.mode {
        Mode::Apply => "",
        Mode::Reset => PROVE,
    };
    add(b"A_SELF=${A_SELF-$0}\n");
    for part in [PRINTF, COMMON, TROUBLE, ATTACH] {
        add(code(part).as_bytes());
    }
    if order.facts {
        add(code(HOST).as_bytes());
    }
    // The attached half ends there: it need not read on, unless it receives contents.
    let (before, after) = if has_contents(plan) {
        (vec![SUPERVISE, CONTENTS], vec![FACTS, proof])
    } else {
        (vec![], vec![SUPERVISE, FACTS, proof])
    };
    for part in before {
        add(code(part).as_bytes());
    }
    if has_contents(plan) {
        add(&needs(plan));
    }
    add(b"[ \"${1-attach}\" != attach ] || a_attach\n");
    for part in after {
        add(code(part).as_bytes());
    }
    for part in ensure::functions(plan) {
        add(code(part).as_bytes());
    }
    add(b"a_files() {\n");
    for (file, text) in [("runner", code(RUNNER)), ("redact", REDACT.to_owned())] {
        add(&quote::print(text.as_bytes(), &format!(">\"$A_RUN/{file}\" || return")));
    }
    for secret in redactor.secrets() {
        let mut line = secret.expose().to_vec();
        line.push(b'\n');
        add(&quote::print(&line, ">>\"$A_RUN/secrets\" || return"));
    }
    add(b"}\n");
    let places = stage::places(plan.steps());
    for (index, step) in plan.steps().iter().enumerate() {
        let is_staged = places.get(index).is_some_and(Option::is_some);
        add(&function(index + 1, &step.action, is_needed_again(plan, index), is_staged));
    }
    add(b"a_steps() {\n");
    for (index, Step { id, action, name }) in plan.steps().iter().enumerate() {
        let kind = places
            .get(index)
            .copied()
            .flatten()
            .map_or_else(|| kind(action), Place::as_str);
        add(format!("a_step {number} {id} s{number} {kind} ", number = index + 1).as_bytes());
        add(&quote::word(one_line(name).as_bytes()));
        add(b"\n");
    }
    add(b"}\na_supervise\n");
    Secret::new(program)
}

fn settings(plan: &Plan, order: &Order<'_>) -> String {
    let Order {
        mode,
        owner,
        holder,
        step_limit,
        run_limit,
        keep_going,
        rerun,
        rerun_interrupted,
        facts,
        seen,
        time,
    } = order;
    let flag = |set: &bool| if *set { "1" } else { "" };
    let text = |text: &str| String::from_utf8_lossy(&quote::word(one_line(text).as_bytes())).into_owned();
    let (seen, from) = seen.unwrap_or(("none", 0));
    let mut settings = String::new();
    for (name, value) in [
        ("MODE", mode.as_str().to_owned()),
        ("PLAN", plan.id().to_owned()),
        ("STEPS", plan.steps().len().to_string()),
        ("OWNER", text(owner)),
        ("INSTANCE", text(instance_id(owner))),
        ("HOLDER", text(holder)),
        ("STEP_LIMIT", step_limit.to_string()),
        ("RUN_LIMIT", run_limit.to_string()),
        ("GO_ON", flag(&(*keep_going || *mode == Mode::Reset)).to_owned()),
        ("RERUN", rerun.map_or_else(String::new, text)),
        ("RERUN_INTERRUPTED", flag(rerun_interrupted).to_owned()),
        ("FACTS", flag(facts).to_owned()),
        ("SEEN", text(seen)),
        ("FROM", from.to_string()),
        ("TIME", time.to_string()),
        ("BELL", String::new()),
        ("CONTENTS", flag(&has_contents(plan)).to_owned()),
    ] {
        settings.push_str(&format!("A_{name}={value}\n"));
    }
    settings
}

/// Names that end up in lines of the journal must not break them.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

/// A shell text without its comments and indentation: what the host, and shellcheck, needs of it.
fn code(text: &str) -> String {
    text.lines()
        .map(str::trim_start)
        .filter(|line| !line.is_empty() && (!line.starts_with('#') || line.starts_with("# shellcheck disable")))
        .fold(String::with_capacity(text.len()), |code, line| code + line + "\n")
}
