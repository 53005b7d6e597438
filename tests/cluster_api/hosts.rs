//! Whose the hosts are, by the entries of the pool, by the RemoteMachines, and by what the hosts themselves have.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde_json::Value;
use testbed::Machine;

use crate::lab::{sh, wait_until};
use crate::site::Site;

/// What is left of any run on a host.
const LEFT: &str = "for path in /etc/edge /var/lib/anywhere /run/anywhere/run.* /run/cluster-api/bootstrap-success.complete; do \
     [ ! -e \"$path\" ] || echo \"$path\"; done";

/// That a host has nothing of ours.
pub(crate) fn is_clean(host: &Machine) -> Result<(), String> {
    let left = sh(host, LEFT);
    if left.is_empty() {
        Ok(())
    } else {
        Err(format!("{}: {left}", host.address()))
    }
}

/// RemoteMachines by the address that they have, of those that are provisioned.
pub(crate) fn provisioned(site: &Site) -> BTreeMap<String, String> {
    let machines = site.list("remotemachines");
    let is_provisioned = |machine: &&Value| machine["status"]["initialization"]["provisioned"] == true;
    let of = |machine: &Value| (text(&machine["spec"]["address"]), text(&machine["metadata"]["name"]));
    machines.iter().filter(is_provisioned).map(of).collect()
}

/// Addresses of entries that somebody has.
pub(crate) fn taken(site: &Site) -> BTreeSet<String> {
    let entries = site.list("pooledremotemachines");
    let is_taken = |entry: &&Value| entry["status"]["reserved"] == true;
    let address = |entry: &Value| text(&entry["spec"]["machine"]["address"]);
    entries.iter().filter(is_taken).map(address).collect()
}

/// That so many machines are provisioned, each on a host of its own, and the other hosts are free and clean.
pub(crate) fn expect(site: &Site, hosts: &[Machine], count: usize) {
    let agreed = || {
        let machines = provisioned(site);
        let all = site.list("remotemachines").len();
        let taken = taken(site);
        let of_machines: BTreeSet<String> = machines.keys().cloned().collect();
        if all == count && of_machines.len() == count && taken == of_machines {
            return Ok(());
        }
        Err(format!(
            "{all} RemoteMachines, provisioned {machines:?}, taken {taken:?}\n{}",
            said(site)
        ))
    };
    site.until(&format!("{count} machines are provisioned"), agreed);
    let taken = taken(site);
    for host in hosts {
        if taken.contains(&host.address().to_string()) {
            let name = sh(host, "cat /etc/edge/mark");
            assert!(!name.is_empty());
        } else {
            is_clean(host).unwrap();
        }
    }
}

/// What RemoteMachines and entries say of themselves.
pub(crate) fn said(site: &Site) -> String {
    let mut text = String::new();
    for kind in ["remotemachines", "pooledremotemachines"] {
        for object in site.list(kind) {
            text += &format!("{} {}: {}\n", object["kind"], object["metadata"]["name"], object["status"]);
        }
    }
    text
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// What there is on a host, once nothing is on its way: no boot, no run of ours, no new address (RFC 4862, 5.4).
pub(crate) fn snapshot(host: &Machine) -> BTreeSet<String> {
    wait_until(
        host,
        "systemctl is-system-running --wait; [ -z \"$(systemctl list-units --all --plain --no-legend 'anywhere-*')\" ] && \
         [ -z \"$(find /run/anywhere -mindepth 1 2>/dev/null)\" ] && [ -z \"$(ip -o addr show tentative)\" ]",
    );
    let of_itself = |line: &&str| !line.ends_with("sed s|^|process: |");
    sh(host, include_str!("../nodes/snapshot.sh"))
        .lines()
        .filter(|line| of_itself(&line.trim_end()))
        .map(str::to_owned)
        .collect()
}

/// That a host is as it was, by tools that the product's own proof does not use. What ended may need a moment to be gone.
#[track_caller]
pub(crate) fn expect_as_before(host: &Machine, before: &BTreeSet<String>) {
    let began = Instant::now();
    loop {
        let after = snapshot(host);
        let gone = before.difference(&after).map(|line| format!("- {line}"));
        let new = after.difference(before).map(|line| format!("+ {line}"));
        let difference: Vec<String> = gone.chain(new).collect();
        if difference.is_empty() {
            return;
        }
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "{}\n{}",
            host.hostname(),
            difference.join("\n")
        );
    }
}
