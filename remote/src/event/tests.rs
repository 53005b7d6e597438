//! Lines as hosts send them, and lines as they should not.

use super::*;

#[test]
fn lines_that_a_program_writes_are_understood() {
    for (text, line) in [
        (
            "anywhere 1 0f-1 12.5",
            Line::Hello {
                version: 1,
                boot_id: "0f-1".into(),
                machine_id: None,
            },
        ),
        (
            "anywhere 1 0f-1 12.5 77ab",
            Line::Hello {
                version: 1,
                boot_id: "0f-1".into(),
                machine_id: Some("77ab".into()),
            },
        ),
        (
            "follow Ab1 77",
            Line::Follow {
                run: "Ab1".into(),
                offset: 77,
            },
        ),
        (
            "fail state /x: Read-only",
            Line::Fail {
                what: "state".into(),
                text: "/x: Read-only".into(),
            },
        ),
        (
            "run Ab1 77aa steps=3 boot=b up=1.00 time=99 rerun=0 by=me@here pid 1",
            Line::Journal(Record::Run {
                run: "Ab1".into(),
                plan: "77aa".into(),
                steps: 3,
                boot_id: Some("b".into()),
                machine_id: None,
                time: 99,
                by: "me@here pid 1".into(),
            }),
        ),
        (
            "run Ab1 77aa steps=3 boot=b machine=77ab up=1.00 time=-99 rerun=0 by=boot=x machine=y",
            Line::Journal(Record::Run {
                run: "Ab1".into(),
                plan: "77aa".into(),
                steps: 3,
                boot_id: Some("b".into()),
                machine_id: Some("77ab".into()),
                time: -99,
                by: "boot=x machine=y".into(),
            }),
        ),
        (
            "interrupted 3 aa reboot",
            Line::Journal(Record::Interrupted {
                number: 3,
                id: "aa".into(),
                by: Interruption::Reboot,
            }),
        ),
        (
            "interrupted 3 aa",
            Line::Journal(Record::Interrupted {
                number: 3,
                id: "aa".into(),
                by: Interruption::Unknown,
            }),
        ),
        (
            "foreign 77ab default/node 1",
            Line::Foreign {
                machine_id: "77ab".into(),
                owner: "default/node 1".into(),
            },
        ),
        (
            "begin 1 aa 10.07 runcmd[0]",
            Line::Journal(Record::Begin {
                number: 1,
                id: "aa".into(),
                at: 1007,
                name: "runcmd[0]".into(),
            }),
        ),
        (
            "end 1 aa 127 10.09",
            Line::Journal(Record::End {
                number: 1,
                id: "aa".into(),
                status: 127,
                at: 1009,
            }),
        ),
        (
            "err 1 not\x1b[2J here",
            Line::Journal(Record::Said {
                number: 1,
                text: "not?[2J here".into(),
            }),
        ),
        (
            "ran Ab1 77aa ok 11.00",
            Line::Journal(Record::Ran {
                run: "Ab1".into(),
                plan: "77aa".into(),
                outcome: Outcome::Ok,
            }),
        ),
        (
            "fact os ID=\"debian\"",
            Line::Fact {
                name: "os".into(),
                value: "ID=\"debian\"".into(),
            },
        ),
        (
            "fact end",
            Line::Fact {
                name: "end".into(),
                value: String::new(),
            },
        ),
        (
            "want ab 7 cd",
            Line::Want(Want {
                sha256: "ab".into(),
                has: 7,
                prefix: "cd".into(),
            }),
        ),
        ("want ab -7 cd", Line::Noise),
        ("want ab 99999999999999999999 cd", Line::Noise),
        ("send gzip", Line::Send { gzip: true }),
        ("done 77aa", Line::Done("77aa".into())),
        ("interrupted 7", Line::Noise),
        ("made 0 /etc/x", Line::Journal(Record::Other)),
        ("Welcome to Debian", Line::Noise),
        ("end x", Line::Noise),
        ("end 3 abc 0 12.5\u{18}", Line::Noise),
    ] {
        assert_eq!(Line::parse(text.as_bytes()), line, "{text}");
    }
}

proptest::proptest! {
    #[test]
    fn no_line_is_too_strange(bytes: Vec<u8>) {
        let _ = Line::parse(&bytes);
    }
}
