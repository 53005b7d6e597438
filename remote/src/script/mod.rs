//! [`Plan`] to one POSIX sh program: pure.
//!
//! The program has two halves that share one text. The *attached* half (`attach.sh`) runs on the SSH channel: it looks at what
//! the host remembers, starts the *detached* half (`supervise.sh`) if there is anything to do, and repeats the journal. See
//! `docs/how-a-run-works.md`.

mod quote;
mod stage;

use crate::plan::{Action, Body, Command, CopyFile, Ensure, Module, Plan, Script, Step, WriteFile, clean_up};
use crate::redact::Redactor;
use crate::secret::Secret;
use stage::Place;

const PRINTF: &str = include_str!("printf.sh");
const COMMON: &str = include_str!("common.sh");
const TROUBLE: &str = include_str!("trouble.sh");
const ATTACH: &str = include_str!("attach.sh");
const SUPERVISE: &str = include_str!("supervise.sh");
const RUNNER: &str = include_str!("runner.sh");
const FACTS: &str = include_str!("clean/facts.sh");
const PROVE: &str = include_str!("clean/prove.sh");
const REDACT: &str = include_str!("redact.awk");
const DOCTOR: &str = include_str!("facts/doctor.sh");
const HOST: &str = include_str!("facts/host.sh");
const STATUS: &str = include_str!("status.sh");

/// Only in programs that have contents beside them.
const CONTENTS: &str = include_str!("contents.sh");

/// What the functions of all modules use.
const ENSURE_ALL: &str = include_str!("ensure/write_and_run.sh");

/// The functions that [`Ensure`] calls, each with the text that holds it. A program holds only those that its plan calls.
const ENSURE: &[(&[&str], &str)] = &[
    (
        &[
            "e_group",
            "e_ignition_group",
            "e_ignition_user",
            "e_members",
            "e_no_group",
            "e_user",
        ],
        include_str!("ensure/groups.sh"),
    ),
    (
        &[
            "e_authorized_keys",
            "e_ignition_user",
            "e_lock",
            "e_no_user",
            "e_password",
            "e_ssh_import",
            "e_ssh_pwauth",
        ],
        include_str!("ensure/login.sh"),
    ),
    (
        &["e_authorized_keys", "e_lock", "e_ssh_import", "e_ssh_pwauth"],
        include_str!("ensure/sshd_settings.sh"),
    ),
    (&["e_host_keys", "e_ssh_pwauth"], include_str!("ensure/sshd.sh")),
    (
        &["e_first_password", "e_ignition_user", "e_lock", "e_password", "e_user"],
        include_str!("ensure/shadow.sh"),
    ),
    (
        &["e_authorized_keys", "e_ssh_import"],
        include_str!("ensure/authorized_keys.sh"),
    ),
    (&["e_hostname", "e_etc_hosts"], include_str!("ensure/hostname.sh")),
    (
        &["e_first_password", "e_lock", "e_password"],
        include_str!("ensure/passwords.sh"),
    ),
    (&["e_doas", "e_sudoers"], include_str!("ensure/sudoers.sh")),
    (
        &["e_apt_file", "e_apt_source", "e_apt_key", "e_debconf"],
        include_str!("ensure/apt.sh"),
    ),
    (&["e_ca_certs"], include_str!("ensure/ca_certs.sh")),
    (
        &["e_final_message"],
        concat!(
            "A_VERSION=",
            env!("CARGO_PKG_VERSION"),
            "\n",
            include_str!("ensure/final_message.sh")
        ),
    ),
    (
        &[
            "e_ntp",
            "e_package_update",
            "e_package_upgrade",
            "e_packages",
            "e_packages_apt",
            "e_packages_snap",
        ],
        include_str!("ensure/packages.sh"),
    ),
    (&["e_keyboard"], include_str!("ensure/keyboard.sh")),
    (&["e_locale"], include_str!("ensure/locale.sh")),
    (
        &["e_file_system", "e_mounts", "e_no_partitions", "e_partitions", "e_swap"],
        include_str!("ensure/devices.sh"),
    ),
    (
        &["e_file_system", "e_no_partitions", "e_partitions"],
        include_str!("ensure/disks.sh"),
    ),
    (&["e_growpart", "e_resize_fs"], include_str!("ensure/growpart.sh")),
    (&["e_mounts", "e_swap"], include_str!("ensure/mounts.sh")),
    (&["e_ntp"], include_str!("ensure/ntp.sh")),
    (&["e_power_state"], include_str!("ensure/power_state.sh")),
    (&["e_given_host_key"], include_str!("ensure/host_keys.sh")),
    (&["e_phone_home"], include_str!("ensure/phone_home.sh")),
    (&["e_ssh_import"], include_str!("ensure/ssh_import_id.sh")),
    (&["e_random_seed", "e_seed_command"], include_str!("ensure/random_seed.sh")),
    (&["e_repository"], include_str!("ensure/repositories.sh")),
    (&["e_resolv_conf"], include_str!("ensure/resolv_conf.sh")),
    (&["e_rsyslog"], include_str!("ensure/rsyslog.sh")),
    (&["e_snap", "e_snap_ack"], include_str!("ensure/snap.sh")),
    (&["e_timezone"], include_str!("ensure/timezone.sh")),
    (&["e_ignition_user", "e_user"], include_str!("ensure/users.sh")),
    (
        &[
            "e_group_password",
            "e_ignition_group",
            "e_ignition_user",
            "e_no_group",
            "e_no_user",
        ],
        include_str!("ensure/passwd.sh"),
    ),
    (&["e_directory", "e_ignition_file", "e_link"], include_str!("ensure/nodes.sh")),
    (&["e_unit", "e_units_start"], include_str!("ensure/units.sh")),
    (&clean_up::TOOLS, include_str!("clean/tools.sh")),
    (&clean_up::LEFTOVERS, include_str!("clean/leftovers.sh")),
    (&clean_up::MOUNTS, include_str!("clean/mounts.sh")),
];

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
    /// Run a command again that was under way when the host went down.
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
    if plan.steps().iter().any(|step| matches!(step.action, Action::Ensure(_))) {
        add(code(ENSURE_ALL).as_bytes());
    }
    for (functions, text) in ENSURE {
        let is_called = |step: &Step| matches!(&step.action, Action::Ensure(ensure) if functions.contains(&ensure.function));
        if plan.steps().iter().any(is_called) {
            add(code(text).as_bytes());
        }
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

/// What is asked of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// What it remembers of its last run.
    Status,
    /// That, and what it is.
    StatusAndFacts,
    /// What it is, and nothing else.
    Facts,
    /// All that, and what would be in the way of a run.
    Doctor,
    /// The log.
    Log,
}

