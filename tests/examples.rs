//! What `examples/` holds works as it stands there, but for the address and the key of a machine.
#![allow(clippy::unwrap_used)] // a test that cannot be set up fails

mod lab;

use lab::{Lab, machine, sh, target};
use testbed::{Shell, SudoRule};

fn example(name: &str) -> String {
    std::fs::read_to_string(format!("{}/examples/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

#[test]
fn user_data() {
    let (lab, machine) = (Lab::new(), machine(Shell::Dash, SudoRule::NoPassword));
    let data = lab.file("user-data.yaml", example("user-data.yaml"));
    lab.apply(&target("admin", &machine), &data, &["--strict"]).expect(0);
    let state = "started=yes\nan argument, with 'quotes'\na second of work\ntoken found\nready\n";
    assert_eq!(sh(&machine, "cat /var/lib/edge/state"), state);
    assert_eq!(sh(&machine, "cat /etc/edge/motd"), "Provisioned without an agent.\n");
}

#[test]
fn a_remote_machine_with_all_that_belongs_to_it() {
    let (lab, machine) = (Lab::new(), machine(Shell::Dash, SudoRule::None));
    let key = machine.keys().private_key().unwrap().replace('\n', "\n    ");
    let manifest = example("remote-machine.yaml")
        .replace("address: 10.0.0.5", &format!("address: {}", machine.address()))
        .replace("port: 22", &format!("port: {}", machine.port()))
        .replace("value: PUT YOUR PRIVATE KEY HERE", &format!("value: |\n    {key}"));
    lab.file("manifest.yaml", manifest);
    let provisioned = lab.run(&["apply", "-f", "manifest.yaml"]).expect(0);
    assert!(
        provisioned.out.contains("default/node-1  provisioned: 4 steps"),
        "{provisioned:?}"
    );
    assert_eq!(sh(&machine, "cat /etc/edge/name"), "node-1");
    let status = lab.run(&["status", "-f", "manifest.yaml"]).expect(0);
    assert!(status.out.contains("provisioned  4/4   default/node-1"), "{status:?}");
    lab.run(&["reset", "-f", "manifest.yaml"]).expect(0);
    sh(&machine, "[ ! -e /etc/edge ] && [ ! -e /var/lib/anywhere ]");
}

#[test]
fn the_manifests_of_the_controller_are_what_the_program_prints() {
    let lab = Lab::new();
    assert_eq!(lab.run(&["manifests"]).expect(0).out, example("controller/controller.yaml"));
    let elsewhere = lab
        .run(&[
            "manifests",
            "--namespace",
            "edge",
            "--image",
            "local/anywhere:1",
            "--definitions",
        ])
        .expect(0)
        .out;
    assert!(!elsewhere.contains("anywhere-system") && !elsewhere.contains("registry.example.org"));
    assert_eq!(elsewhere.matches("\nkind: CustomResourceDefinition\n").count(), 14);
    assert_eq!(elsewhere.matches("\nkind: Namespace\n").count(), 1);
}
