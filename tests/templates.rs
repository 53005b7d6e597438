//! Templates: with what the machines tell, and such as would take all memory or time there is.

#![allow(clippy::unwrap_used)] // a test that cannot be set up fails

mod lab;

use lab::{Lab, key, on, says, target};
use nix::sys::resource::{UsageWho, getrusage};
use serde_json::Value;
use testbed::{Faults, Kind, Machine, MachineSpec, Proxy};

const WITH_FACTS: &str = "## template: jinja\n#cloud-config\nwrite_files:\n  - path: /etc/about\n    content: \
    \"{{ facts.hostname }} {{ v1.kernel_release }} {{ 'shell' if facts.init == 'sh' else facts.init }}\\n\"\n";

/// A template that is nothing but this.
fn template(body: &str) -> String {
    format!("## template: jinja\n#cloud-config\n{body}\nruncmd: ['true']\n")
}

#[test]
fn no_template_takes_more_than_it_may() {
    let lab = Lab::new();
    let doubling = "{% set x = x ~ x %}".repeat(40);
    let memory = "it takes more memory than a template may";
    for (name, body, says) in [
        ("strings", format!("{{% set x = 'x' * 1000 %}}{doubling}"), memory),
        (
            "strings of a machine",
            format!("{{% set x = v1.platform %}}{doubling}"),
            memory,
        ),
        (
            "lists",
            format!("{{% set x = [1] %}}{}", "{% set x = x + x %}".repeat(40)),
            "",
        ),
        ("one string", "{% set x = 'x' * 8000000000 %}".to_owned(), ""),
        ("one range", "{% set x = range(9000000000) | list %}".to_owned(), ""),
        (
            "a macro",
            "{% macro m(n) %}{{ m(n ~ n) }}{% endmacro %}{{ m('xxxxxxxx') }}".to_owned(),
            "",
        ),
        (
            "a filter",
            format!(
                "{{% set x = 'a' * 1000000 %}}{}",
                "{% set x = x | replace('a', 'aaaaaaaa') %}".repeat(9)
            ),
            memory,
        ),
        (
            "brackets",
            format!("{{{{ {}1{} }}}}", "(".repeat(100_000), ")".repeat(100_000)),
            "",
        ),
    ] {
        let data = lab.file("user-data.yaml", template(&body));
        let ran = lab.run(&["plan", "-b", data.to_str().unwrap(), "127.0.0.1"]).expect(2);
        assert!(
            ran.err.contains("the template cannot be rendered: ") && ran.err.contains(says),
            "{name}: {}",
            ran.err
        );
        assert!(ran.out.is_empty(), "{name}: {}", ran.out);
    }
    // The largest of all processes that this one has waited for, and of theirs; in KiB.
    let largest = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap().max_rss();
    assert!(largest < 600 * 1024, "{largest} KiB");
}

#[test]
fn each_machine_gets_what_its_own_facts_come_to() {
    let specs = [
        MachineSpec::default(),
        MachineSpec::default(),
        MachineSpec::of_kind(Kind::BusyboxOnly),
    ];
    let machines: Vec<_> = Machine::start_many(&specs).into_iter().map(Result::unwrap).collect();
    let lab = Lab::new();
    let data = lab.file("user-data.yaml", WITH_FACTS);
    let targets: Vec<_> = machines.iter().map(|machine| target("root", machine)).collect();
    let more: Vec<_> = targets.iter().skip(1).map(String::as_str).collect();
    let ran = lab.apply(&targets[0], &data, &more).expect(0);
    assert!(ran.out.contains("3 machines: 3 provisioned"), "{}", ran.out);
    let release = says(&machines[0], &["uname", "-r"]);
    for machine in &machines {
        let about = std::fs::read_to_string(on(machine, "etc/about")).unwrap();
        let init = std::fs::read_to_string(on(machine, "proc/1/comm")).unwrap();
        let init = if init.trim() == "sh" { "shell" } else { init.trim() };
        assert_eq!(about, format!("{} {} {init}\n", machine.hostname(), release.trim()));
    }
    let again = lab.apply(&targets[0], &data, &more).expect(0);
    assert!(again.out.contains("3 machines: 3 unchanged"), "{}", again.out);
}