/// The program that answers a question, without changing anything on the host.
#[must_use]
pub fn render_question(question: Question) -> Secret {
    let (mode, facts) = match question {
        Question::Status => ("status", ""),
        Question::StatusAndFacts => ("status", "1"),
        Question::Facts => ("facts", "1"),
        Question::Doctor => ("doctor", "1"),
        Question::Log => ("log", ""),
    };
    let host = if facts.is_empty() { String::new() } else { code(HOST) };
    // The proof's own look at the host; and what it needs for tools that could hang.
    let doctor = match question {
        Question::Doctor => [SUPERVISE, FACTS, PROVE, DOCTOR].map(code).concat(),
        Question::Status | Question::StatusAndFacts | Question::Facts | Question::Log => "d_findings() { :; }\n".to_owned(),
    };
    let text = format!(
        "#!/bin/sh\n# shellcheck disable=SC2034,SC2153\nA_MODE={mode}\nA_FACTS={facts}\nA_SELF=${{A_SELF-$0}}\n{}{host}{doctor}{}",
        code(COMMON),
        code(STATUS)
    );
    Secret::new(text)
}

/// The command line that takes a program of so many bytes from its stdin and runs it. The same for every host, without any
/// secret, and readable by every login shell: no backslash, no exclamation mark, one line.
#[must_use]
pub fn enter(program: &Secret) -> String {
    format!(
        "/bin/sh -c 'umask 077; LC_ALL=C${{YASH_VERSION:+.UTF-8}}; PATH=/usr/sbin:/usr/bin:/sbin:/bin:$PATH; export LC_ALL PATH; \
         u=; e=; read -r u </proc/sys/kernel/random/uuid; \
         for b in /run/anywhere /var/lib/anywhere/run \"$HOME/.local/state/anywhere/run\"; do d=$b/run.$$.${{u%%-*}}; \
         m=$(mkdir -p \"$d\" 2>&1) && break; e=${{e:-$m}}; d=; done; \
         [ -n \"$d\" ] || {{ w=state; case $e in *Read-only*) w=\"readonly\"; e=\"$e; mount it read-write\";; \
         *space*) w=space; e=\"$e; free some\"; case $(df -P -i /run 2>/dev/null) in *\" 100% \"*) \
         w=inodes; e=\"no inodes are left on /run; remove some files there\";; esac;; esac; echo \"fail $w $e\"; exit 1; }}; \
         head -c {} >\"$d/program\" || {{ echo \"fail space no space is left for $d; free some\"; rm -rf \"$d\"; exit 1; }}; \
         A_SELF=$d/program; . \"$A_SELF\"'",
        program.len()
    )
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

/// Whose shell state a step carries on; and of the others, whether it may be done again when it was interrupted.
fn kind(action: &Action) -> &'static str {
    match action {
        Action::Command(Command { module, .. }) => match module {
            Module::Boot => "boot",
            Module::Run => "run",
        },
        action if action.is_repeatable() => "again",
        Action::Script(_)
        | Action::WriteFile(_)
        | Action::CopyFile(_)
        | Action::Ensure(_)
        | Action::Remove { .. }
        | Action::Expect { .. }
        | Action::Undo
        | Action::Prove => "once",
    }
}

