//! One step as a function of the program.

use super::quote;
use crate::plan::{Action, Body, Command, CopyFile, Ensure, Module, Plan, Script, Step, WriteFile};

/// Whose shell state a step carries on; and of the others, whether it may be done again when it was interrupted.
pub(super) fn kind(action: &Action) -> &'static str {
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

pub(super) fn function(number: usize, action: &Action, again: bool, is_staged: bool) -> Vec<u8> {
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

pub(super) fn has_contents(plan: &Plan) -> bool {
    plan.steps().iter().any(|step| matches!(step.action, Action::CopyFile(_)))
}

/// Whether a step behind this one needs the same content.
pub(super) fn is_needed_again(plan: &Plan, index: usize) -> bool {
    let Some(Action::CopyFile(this)) = plan.steps().get(index).map(|step| &step.action) else {
        return false;
    };
    let needs = |step: &Step| matches!(&step.action, Action::CopyFile(file) if file.content == this.content);
    plan.steps().iter().skip(index + 1).any(needs)
}

/// The function that tells which contents the steps need.
pub(super) fn needs(plan: &Plan) -> Vec<u8> {
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
