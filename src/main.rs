//! `anywhere`: machines with an SSH server become what their cloud-init says, with no agent on them.
//!
//! Reading order: [`cli`] (what can be asked for), [`machine`] (input to machines, complete before anything is touched),
//! [`commands`] (what is done with them), [`report`] (what is told about it). All work on hosts is the `remote` crate's.

mod cli;
mod commands;
mod controllers;
mod credentials;
mod fleet;
mod input;
mod install;
mod known_machines;
mod machine;
mod manifest;
mod report;
mod target;
mod webhook;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    // Nothing that a person asks for: a template is rendered in a process of its own, which is this program again.
    if std::env::args_os().nth(1).is_some_and(|argument| argument == machine::RENDER) {
        return remote::sandbox::serve();
    }
    commands::main(cli::Cli::parse()).into()
}
