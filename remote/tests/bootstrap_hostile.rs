//! Properties of the parser of bootstrap data: it never panics, its errors never contain a value, and what it makes of argument lists
//! means the same to a real shell.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::process::Command;

use proptest::prelude::*;
use remote::bootstrap::{InProcess, Options, Variables, parse};
use remote::facts::Facts;

const SECRET: &str = "hunter2SECRET";

/// Has a secret wherever a value may stand, and is valid.
const DOCUMENT: &str = r#"## template: jinja
#cloud-config
write_files:
- path: /etc/hunter2SECRET
  content: hunter2SECRET
  permissions: '0600'
- path: /b
  encoding: b64
  owner: root:root
  append: true
  content: "aHVudGVyMg=="
- path: /c
  content: |
    token: hunter2SECRET
- {path: /d, content: 'hunter2SECRET'}
runcmd:
- echo hunter2SECRET {{ v1.local_hostname }}
- [kubeadm, join, --token, hunter2SECRET, "hunter2SECRET"]
- >-
  curl
  hunter2SECRET
bootcmd:
- &a echo hunter2SECRET
- *a
chpasswd: {list: ["alice:hunter2SECRET"]}
"#;

/// A document for each way in which a value can be of no use, the value being a secret.
const BAD_VALUES: &[&str] = &[
    "hunter2SECRET",
    "#hunter2SECRET\nhunter2SECRET",
    "#!hunter2SECRET\n",
    "#cloud-config\nhunter2SECRET",
    "#cloud-config\n- hunter2SECRET",
    "#cloud-config\nruncmd: hunter2SECRET",
    "#cloud-config\nruncmd:\n- a: hunter2SECRET",
    "#cloud-config\nruncmd:\n- [[hunter2SECRET]]",
    "#cloud-config\nruncmd:\n- !hunter2SECRET x",
    "#cloud-config\nruncmd:\n- !!int hunter2SECRET",
    "#cloud-config\nruncmd:\n- !!binary hunter2SECRET",
    "#cloud-config\nruncmd:\n- *hunter2SECRET",
    "#cloud-config\nruncmd:\n- &hunter2SECRET [*hunter2SECRET]",
    "#cloud-config\nruncmd:\n- \"hunter2SECRET\\0\"",
    "#cloud-config\nruncmd:\n- \"hunter2SECRET\\q\"",
    "#cloud-config\nruncmd:\n- \"hunter2SECRET",
    "#cloud-config\nruncmd:\n- 'hunter2SECRET",
    "#cloud-config\nruncmd: [hunter2SECRET",
    "#cloud-config\n<<: hunter2SECRET",
    "#cloud-config\n%hunter2SECRET",
    "#cloud-config\na: hunter2SECRET\na: hunter2SECRET",
    "#cloud-config\na: 1\n---\nhunter2SECRET",
    "#cloud-config\na: [1]\n#cloud-config\nmerge_how: hunter2SECRET",
    "#cloud-config\na: [1]\n#cloud-config\nmerge_how: [[hunter2SECRET]]",
    "#cloud-config\na: [1]\n#cloud-config\na: hunter2SECRET\nmerge_how: 'dict(recurse_str)+list(append)'",
    "#cloud-config\nwrite_files: hunter2SECRET",
    "#cloud-config\nwrite_files:\n- hunter2SECRET",
    "#cloud-config\nwrite_files:\n- content: hunter2SECRET",
    "#cloud-config\nwrite_files:\n- path: C:\\hunter2SECRET",
    "#cloud-config\nwrite_files:\n- path: [hunter2SECRET]",
    "#cloud-config\nwrite_files:\n- path: \"/hunter2SECRET\\0\"",
    "#cloud-config\nwrite_files:\n- {path: /a, permissions: hunter2SECRET}",
    "#cloud-config\nwrite_files:\n- {path: /a, owner: -hunter2SECRET}",
    "#cloud-config\nwrite_files:\n- {path: /a, owner: [hunter2SECRET]}",
    "#cloud-config\nwrite_files:\n- {path: /a, append: hunter2SECRET}",
    "#cloud-config\nwrite_files:\n- {path: /a, encoding: hunter2SECRET}",
    "#cloud-config\nwrite_files:\n- {path: /a, encoding: b64, content: hunter2SECRET-}",
    "#cloud-config\nwrite_files:\n- {path: /a, encoding: gz, content: hunter2SECRET}",
    "#cloud-config\nchpasswd: hunter2SECRET",
    "#cloud-config\nchpasswd: {list: [hunter2SECRET]}",
    "#cloud-config\nchpasswd: {list: [\"a b:hunter2SECRET\"]}",
    "#cloud-config\nchpasswd: {users: [{name: a, password: hunter2SECRET}]}",
    "#cloud-config\nchpasswd: {users: [{name: a, type: hunter2SECRET}]}",
    "#cloud-config\nuser: a\npassword: \"hunter2SECRET\\n\"",
    "#cloud-config\nusers: [{name: a, passwd: hunter2SECRET}]",
    "#cloud-config\nusers: [{name: a, hashed_passwd: hunter2SECRET}]",
    "#cloud-config\nusers: [{name: a, plain_text_passwd: \"hunter2SECRET\\t\"}]",
    "#cloud-config\nusers: [{name: a, ssh_authorized_keys: [hunter2SECRET]}]",
    "#cloud-config\nssh_authorized_keys: hunter2SECRET",
    "MIME-Version: hunter2SECRET\nContent-Type: multipart/mixed\n\nhunter2SECRET",
    "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=hunter2SECRET\n\nhunter2SECRET",
    "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=hunter2SECRET\n\n--hunter2SECRET\nx",
    "MIME-Version: 1.0\nContent-Type: hunter2SECRET\n\nhunter2SECRET",
    "MIME-Version: 1.0\nContent-Type: text/hunter2SECRET\n\nhunter2SECRET",
    "MIME-Version: 1.0\nContent-Type: text/plain\n\nhunter2SECRET",
    "MIME-Version: 1.0\nContent-Type: text/cloud-config\n\nhunter2SECRET",
    "MIME-Version: 1.0\nContent-Type: text/cloud-config\nMerge-Type: hunter2SECRET\n\na: 1",
    "MIME-Version: 1.0\nContent-Type: text/x-shellscript\n\nhunter2SECRET",
    "MIME-Version: 1.0\nContent-Transfer-Encoding: hunter2SECRET\n\nx",
    "MIME-Version: 1.0\nContent-Transfer-Encoding: base64\n\nhunter2SECRET-",
    "#cloud-config-archive\nhunter2SECRET",
    "#cloud-config-archive\n- [hunter2SECRET]",
    "#cloud-config-archive\n- hunter2SECRET",
    "#cloud-config-archive\n- {content: [hunter2SECRET]}",
    "#cloud-config-archive\n- {content: 'a: 1', type: hunter2SECRET}",
    "#cloud-config-archive\n- {content: 'a: 1', Merge-Type: hunter2SECRET}",
    "{\"ignition\": {\"version\": \"hunter2SECRET\"}}",
    "{\"ignition\": \"hunter2SECRET\"}",
    "{\"ignition\": {\"version\": \"3.0.0\", \"config\": {\"merge\": [{\"source\": \"hunter2SECRET\"}]}}}",
    "{\"ignition\": {\"version\": \"3.0.0\", \"config\": {\"merge\": [{\"source\": \"data:,hunter2SECRET\"}]}}}",
    "{\"ignition\": {\"version\": \"3.0.0\"}, \"storage\": {\"files\": [\"hunter2SECRET\"]}}",
    "{\"ignition\": {\"version\": \"3.0.0\"}, \"storage\": {\"files\": [{\"path\": \"hunter2SECRET\"}]}}",
    "{\"ignition\": {\"version\": \"3.0.0\"}, \"storage\": {\"files\": [{\"path\": \"/a\", \"mode\": \"hunter2SECRET\"}]}}",
    "{\"ignition\": {\"version\": \"3.0.0\"}, \"storage\": {\"files\": [{\"path\": \"/a\", \"contents\": {\"source\": \"data:;base64,hunter2SECRET-\"}}]}}",
    "{\"ignition\": {\"version\": \"3.0.0\"}, \"storage\": {\"files\": [{\"path\": \"/a\", \"contents\": {\"source\": \"data:,x\", \"verification\": {\"hash\": \"hunter2SECRET\"}}}]}}",
    "{\"ignition\": {\"version\": \"3.0.0\"}, \"systemd\": {\"units\": [{\"name\": \"hunter2SECRET\"}]}}",
    "## template: hunter2SECRET\n#cloud-config\n",
    "## template: jinja\n#cloud-config\nruncmd: [{{ 'hunter2SECRET' | nofilter }}]",
    "## template: jinja\n#cloud-config\nruncmd: [{{ 'hunter2SECRET'.nomethod() }}]",
    "## template: jinja\n#cloud-config\nruncmd: [{{ 'hunter2SECRET' + 1 }}]",
    "## template: jinja\n#cloud-config\nruncmd: [{{ 'hunter2SECRET' | int }}]",
    "## template: jinja\n#cloud-config\nruncmd: [{{ 'hunter2SECRET' 1 }}]",
    "## template: jinja\n#cloud-config\nruncmd: [{{ 'hunter2SECRET'[0:'hunter2SECRET'] }}]",
    "## template: jinja\n#cloud-config\nruncmd: [{{ v1.region ~ 'hunter2SECRET' }}]",
    "## template: jinja\n#cloud-config\nruncmd: [{{ {'a': 'hunter2SECRET'}.b }}]",
    "## template: jinja\n#cloud-config\n{% include 'hunter2SECRET' %}",
    "## template: jinja\n#cloud-config\n{% hunter2SECRET %}",
    "## template: jinja\n#cloud-config\n{% set x = 'hunter2SECRET\n",
];

