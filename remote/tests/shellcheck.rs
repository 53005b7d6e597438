//! The programs that the engine generates, as shellcheck(1) sees them.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a test that cannot be set up fails

use std::io::Write;
use std::process::{Command as Process, Stdio};

use remote::content::Content;
use remote::plan::{Action, Body, Command, CopyFile, Ensure, Module, Plan, Script, WriteFile};
use remote::script::{Carrying, Mode, Order, Question, carrier, enter, render, render_question};
use remote::secret::Secret;

#[track_caller]
fn assert_clean(name: &str, program: &[u8]) {
    let mut shellcheck = Process::new("shellcheck")
        .args(["--shell=sh", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("shellcheck is installed (make setup)");
    shellcheck.stdin.take().unwrap().write_all(program).unwrap();
    let output = shellcheck.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "{name}:\n{}",
        String::from_utf8_lossy(&output.stdout)
    );
}

fn plan() -> Plan {
    let file = |path: &[u8], content: &[u8], append| {
        Action::WriteFile(WriteFile {
            path: path.to_vec(),
            content: Secret::new(content),
            owner: Some("daemon:".to_owned()),
            mode: 0o4750,
            append,
        })
    };
    let content = || {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"bulk").unwrap();
        Content::of_file("bulk".to_owned(), file, None).unwrap()
    };
    let copy = |path: &[u8], append| {
        Action::CopyFile(CopyFile {
            path: path.to_vec(),
            content: content(),
            owner: Some("daemon:".to_owned()),
            mode: 0o755,
            append,
        })
    };
    let command = |text: &str, module| {
        Action::Command(Command {
            text: Secret::from(text),
            module,
        })
    };
    let script = |body| {
        Action::Script(Script {
            interpreter: vec!["/usr/bin/env".to_owned(), "sh".to_owned()],
            body,
            has_instance_id: true,
        })
    };
    let ensure = |function, arguments: &[&str]| {
        Action::Ensure(Ensure {
            summary: String::new(),
            function,
            arguments: arguments.iter().map(|argument| Secret::from(*argument)).collect(),
            private: false,
        })
    };
    let actions = [
        ensure("e_apt_source", &["/etc/x", "append", "deb $RELEASE"]),
        ensure("e_ca_certs", &["keep", "it's\na text\n"]),
        ensure("e_packages", &["it's", "1.0", "b", ""]),
        ensure("e_final_message", &["@uptime;"]),
        ensure("e_keyboard", &["de", "pc105", "", ""]),
        ensure("e_resolv_conf", &["x"]),
        ensure("e_rsyslog", &["0", "/x", "y"]),
        ensure("e_snap", &["snap", "x"]),
        ensure("e_locale", &["C", ""]),
        ensure("e_ntp", &["auto", "server", "x"]),
        ensure("e_random_seed", &["/x", "\\000"]),
        ensure("e_repository", &["yum", "/x", "y"]),
        file(b"/etc/plain", b"plain 'text' with $dollars `and` ticks\n", false),
        file(b"/etc/it's \"odd\" %s \\n\xff\n", b"\0\xff\x81%s\\", false),
        file(b"/etc/plain", b"more", true),
        copy(b"/srv/plain", false),
        copy(b"/srv/it's \"odd\" \xff\n", false),
        copy(b"/srv/appended", true),
        command("echo \"unclosed $(", Module::Boot),
        command("echo \u{e9} \x01", Module::Run),
        script(Body::Inline(Secret::from("#!/usr/bin/env sh\nexit 0\n"))),
        script(Body::File {
            path: b"/x y".to_vec(),
            sha256: "00".to_owned(),
        }),
        Action::Remove {
            path: b"/tmp/a'b".to_vec(),
        },
        Action::Expect {
            path: b"/tmp/a\nb".to_vec(),
        },
        ensure("e_link", &["it's", ""]),
        ensure("e_unit", &["it's", ""]),
        Action::Undo,
    ];
    let ensures = [
        "e_authorized_keys",
        "e_doas",
        "e_first_password",
        "e_group",
        "e_host_keys",
        "e_hostname",
        "e_lock",
        "e_members",
        "e_password",
        "e_ssh_pwauth",
        "e_sudoers",
        "e_timezone",
        "e_user",
    ];
    let ensures = ensures.map(|function| {
        Action::Ensure(Ensure {
            summary: "it's".to_owned(),
            function,
            arguments: vec![Secret::from("it's $one"), Secret::from("\u{1}"), Secret::from("")],
            private: true,
        })
    });
    Plan::of(
        actions
            .into_iter()
            .chain(ensures)
            .enumerate()
            .map(|(index, action)| (format!("step[{index}]'s"), action))
            .collect(),
    )
    .unwrap()
}

#[test]
fn generated_programs_are_clean() {
    let plan = plan();
    for mode in [Mode::Apply, Mode::Reset] {
        let order = Order {
            mode,
            owner: "default/it's mine",
            holder: "me@here pid 1",
            step_limit: 10,
            run_limit: 20,
            keep_going: mode == Mode::Reset,
            rerun: Some("word"),
            rerun_interrupted: true,
            facts: true,
            seen: Some(("abc", 7)),
            time: 1,
        };
        let program = render(&plan, &order);
        assert_clean("program", program.expose());
        let program = render(&Plan::reset(&["echo".to_owned()]).unwrap(), &order);
        assert_clean("reset with commands", program.expose());
        let carrying = Carrying {
            ssh: "ssh -F '/it is/config'",
            scp: "scp -F '/it is/config'",
            host: "fd00::1",
            port: 2222,
            user: "it's",
            use_sudo: true,
            mode: Mode::Reset,
            folder: "/it's",
        };
        let carrier = carrier(&Plan::reset(&["echo".to_owned()]).unwrap(), &program, &carrying).unwrap();
        assert_clean("entrypoint", carrier.entrypoint.expose());
        assert_clean(carrier.files[0].0, carrier.files[0].1.expose());
        let program = render(&Plan::reset(&[]).unwrap(), &order);
        assert_clean("reset", program.expose());
        assert_clean("enter", enter(&program).as_bytes());
    }
    for question in [
        Question::Status,
        Question::StatusAndFacts,
        Question::Facts,
        Question::Doctor,
        Question::Log,
    ] {
        assert_clean("question", render_question(question).expose());
    }
}
