//! RemoteMachine manifests: the commands have to make the sentinel file of Cluster API.

use crate::lab::{Lab, key, machine, sh};
use testbed::{Machine, Shell, SudoRule};

/// A RemoteMachine with the key of the testbed.
fn manifest(lab: &Lab, machine: &Machine) -> String {
    let private_key = std::fs::read_to_string(key()).unwrap().replace('\n', "\n    ");
    let text = format!(
        "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: RemoteMachine\nmetadata: {{name: worker, namespace: lab}}\n\
         spec:\n  address: {}\n  port: {}\n  user: root\n  sshKeyRef: {{name: key}}\n---\n\
         apiVersion: v1\nkind: Secret\nmetadata: {{name: key, namespace: lab}}\nstringData:\n  value: |\n    {private_key}\n",
        machine.address(),
        machine.port()
    );
    lab.file("machine.yaml", text).display().to_string()
}

#[test]
fn a_remote_machine_is_ready_only_with_a_sentinel_of_this_run() {
    let lab = Lab::new();
    let machine = machine(Shell::Dash, SudoRule::None);
    let manifest = manifest(&lab, &machine);
    let data = lab.file("user-data", "#cloud-config\nruncmd:\n- 'true'\n");
    let data = data.to_str().unwrap();
    let apply = || lab.run(&["apply", "-f", &manifest, "--bootstrap-data", data]);
    sh(
        &machine,
        "mkdir /run/cluster-api; touch /run/cluster-api/bootstrap-success.complete",
    );

    let failed = apply().expect(1);
    assert!(
        failed
            .out
            .contains("step 3 of 3, sentinel: exit status 1\n  | /run/cluster-api/bootstrap-success.complete is not there"),
        "{failed:?}"
    );
    let status = lab.run(&["status", "-f", &manifest]).expect(0);
    assert!(
        status.out.contains("lab/worker: step 3, sentinel: exit status 1"),
        "{status:?}"
    );

    sh(&machine, "touch /run/cluster-api/bootstrap-success.complete");
    let mended = apply().expect(0);
    assert!(mended.out.contains("lab/worker  provisioned: 1 step,"), "{mended:?}");
    assert_eq!(sh(&machine, "cat /var/lib/anywhere/owner"), "lab/worker\n");
    assert!(apply().expect(0).out.contains("unchanged"));
}
