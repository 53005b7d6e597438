//! A leader whose lease is taken away while it works on a host, at any chunk of what it says and hears; whoever stands by goes on.

use serde_json::json;
use testbed::{Faults, Proxy, Shell, SudoRule};

use crate::api::{Api, Kind, is_ready};
use crate::controller_lab::{Controller, plane};
use crate::lab::{machine, on};
use crate::moment::Moment;
use crate::scene::{COMMANDS, COUNTS};
use crate::seed::{Choices, is_exhaustive, seed};
use crate::site::Site;

/// How often the lease is lost.
const LOSSES: u64 = 3;
const ALL_LOSSES: u64 = 40;

#[test]
fn a_lease_that_is_lost_at_any_moment_of_a_run_changes_nothing() {
    let mut choices = Choices::new(seed());
    let site = Site::new("lease-lost");
    site.cluster();
    let host = machine(Shell::Dash, SudoRule::NoPassword);
    let proxy = Proxy::start(host.socket_address(), Faults::default()).unwrap();
    let api = Api::new(&plane().kubeconfig(), site.name());
    let at = proxy.socket_address();
    let spec = json!({ "address": at.ip().to_string(), "port": at.port(), "user": "root", "sshKeyRef": { "name": "key" } });
    let elected = [
        "--leader-elect",
        "--leader-election-namespace",
        site.name(),
        "--leader-election-lease-duration",
        "3",
    ];
    let stand_by = || Controller::start_as(&plane().kubeconfig(), site.name(), &elected);
    let mut leader = stand_by();
    leader.until("the controllers work");
    let mut next = stand_by();
    let mut chunks = None;
    let losses = if is_exhaustive() { ALL_LOSSES } else { LOSSES };
    let mut lost = 0;
    for _ in 0..=losses {
        // The first time nothing happens, to learn how much there is to say.
        let n = chunks.map_or(u64::MAX, |all| 1 + choices.below(all));
        next.until("another replica leads");
        let namespace = site.name().to_owned();
        let moment = Moment::at(n, &proxy, move || {
            let taken = r#"{"spec":{"holderIdentity":"somebody-else"}}"#;
            let lease = ["patch", "lease", "anywhere-controller", "--type=merge", "-p", taken];
            plane().kubectl(&[&lease[..], &["--namespace", &namespace]].concat()).unwrap();
        });
        api.machine("m", COUNTS, &spec);
        let mut has_come = false;
        let is_ready = || api.find(Kind::RemoteMachine, "m").is_some_and(|machine| is_ready(&machine));
        api.until("the lease is lost, or all is done", || {
            has_come = moment.has_come();
            has_come || is_ready()
        });
        // How much there is to say differs a little: this time, it may have been too little.
        if has_come || !moment.is_too_late(&proxy) {
            leader.until("the lease is lost");
            assert_eq!(leader.end().code(), Some(1));
            next.until("the controllers work");
            leader = std::mem::replace(&mut next, stand_by());
            lost += 1;
        }
        api.until("provisioned", is_ready);
        let times = COMMANDS.map(|path| std::fs::read_to_string(on(&host, path)).unwrap().lines().count());
        assert_eq!(times, [1; 3], "lost at chunk {n}");
        chunks.get_or_insert(moment.passed());
        api.delete(Kind::RemoteMachine, "m");
        api.until("given back", || api.find(Kind::RemoteMachine, "m").is_none());
        assert!(!on(&host, "var/lib/anywhere").exists(), "lost at chunk {n}");
        for path in COMMANDS {
            std::fs::remove_file(on(&host, path)).unwrap();
        }
        api.delete(Kind::Machine, "m");
        api.delete(Kind::Secret, "m-data");
    }
    println!("the lease was lost {lost} times, of {} chunks", chunks.unwrap_or_default());
    assert!(lost > 0);
}
