//! The deadlines that a machine itself keeps.

use std::net::SocketAddr;

use socket2::{Domain, Socket, Type};
use testbed::{Keys, Machine, Shell, SudoRule};

use crate::lab::{Lab, machine, sh, target};

#[test]
fn a_step_that_takes_too_long_is_ended_with_all_its_processes() {
    let lab = Lab::new();
    let machine = machine(Shell::Dash, SudoRule::None);
    let root = target("root", &machine);
    let data = lab.file(
        "data",
        "#cloud-config\nruncmd:\n- echo a >>/srv/log\n\
         - trap '' TERM; sh -c 'sleep 86401 & wait' & echo begun >&2; sleep 86402; echo no >>/srv/log\n- echo no >>/srv/log\n",
    );
    let failed = lab.apply(&root, &data, &["--step-timeout", "2"]).expect(1);
    assert!(
        failed.out.contains("step 2 of 3, runcmd[1]: exit status 124\n  | begun\n"),
        "{failed:?}"
    );
    assert!(
        failed.out.contains("  | the step took longer than 2 s and was ended\n"),
        "{failed:?}"
    );
    assert_eq!(sh(&machine, "cat /srv/log"), "a\n");
    let left: Vec<_> = machine
        .processes()
        .unwrap()
        .into_iter()
        .filter(|process| process.argv.concat().contains("8640"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_run_that_takes_too_long_is_ended() {
    let lab = Lab::new();
    let machine = machine(Shell::Dash, SudoRule::None);
    let root = target("root", &machine);
    let data = lab.file("data", "#cloud-config\nruncmd:\n- sleep 86403\n- echo no >>/srv/log\n");
    let failed = lab.apply(&root, &data, &["--run-timeout", "2"]).expect(1);
    assert!(failed.out.contains("runcmd[0]: exit status 124\n"), "{failed:?}");
    assert!(
        failed
            .out
            .contains("  | the run took longer than 2 s and the step was ended\n"),
        "{failed:?}"
    );
    sh(&machine, "[ ! -e /srv/log ]");
}

/// A RemoteMachine with these lines in its spec, and no bootstrap data of its own.
fn manifest(lab: &Lab, machine: &Machine, spec: &str) {
    manifest_at(lab, machine.socket_address(), spec);
}

fn manifest_at(lab: &Lab, at: SocketAddr, spec: &str) {
    let key = Keys::of_this_process()
        .unwrap()
        .private_key()
        .unwrap()
        .replace('\n', "\n    ");
    let (address, port) = (at.ip(), at.port());
    lab.file(
        "manifest.yaml",
        format!(
            "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: RemoteMachine\nmetadata: {{name: one}}\n\
             spec:\n  address: {address}\n  port: {port}\n  sshKeyRef: {{name: key}}\n  {spec}\n\
             ---\napiVersion: v1\nkind: Secret\nmetadata: {{name: key}}\nstringData:\n  value: |\n    {key}\n"
        ),
    );
}

#[test]
fn what_a_machine_says_of_its_timeouts_counts_for_it() {
    let lab = Lab::new();
    let machine = machine(Shell::Dash, SudoRule::None);
    let data = lab.file("data", "#cloud-config\nruncmd:\n- sleep 86404\n");
    let apply = ["apply", "-f", "manifest.yaml", "-b", data.to_str().unwrap()];
    manifest(&lab, &machine, "timeouts: {stepSeconds: 1}");
    let failed = lab.run(&apply).expect(1);
    assert!(
        failed.out.contains("the step took longer than 1 s and was ended"),
        "{failed:?}"
    );
    manifest(&lab, &machine, "timeouts: {runSeconds: 1}");
    let failed = lab.run(&apply).expect(1);
    assert!(
        failed.out.contains("the run took longer than 1 s and the step was ended"),
        "{failed:?}"
    );
}

/// An address that never answers a connection, as long as the sockets are there: nobody accepts, and one connection is all that fits
/// (listen(2)).
fn never_answers() -> (SocketAddr, [Socket; 2]) {
    let [listening, filling] = [(); 2].map(|()| Socket::new(Domain::IPV4, Type::STREAM, None).unwrap());
    listening.bind(&SocketAddr::from(([127, 33, 0, 11], 0)).into()).unwrap();
    listening.listen(0).unwrap();
    let address = listening.local_addr().unwrap();
    filling.connect(&address).unwrap();
    (address.as_socket().unwrap(), [listening, filling])
}

#[test]
fn what_a_machine_says_of_its_connection_counts_for_every_command() {
    let lab = Lab::new();
    let (address, _sockets) = never_answers();
    let data = lab.file("data", "#cloud-config\nruncmd:\n- 'true'\n");
    manifest_at(&lab, address, "timeouts: {connectSeconds: 1}");
    for command in [
        &["apply", "-b", data.to_str().unwrap()][..],
        &["status"],
        &["doctor"],
        &["logs"],
        &["reset"],
    ] {
        let ran = lab.run(&[command, &["-f", "manifest.yaml"]].concat()).expect(1);
        let told = ran.all().split_whitespace().collect::<Vec<_>>().join(" ");
        // The deadline of all, or that of the connection: whichever is noticed first.
        let is_told = told.contains("no answer within 1s") || told.contains("connect took longer than 1s");
        assert!(is_told, "{command:?}: {told}");
    }
}

#[test]
fn a_machine_may_say_that_an_interrupted_command_runs_again() {
    let lab = Lab::new();
    let machine = machine(Shell::Dash, SudoRule::None);
    // The first time it ends the program that runs it; the second time there is nothing left to do.
    let data = lab.file(
        "data",
        "#cloud-config\nruncmd:\n- echo a >>/srv/log; mkdir /srv/once 2>/dev/null || exit 0; \
         kill -9 $(cut -d ' ' -f 3 /var/lib/anywhere/lock.*); sleep 86405\n- touch /run/cluster-api/bootstrap-success.complete\n",
    );
    sh(&machine, "mkdir -p /run/cluster-api");
    let apply = ["apply", "-f", "manifest.yaml", "-b", data.to_str().unwrap()];
    manifest(&lab, &machine, "rerunInterrupted: false");
    lab.run(&apply).expect(1);
    let named = lab.run(&apply).expect(1);
    assert!(named.out.contains("was under way when the run there was killed"), "{named:?}");
    assert_eq!(sh(&machine, "cat /srv/log"), "a\n");
    manifest(&lab, &machine, "rerunInterrupted: true");
    lab.run(&apply).expect(0);
    assert_eq!(sh(&machine, "cat /srv/log"), "a\na\n");
}
