//! A host that loses its power while it is worked on, at any chunk of what goes to and fro between it and the controller.

use serde_json::json;
use testbed::{Faults, Kind as HostKind, Machine as Host, MachineSpec, Proxy};

use crate::api::{Api, Kind, is_ready};
use crate::controller_lab::{Controller, plane};
use crate::lab::on;
use crate::moment::Moment;
use crate::scene::{COMMANDS, COUNTS};
use crate::seed::{Choices, is_exhaustive, seed};
use crate::site::Site;

/// How many machines come and go, each with one reboot while it comes and one while it goes.
const ROUNDS: u64 = 2;
const ALL_ROUNDS: u64 = 40;

struct Scene {
    api: Api,
    host: Host,
    proxy: Proxy,
    reboots: u64,
}

impl Scene {
    /// Has the host rebooted at the n-th chunk from `begin` on. Says how many chunks there were.
    fn reboot_at(&mut self, n: u64, begin: impl FnOnce(&Api) -> bool, is_done: impl Fn(&Api) -> bool) -> u64 {
        let moment = Moment::at(n, &self.proxy, || {});
        assert!(begin(&self.api));
        let mut has_come = false;
        self.api.until("the moment has come, or all is done", || {
            has_come = moment.has_come();
            has_come || is_done(&self.api)
        });
        if has_come {
            self.host.reboot().unwrap();
            self.reboots += 1;
        }
        self.api.until("done", || is_done(&self.api));
        moment.passed()
    }
}

#[test]
fn a_host_that_is_rebooted_at_any_moment_is_provisioned_and_given_back_all_the_same() {
    let mut choices = Choices::new(seed());
    let site = Site::new("rebooted");
    site.cluster();
    let host = Host::start(&MachineSpec::of_kind(HostKind::Systemd)).unwrap();
    let proxy = Proxy::start(host.socket_address(), Faults::default()).unwrap();
    let controller = Controller::start(site.name(), &[]);
    let at = proxy.socket_address();
    let spec = json!({
        "address": at.ip().to_string(), "port": at.port(), "user": "root", "sshKeyRef": { "name": "key" }, "rerunInterrupted": true,
        "cleanUpCommands": ["true"],
    });
    let api = Api::new(&plane().kubeconfig(), site.name());
    let mut scene = Scene {
        api,
        host,
        proxy,
        reboots: 0,
    };
    let mut chunks: Option<[u64; 2]> = None;
    let rounds = if is_exhaustive() { ALL_ROUNDS } else { ROUNDS };
    for _ in 0..=rounds {
        // The first time nothing happens, to learn how much there is to say.
        let at = chunks.map_or([u64::MAX; 2], |all| all.map(|all| 1 + choices.below(all)));
        let context = format!("rebooted at chunk {} of a provisioning, and {} of a release", at[0], at[1]);
        let before = scene.reboots;
        let provision = |api: &Api| api.machine("m", COUNTS, &spec);
        let ready = |api: &Api| api.find(Kind::RemoteMachine, "m").is_some_and(|machine| is_ready(&machine));
        let provisioned = scene.reboot_at(at[0], provision, ready);
        let lines = |path| {
            let text = std::fs::read_to_string(on(&scene.host, path));
            text.unwrap_or_default().lines().count()
        };
        let times = COMMANDS.map(lines);
        // At most the one that was under way is run again: that was asked for.
        let again = usize::try_from(scene.reboots - before).unwrap();
        assert!(times.iter().all(|times| *times >= 1), "{context}: {times:?}");
        assert!(times.iter().sum::<usize>() <= COMMANDS.len() + again, "{context}: {times:?}");

        let release = |api: &Api| api.delete(Kind::RemoteMachine, "m");
        let gone = |api: &Api| api.find(Kind::RemoteMachine, "m").is_none();
        let released = scene.reboot_at(at[1], release, gone);
        let left = ["var/lib/anywhere", "etc/edge/token"].map(|path| on(&scene.host, path).exists());
        assert_eq!(left, [false; 2], "{context}");
        assert_eq!(scene.api.list(Kind::RemoteMachine).len(), 0);
        for path in COMMANDS {
            std::fs::remove_file(on(&scene.host, path)).unwrap();
        }
        scene.api.delete(Kind::Machine, "m");
        scene.api.delete(Kind::Secret, "m-data");
        chunks.get_or_insert([provisioned, released]);
    }
    println!("{} reboots", scene.reboots);
    assert!(scene.reboots > 0);
    assert!(!controller.has_said("panicked"));
    assert!(controller.stop().0.success());
}