fn function(number: usize, action: &Action, again: bool, is_staged: bool) -> Vec<u8> {
    let mut text = format!("s{number}() {{\n").into_bytes();
    match action {
        Action::WriteFile(file) => text.extend(write_file(file, is_staged)),
        Action::CopyFile(file) => text.extend(copy_file(file, again)),
        Action::Command(Command { text: command, module }) => {
            let mut line = command.expose().to_vec();
            line.push(b'\n');
            text.extend_from_slice(b"printf '' >\"$A_RUN/command\" || return\n");
            text.extend(quote::print(&line, ">>\"$A_RUN/command\" || return"));
            let module = match module {
                Module::Boot => "boot",
                Module::Run => "run",
            };
            let run = if wants_its_process_id(command.expose()) {
                "a_alone"
            } else {
                "a_command"
            };
            text.extend_from_slice(format!("{run} {module}\n").as_bytes());
        }
        Action::Script(script) => text.extend(run_script(script)),
        Action::Ensure(ensure) => text.extend(call(ensure)),
        Action::Remove { path } => text.extend(with_path("rm -f --", path, "")),
        Action::Expect { path } => text.extend(with_path("a_expect", path, "")),
        Action::Undo => text.extend_from_slice(b"a_undo\n"),
        Action::Prove => text.extend_from_slice(b"p_prove\n"),
    }
    text.extend_from_slice(b"}\n");
    text
}

/// Whether a text speaks of `$$`: a fork of the runner has the runner's (POSIX.1-2024, "Shell Command Language" 2.5.2).
fn wants_its_process_id(text: &[u8]) -> bool {
    text.windows(2).any(|pair| pair == b"$$") || text.windows(4).any(|name| name == b"${$}")
}

fn with_path(command: &str, path: &[u8], rest: &str) -> Vec<u8> {
    let quote::Argument { setup, word } = quote::argument(path, 0);
    [setup.as_slice(), command.as_bytes(), b" ", &word, rest.as_bytes(), b"\n"].concat()
}

fn call(ensure: &Ensure) -> Vec<u8> {
    let (mut setup, mut line) = (Vec::new(), ensure.function.as_bytes().to_vec());
    for (number, argument) in ensure.arguments.iter().enumerate() {
        let argument = quote::argument(argument.expose(), number);
        setup.extend(argument.setup);
        line.push(b' ');
        line.extend(argument.word);
    }
    line.push(b'\n');
    [setup, line].concat()
}

