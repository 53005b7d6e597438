#![allow(clippy::unwrap_used, clippy::expect_used)] // a test that cannot be set up fails

use std::io::Write;
use std::process::{Command, Stdio};

use super::*;
use crate::script;
use crate::secret::Secret;

#[track_caller]
fn assert_clean(name: &str, program: &str) {
    let mut shellcheck = Command::new("shellcheck")
        // What is in single quotes is for the shell that is started there; what is read there is checked by itself.
        .args(["--shell=sh", "--exclude=SC1090,SC2016", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("shellcheck is installed (make setup)");
    shellcheck.stdin.take().unwrap().write_all(program.as_bytes()).unwrap();
    let output = shellcheck.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "{name}:\n{}",
        String::from_utf8_lossy(&output.stdout)
    );
}

fn every_form() -> impl Iterator<Item = (Way, Privilege)> {
    let password = Some(Secret::from("hunter2"));
    let privileges = [
        Privilege::Login,
        Privilege::Sudo { password: None },
        Privilege::Sudo { password },
    ];
    let ways = [Way::Login, Way::Sudo, Way::SudoOnTerminal, Way::Doas, Way::DoasOnTerminal];
    privileges
        .into_iter()
        .flat_map(move |privilege| ways.map(|way| (way, privilege.clone())))
}

#[test]
fn every_command_line_is_clean_and_one_that_any_login_shell_reads() {
    let enter = script::enter(&Secret::from("program"));
    for (way, privilege) in every_form() {
        let line = way.wrap(&privilege, &enter);
        assert_clean("the line", &line);
        // csh and fish have ideas about these within single quotes.
        assert!(!line.contains(['!', '\\', '\n']), "{line}");
        let (before, text) = line.split_once("/bin/sh -c '").unwrap();
        let text = text.strip_suffix('\'').unwrap();
        assert!(!text.contains('\'') && !before.contains('\''), "{line}");
        assert_clean("its text", text);
        assert!(!line.contains("hunter2"));
    }
}

#[test]
fn a_program_is_held_back_where_something_may_be_asked() {
    for (way, privilege) in every_form() {
        let line = way.wrap(&privilege, "/bin/sh -c 'x'");
        assert_eq!(line.contains(READY), way.says_ready(&privilege), "{line}");
        assert_eq!(line.contains("stty raw -echo"), way.on_terminal(), "{line}");
    }
}

#[test]
fn questions_are_counted_and_the_answer_is_a_line_of_its_own() {
    for (said, expected) in [
        ("", (false, 0)),
        ("welcome\nanywhere-sudo-password-of-admin:", (false, 1)),
        ("anywhere-sudo-password-of-admin:\r\nanywhere-ready\n", (true, 1)),
        ("sh: echo anywhere-ready: not found\n", (false, 0)),
        ("\rdoas (admin@m) password: \ndoas (admin@m) password: ", (false, 2)),
    ] {
        assert_eq!(asked(said), expected, "{said:?}");
    }
}

#[test]
fn sudo_does_not_repeat_the_whole_command_line() {
    let said = "anywhere-sudo-password-of-root:Sorry, user a is not allowed to execute '/bin/sh -c echo ' as root on h.";
    assert_eq!(
        line_with(said, &["allowed"]),
        "Sorry, user a is not allowed to execute /bin/sh as root on h."
    );
}

#[test]
fn the_name_before_a_refusal_may_be_torn_off() {
    for said in [
        "Changing password for a.\nsudo: Account or password is expired",
        "sudoChanging password for a.\n: Account or password is expired",
        "sudo: Changing password for a.\nAccount or password is expired",
    ] {
        assert_eq!(
            without_name(&line_with(said, &["xpired"])),
            "Account or password is expired",
            "{said:?}"
        );
    }
}
