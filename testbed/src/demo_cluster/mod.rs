//! `testbed demo-cluster`: Cluster API makes nodes of hosts that are there already, told as a person would do it.

mod follow;
mod objects;
mod stage;

use std::io::Write;
use std::path::Path;
use std::time::Instant;

use testbed::TestbedError;

use stage::Stage;

/// Hosts of the pool.
const HOSTS: usize = 3;

/// Plays it, with this binary.
pub(crate) fn demo_cluster(anywhere: &Path) -> Result<(), TestbedError> {
    let began = Instant::now();
    say(
        "Starting a management cluster: an API server with Cluster API, its kubeadm bootstrap provider, and `anywhere controller`",
    );
    let stage = Stage::set(anywhere, HOSTS)?;
    say(&format!(
        "\nThree hosts with systemd, containerd, kubelet and an SSH server, and nothing of a cluster yet, make a pool:  ({})",
        seconds(began)
    ));
    stage.apply(&objects::pool(&stage.hosts)?)?;
    stage.show(&["get", "pooledremotemachines"])?;

    say("\nA Cluster, and a MachineDeployment of no machines so far:");
    stage.apply(&stage.cluster())?;
    stage.show(&["get", "clusters.v1beta2.cluster.x-k8s.io,remoteclusters,machinedeployments"])?;

    say("\nThree of them, please:");
    stage.scale(3)?;
    stage.until_running(3)?;
    stage.show(&[
        "get",
        "nodes",
        "-o",
        "custom-columns=NODE:.metadata.name,PROVIDER-ID:.spec.providerID,MACHINE:.metadata.labels.k0smotron\\.io/machine-name,\
         SITE:.metadata.labels.example\\.org/site,KUBELET:.status.nodeInfo.kubeletVersion",
    ])?;
    say("\nThree pods run on them:");
    stage.apply(&[objects::pods(3)])?;
    stage.wait("jsonpath={.status.readyReplicas}=3", "deployment/web")?;
    stage.show(&[
        "get",
        "pods",
        "-o",
        "custom-columns=POD:.metadata.name,PHASE:.status.phase,NODE:.spec.nodeName",
    ])?;

    say("\nOne is enough. The others are drained, cleaned, looked at, and only then free again:");
    stage.scale(1)?;
    stage.until_running(1)?;
    stage.wait("jsonpath={.status.readyReplicas}=3", "deployment/web")?;
    stage.show(&["get", "pooledremotemachines"])?;
    stage.show_hosts()?;

    say("\nA host that was given back is as good as a new one:");
    stage.scale(2)?;
    stage.until_running(2)?;

    say("\nThe end of the cluster:");
    stage.scale(0)?;
    stage.until_running(0)?;
    stage.show(&["get", "pooledremotemachines"])?;
    stage.show_hosts()?;
    drop(stage);
    say(&format!(
        "\nAll of it is stopped; nothing is left. That took {}.",
        seconds(began)
    ));
    Ok(())
}

fn seconds(since: Instant) -> String {
    format!("{} s", since.elapsed().as_secs())
}

pub(crate) fn failed(what: &str) -> TestbedError {
    io("play the demonstration", std::io::Error::other(what.to_owned()))
}

pub(crate) fn io(action: &str, source: std::io::Error) -> TestbedError {
    TestbedError::Io {
        action: action.to_owned(),
        source,
    }
}

pub(crate) fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}