fn write_file(file: &WriteFile, is_staged: bool) -> Vec<u8> {
    let WriteFile {
        path,
        content,
        owner,
        mode,
        append,
    } = file;
    let owner = quote::word(owner.as_deref().unwrap_or("").as_bytes());
    let owner = String::from_utf8_lossy(&owner);
    let mut text = Vec::new();
    if *append {
        text.extend(with_path("a_appended", path, " && return"));
    }
    text.extend(with_path(
        "a_open",
        path,
        &if is_staged {
            format!(" '{}' {owner} {mode:04o} || return", quote::octal(path))
        } else {
            format!(" '{}' {owner} || return", quote::octal(path))
        },
    ));
    if *append {
        text.extend_from_slice(b"a_copy || return\n");
    }
    text.extend(quote::print(content.expose(), ">>\"$A_TEMP\" || return"));
    if *append {
        text.extend_from_slice(b"a_size || return\n");
    }
    text.extend_from_slice(format!("a_close {mode:04o} {owner}\n").as_bytes());
    text
}

fn has_contents(plan: &Plan) -> bool {
    plan.steps().iter().any(|step| matches!(step.action, Action::CopyFile(_)))
}

/// Whether a step behind this one needs the same content.
fn is_needed_again(plan: &Plan, index: usize) -> bool {
    let Some(Action::CopyFile(this)) = plan.steps().get(index).map(|step| &step.action) else {
        return false;
    };
    let needs = |step: &Step| matches!(&step.action, Action::CopyFile(file) if file.content == this.content);
    plan.steps().iter().skip(index + 1).any(needs)
}

/// The function that tells which contents the steps need.
fn needs(plan: &Plan) -> Vec<u8> {
    let mut text = b"a_needs() {\n".to_vec();
    for (index, Step { id, action, .. }) in plan.steps().iter().enumerate() {
        let Action::CopyFile(CopyFile {
            path, content, append, ..
        }) = action
        else {
            continue;
        };
        let (sha256, size) = (content.sha256(), content.size());
        let how = if *append { "append" } else { "replace" };
        let which = if is_needed_again(plan, index) { "more" } else { "last" };
        text.extend(with_path(&format!("a_need {id} {sha256} {size} {how} {which}"), path, ""));
    }
    text.extend_from_slice(b"}\n");
    text
}

fn copy_file(file: &CopyFile, again: bool) -> Vec<u8> {
    let CopyFile {
        path,
        content,
        owner,
        mode,
        append,
    } = file;
    let owner = quote::word(owner.as_deref().unwrap_or("").as_bytes());
    let owner = String::from_utf8_lossy(&owner);
    let (sha256, size) = (content.sha256(), content.size());
    let which = if again || *append { "more" } else { "last" };
    let mut text = Vec::new();
    if *append {
        text.extend(with_path("a_appended", path, " && return"));
    } else {
        text.extend(with_path("if a_is", path, &format!(" {sha256} {size}; then")));
        text.extend(with_path("a_settle", path, &format!(" {mode:04o} {owner}")));
        text.extend_from_slice(b"return\nfi\n");
    }
    text.extend(with_path(
        "a_open",
        path,
        &format!(" '{}' {owner} || return", quote::octal(path)),
    ));
    if *append {
        text.extend_from_slice(b"a_copy || return\n");
    }
    text.extend_from_slice(format!("a_fill {sha256} {which} {owner} || return\n").as_bytes());
    if *append {
        text.extend_from_slice(b"a_size || return\n");
    }
    text.extend_from_slice(format!("a_close {mode:04o} {owner}\n").as_bytes());
    text
}

fn run_script(script: &Script) -> Vec<u8> {
    let Script {
        interpreter,
        body,
        has_instance_id,
    } = script;
    let words: Vec<_> = interpreter.iter().map(|word| quote::word(word.as_bytes())).collect();
    let environment = if *has_instance_id {
        r#"env INSTANCE_ID="$A_INSTANCE" "#
    } else {
        ""
    };
    let command = [b"a_wait ".as_slice(), environment.as_bytes(), &words.join(b" ".as_slice())].concat();
    match body {
        Body::Inline(content) => [
            b"printf '' >\"$A_RUN/script\" || return\n".as_slice(),
            &quote::print(content.expose(), ">>\"$A_RUN/script\" || return"),
            &command,
            b" \"$A_RUN/script\"\n",
        ]
        .concat(),
        Body::File { path, .. } => with_path(&String::from_utf8_lossy(&command), path, ""),
    }
}