#[test]
fn facts_and_run_share_one_connection() {
    let machine = Machine::start(&MachineSpec::default()).unwrap();
    let lab = Lab::new();
    let key = key();
    let mut trips = Vec::new();
    for (name, text) in [("plain", "#cloud-config\nruncmd: ['true']\n"), ("template", WITH_FACTS)] {
        let proxy = Proxy::start(machine.socket_address(), Faults::default()).unwrap();
        let (data, to) = (lab.file(name, text), format!("root@{}", proxy.socket_address()));
        let ran = lab
            .run(&["apply", "-i", &key, "-o", "json", "-b", data.to_str().unwrap(), &to])
            .expect(0);
        assert_eq!(ran.out.matches("\"event\":\"facts\"").count(), 1, "{}", ran.out);
        let counters = proxy.counters();
        assert_eq!(counters.connections, 1);
        trips.push(counters.round_trips);
    }
    // A channel more: its opening, and the question.
    let most = trips.first().map(|trips| trips + 4);
    assert!(trips.get(1).copied() <= most, "{trips:?}");
}

#[test]
fn a_template_whose_facts_make_no_plan_touches_nothing() {
    let machine = Machine::start(&MachineSpec::default()).unwrap();
    let lab = Lab::new();
    for (body, says) in [
        ("{% if facts.cpus %}}{% endif %}", "not valid YAML"),
        (
            "# {{ facts.cpus }} {{ facts.virtualization }}",
            "template variable `facts.virtualization` has no value here",
        ),
        ("# {{ facts.cpus }}\nwrite_files: [{content: x}]", "write_files[0].path"),
    ] {
        let data = lab.file("user-data.yaml", template(body));
        let ran = lab.apply(&target("root", &machine), &data, &[]).expect(1);
        assert!(ran.out.contains(says), "{body}: {}", ran.out);
    }
    assert!(!on(&machine, "var/lib/anywhere").exists());
}

#[test]
fn a_plan_says_what_it_needs_and_takes_it_from_a_file_or_the_machine() {
    let machine = Machine::start(&MachineSpec::default()).unwrap();
    let lab = Lab::new();
    let (key, to) = (key(), target("root", &machine));
    lab.file("user-data.yaml", WITH_FACTS);
    let ran = lab.run(&["plan", "-b", "user-data.yaml", &to]).expect(0);
    let needs = "no plan yet: its template uses facts.hostname, facts.init, v1.kernel_release; give --facts FILE";
    assert!(ran.out.contains(needs), "{}", ran.out);
    let ran = lab.run(&["plan", "-b", "user-data.yaml", "-o", "json", &to]).expect(0);
    let plan: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(plan.pointer("/needs/0"), Some(&Value::from("facts.hostname")));

    let asked = lab
        .run(&["plan", "-b", "user-data.yaml", "--connect", "-i", &key, &to])
        .expect(0);
    assert!(asked.out.contains("write /etc/about"), "{}", asked.out);
    let status = lab.run(&["status", "-i", &key, "-o", "json", &to]).expect(0);
    lab.file("facts.json", &status.out);
    let given = lab
        .run(&["plan", "-b", "user-data.yaml", "--facts", "facts.json", &to])
        .expect(0);
    assert_eq!(given.out, asked.out);
    let other = lab
        .run(&["plan", "-b", "user-data.yaml", "--facts", "facts.json", "127.0.0.9"])
        .expect(1);
    assert!(
        other.err.contains("127.0.0.9: its facts are not in the file"),
        "{}",
        other.err
    );
    lab.file("facts.json", "hostname: x");
    lab.run(&["plan", "-b", "user-data.yaml", "--facts", "facts.json", &to])
        .expect(2);
}
