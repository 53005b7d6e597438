//! Any bytes in paths, contents and commands arrive unchanged through real shells: programs as the renderer makes them, run on
//! machines whose `/bin/sh` is the shell in question, without SSH between.
#![allow(clippy::unwrap_used, clippy::panic)] // a test that cannot be set up fails

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use remote::plan::{Action, Command, Module, Plan, WriteFile};
use remote::script::{self, Mode, Order};
use remote::secret::Secret;
use testbed::{Machine, MachineSpec, Shell};

/// Programs for each shell. Each has several steps, so that the time it takes goes into what is looked at.
const CASES: u32 = 3;

/// Takes a program from stdin and runs its detached half to its end, as the attached half would have it run.
const RUN: &str = "umask 077; mkdir -p /var/lib/anywhere /run/anywhere/run.0.case && cd /run/anywhere/run.0.case && cat >program \
    && echo lab >/var/lib/anywhere/owner && exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
    /bin/sh /run/anywhere/run.0.case/program supervise";

/// What one case puts on the machine.
#[derive(Clone, Debug)]
struct Payload {
    /// Two path components and a content.
    files: Vec<(Vec<u8>, Vec<u8>, Vec<u8>)>,
    /// Arguments of commands.
    arguments: Vec<Vec<u8>>,
    /// Texts that commands hold as they are.
    texts: Vec<Vec<u8>>,
}

/// Bytes that shells and printf(1) have ideas about, and all others.
fn byte() -> impl Strategy<Value = u8> {
    prop_oneof![
        3 => prop::sample::select(b"'\"\\%$`!-~*? \n\t\r#;&|<>(){}[]=0123789nxc\x1b\x7f".to_vec()),
        1 => any::<u8>(),
    ]
}

fn bytes(most: usize) -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        2 => prop::collection::vec(byte(), 0..most),
        1 => any::<String>().prop_map(move |text| text.into_bytes()),
    ]
}

fn without(unwanted: &'static [u8], most: usize) -> impl Strategy<Value = Vec<u8>> {
    bytes(most).prop_map(move |mut bytes| {
        bytes.retain(|byte| !unwanted.contains(byte));
        bytes.truncate(most);
        bytes
    })
}

/// With `only_text` all is UTF-8 but the contents of files.
fn payload(only_text: bool) -> impl Strategy<Value = Payload> {
    let text = move |unwanted: &'static [u8], most: usize| {
        without(unwanted, most).prop_map(move |bytes| match only_text {
            true => String::from_utf8_lossy(&bytes).into_owned().into_bytes(),
            false => bytes,
        })
    };
    let file = (text(b"\0/", 60), text(b"\0/", 60), bytes(400));
    let files = prop::collection::vec(file, 4..8);
    let commands = |unwanted| prop::collection::vec(text(unwanted, 200), 2..4);
    // dash loses a byte of a line in a here-document that begins like its end mark and goes on with a byte beyond ASCII.
    (files, commands(b"\0"), commands(b"\0Q")).prop_map(|(files, arguments, texts)| Payload { files, arguments, texts })
}

/// `/srv/p/N<first>/N<second>`: the number keeps names from being the same, or `.` or `..`.
fn path(number: usize, first: &[u8], second: &[u8]) -> Vec<u8> {
    let number = number.to_string();
    [b"/srv/p/", number.as_bytes(), first, b"/", number.as_bytes(), second].concat()
}

/// A word in single quotes, as cloud-init quotes it.
fn quoted(word: &[u8]) -> Vec<u8> {
    let parts: Vec<_> = word.split(|byte| *byte == b'\'').collect();
    [b"'", parts.join(b"'\\''".as_slice()).as_slice(), b"'"].concat()
}

fn plan(payload: &Payload) -> Plan {
    let command = |text: Vec<u8>| {
        Action::Command(Command {
            text: Secret::new(text),
            module: Module::Run,
        })
    };
    let Payload { files, arguments, texts } = payload;
    let mut actions = Vec::new();
    for (number, (first, second, content)) in files.iter().enumerate() {
        actions.push(Action::WriteFile(WriteFile {
            path: path(number, first, second),
            content: Secret::new(content.as_slice()),
            owner: None,
            mode: 0o640,
            append: number % 2 == 1,
        }));
    }
    for (number, argument) in arguments.iter().enumerate() {
        let head = b"printf '%s' ".to_vec();
        let tail = format!(" >/srv/p/argument{number}").into_bytes();
        actions.push(command([head, quoted(argument), tail].concat()));
    }
    for (number, text) in texts.iter().enumerate() {
        let head = format!("cat >/srv/p/text{number} <<'QUOTED'\n").into_bytes();
        actions.push(command([head.as_slice(), text, b"\nQUOTED\n"].concat()));
    }
    let named = actions.into_iter().enumerate();
    Plan::of(named.map(|(number, action)| (format!("step[{number}]"), action)).collect()).unwrap()
}