/// Characters that mean something to YAML or jinja.
const MARKS: &[&str] = &[
    "\"", "'", "[", "]", "{", "}", "\t", "%", "*", "&", "!", "!!int ", "|", ">", "#", "@", "`", ",", "\\", "{{", "}}", "{%",
    "\u{0}", "- ", "\n\t",
];

fn options() -> Options<'static> {
    Options {
        source: "t",
        format: None,
        variables: Variables {
            machine_name: Some("node-1".to_owned()),
            instance_id: None,
            facts: Some(Facts::default()),
        },
        vendor_data: None,
        renderer: Some(&InProcess),
    }
}

/// Everything that may reach a log.
fn shown(data: &[u8]) -> String {
    match parse(data, &options()) {
        Ok(_) => String::new(),
        Err(error) => format!("{error}\n{error:?}"),
    }
}

#[test]
fn errors_never_contain_a_value() {
    assert!(
        parse(DOCUMENT.as_bytes(), &options()).is_ok(),
        "{}",
        shown(DOCUMENT.as_bytes())
    );
    for document in BAD_VALUES {
        let shown = shown(document.as_bytes());
        assert!(!shown.is_empty(), "no error:\n{document}");
        assert!(!shown.contains(SECRET), "{shown}\n{document}");
    }
}