fn run(machine: &Machine, plan: &Plan, mode: Mode) -> Result<(), TestCaseError> {
    let order = Order {
        mode,
        owner: "lab",
        holder: "it's \"me\" $HOME",
        step_limit: 60,
        run_limit: 60,
        keep_going: false,
        rerun: None,
        rerun_interrupted: false,
        facts: false,
        seen: None,
        time: 1,
    };
    let program = script::render(plan, &order);
    let ran = machine.run_with_input(&["/bin/sh", "-c", RUN], program.expose()).unwrap();
    let journal = machine.run(&["tail", "-n", "3", "/var/lib/anywhere/journal"]).unwrap();
    let journal = String::from_utf8_lossy(&journal.stdout).into_owned();
    let is_well = mode == Mode::Reset || journal.lines().last().is_some_and(|line| line.contains(" ok "));
    prop_assert!(ran.status.success() && is_well, "{ran:?}\n{journal}");
    Ok(())
}

fn on(machine: &Machine, path: &[u8]) -> PathBuf {
    machine
        .root_dir()
        .unwrap()
        .join(OsStr::from_bytes(path.strip_prefix(b"/").unwrap()))
}

fn delivered(machine: &Machine, path: &[u8], content: &[u8]) -> Result<(), TestCaseError> {
    let found = std::fs::read(on(machine, path)).map_err(|error| TestCaseError::fail(format!("{path:?}: {error}")))?;
    prop_assert_eq!(found, content, "{:?}", String::from_utf8_lossy(path));
    Ok(())
}

fn arrives(machine: &Machine, payload: &Payload) -> Result<(), TestCaseError> {
    machine.run(&["rm", "-rf", "/srv/p", "/var/lib/anywhere"]).unwrap();
    machine.run(&["mkdir", "/srv/p"]).unwrap();
    run(machine, &plan(payload), Mode::Apply)?;
    for (number, (first, second, content)) in payload.files.iter().enumerate() {
        delivered(machine, &path(number, first, second), content)?;
    }
    for (number, argument) in payload.arguments.iter().enumerate() {
        delivered(machine, format!("/srv/p/argument{number}").as_bytes(), argument)?;
    }
    for (number, text) in payload.texts.iter().enumerate() {
        let path = format!("/srv/p/text{number}");
        delivered(machine, path.as_bytes(), &[text.as_slice(), b"\n"].concat())?;
    }
    // The journal's form of the paths is as good: a reset finds all files and folders by it.
    run(machine, &Plan::reset(&[]).unwrap(), Mode::Reset)?;
    for (number, (first, _, _)) in payload.files.iter().enumerate() {
        let folder = path(number, first, b"");
        let folder = folder.get(..folder.iter().rposition(|byte| *byte == b'/').unwrap()).unwrap();
        prop_assert!(
            !on(machine, folder).exists(),
            "{:?} is still there",
            String::from_utf8_lossy(folder)
        );
    }
    Ok(())
}

fn everything_arrives(shell: Shell) {
    let machine = Machine::start(&MachineSpec::with_shell(shell)).unwrap();
    // yash handles words as characters: bytes that are none can be neither a command nor a path there, whoever gives it.
    let only_text = shell == Shell::Yash;
    let config = Config {
        cases: CASES,
        failure_persistence: None,
        max_shrink_iters: 30,
        ..Config::default()
    };
    TestRunner::new(config)
        .run(&payload(only_text), |payload| arrives(&machine, &payload))
        .unwrap_or_else(|error| panic!("{shell:?}: {error}"));
}

#[test]
fn any_bytes_arrive_through_dash() {
    everything_arrives(Shell::Dash);
}

#[test]
fn any_bytes_arrive_through_bash() {
    everything_arrives(Shell::Bash);
}

#[test]
fn any_bytes_arrive_through_busybox() {
    everything_arrives(Shell::Busybox);
}

#[test]
fn any_bytes_arrive_through_mksh() {
    everything_arrives(Shell::Mksh);
}

#[test]
fn any_bytes_arrive_through_yash() {
    everything_arrives(Shell::Yash);
}