#[test]
fn errors_of_broken_documents_never_contain_a_value() {
    let boundaries = DOCUMENT.char_indices().map(|(position, _)| position);
    for (before, after) in boundaries.map(|position| DOCUMENT.split_at(position)) {
        for text in MARKS
            .iter()
            .map(|mark| format!("{before}{mark}{after}"))
            .chain([before.to_owned()])
        {
            let shown = shown(text.as_bytes());
            assert!(!shown.contains(SECRET), "{shown}\n{text}");
        }
    }
}

#[test]
fn debug_output_of_commands_and_contents_shows_no_values() {
    let bootstrap = parse(DOCUMENT.as_bytes(), &options()).unwrap();
    assert!(!format!("{:?} {:?}", bootstrap.run_commands, bootstrap.boot_commands).contains(SECRET));
    assert!(!format!("{:?}", bootstrap.settings).contains(SECRET));
    let contents: Vec<_> = bootstrap.files.iter().map(|file| &file.content).collect();
    assert!(!format!("{contents:?}").contains(SECRET));
}

/// Bytes that get past the first checks more often than random ones.
fn data() -> impl Strategy<Value = Vec<u8>> {
    let header = prop::sample::select(vec![
        "",
        "#cloud-config\n",
        "## template: jinja\n#cloud-config\n",
        "#!",
        "\u{1f}\u{8b}",
        "#cloud-config\na: [1]\nb: {c: x}\n#cloud-config\nmerge_how: dict(recurse_list,recurse_str)+list(append)+str(append)\n",
        "#cloud-config-archive\n- ",
        "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n",
        "Content-Type: text/cloud-config\nMIME-Version: 1.0\n",
        "{\"ignition\": {\"version\": \"3.0.0\"}, \"storage\": {\"files\": [",
        "{\"ignition\": {\"version\": \"3.0.0\", \"config\": {\"merge\": [{\"source\": \"data:,",
        "{\"ignition\": {\"version\": \"3.0.0\"}, \"systemd\": {\"units\": [{\"name\": \"a.service\", ",
    ]);
    let word = prop::sample::select(vec![
        "write_files:",
        "runcmd:",
        "- ",
        "  ",
        "\n",
        "path: /a",
        "content: ",
        "encoding: gz",
        "&a ",
        "*a",
        "<<: ",
        "!!int ",
        "!!binary ",
        "{",
        "}",
        "[",
        "]",
        ",",
        ": ",
        "? ",
        "|\n",
        ">-\n",
        "'",
        "\"",
        "{{ ",
        " }}",
        "{% ",
        " %}",
        "v1",
        ".x",
        "---\n",
        "...\n",
        "\\",
        "\t",
        "#",
        "0x",
        "1:30",
        "\r\n",
        "\u{85}",
        "\u{feff}",
        "%TAG ! x\n",
        "\n--b\n",
        "\n--b--\n",
        "Content-Type: text/cloud-config\n\n",
        "Content-Type: multipart/mixed; boundary=b\n\n",
        "Content-Transfer-Encoding: base64\n",
        "Content-Transfer-Encoding: quoted-printable\n",
        "\n#cloud-config\n",
        "merge_how: ",
        "list(append)+dict()",
        "=3D=",
        "{\"path\": \"/a\", \"contents\": {\"source\": \"data:,%41\"}},",
        "\"mode\": ",
        "\"dropins\": [",
        "]}}",
        "%YAML 1.1\n",
    ]);
    let body = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..64),
        prop::collection::vec(word, 0..24).prop_map(|words| words.concat().into_bytes()),
        any::<String>().prop_map(String::into_bytes),
    ];
    (header, body).prop_map(|(header, body)| [header.as_bytes(), &body].concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn arbitrary_bytes_never_panic(data in data()) {
        let _ = parse(&data, &options());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(100) })]

    #[test]
    fn argument_lists_reach_the_shell_unchanged(words in prop::collection::vec("[^\u{0}]{0,12}", 0..6)) {
        // JSON strings are YAML strings.
        let mut arguments = vec!["printf".to_owned(), r"%s\0".to_owned()];
        arguments.extend(words.clone());
        let config = serde_json::json!({ "runcmd": [arguments] });
        let bootstrap = parse(format!("#cloud-config\n{config}").as_bytes(), &options()).unwrap();
        let text = bootstrap.run_commands.first().unwrap().text.expose().to_vec();
        let output = Command::new("/bin/sh").arg("-c").arg(String::from_utf8(text).unwrap()).output().unwrap();
        let expected: String = if words.is_empty() { "\0".to_owned() } else { words.iter().map(|word| format!("{word}\0")).collect() };
        prop_assert_eq!(output.stdout, expected.into_bytes());
    }
}
