//! A thousand provisioned RemoteMachines and a thousand entries, and nothing happens.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::load::Load;
use super::process::Controller;
use super::server::Server;
use super::{Scene, Stage};
use crate::bars::Bar;
use crate::figures::as_float;

const LOAD: Load = Load {
    clusters: 1,
    machines: 1000,
    entries: 1000,
    nodes: true,
};

/// Nothing has to happen for as long before it counts.
const QUIET: Duration = Duration::from_secs(5);

/// What the API server notes of each request: who asked for what.
const POLICY: &str = "apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\nrules: [{ level: Metadata }]\n";

/// Runs it.
pub(super) fn run(stage: &Stage<'_>) -> Result<Scene, String> {
    let (policy, log) = (stage.folder.join("policy.yaml"), stage.folder.join("audit.log"));
    fs::write(&policy, POLICY).map_err(|error| format!("write {}: {error}", policy.display()))?;
    let arguments = [
        format!("--audit-policy-file={}", policy.display()),
        format!("--audit-log-path={}", log.display()),
        "--audit-log-mode=blocking".to_owned(),
    ];
    let server = Server::start(&stage.programs.anywhere, &arguments)?;
    LOAD.make(&server)?;
    let controller = Controller::start(&stage.programs.anywhere, &server.kubeconfig(), &stage.folder)?;
    let settled = controller.settle(QUIET)?;
    let before = asked(&log)?;
    let cpu = controller.cpu()?;
    std::thread::sleep(Duration::from_secs(stage.idle_seconds));
    let cpu = controller.cpu()? - cpu;
    let memory = controller.memory()?;
    let after = asked(&log)?;

    let more = |of: fn(&str) -> bool| -> u64 {
        let sum = |asked: &BTreeMap<String, u64>| asked.iter().filter(|(verb, _)| of(verb)).map(|(_, count)| count).sum::<u64>();
        sum(&after) - sum(&before)
    };
    let (writes, reads, watches) = (more(is_write), more(is_read), more(|verb| verb == "watch"));
    let seconds = as_float(stage.idle_seconds);
    let a_minute = |count: u64| as_float(count) * 60.0 / seconds;
    let lines = vec![
        format!(
            "controller-idle: {} provisioned RemoteMachines, {} entries of a pool (half of them theirs), {} Nodes, {seconds:.0} s",
            LOAD.machines, LOAD.entries, LOAD.machines
        ),
        format!(
            "settled {:.1} s after its start; until then, by the API server's audit log: {}",
            (controller.started + settled).as_secs_f64(),
            in_words(&before)
        ),
        format!("then: {writes} writes, {reads} reads, {watches} watches begun again; {cpu:.2} s of CPU time"),
        format!("resident: {:.0} MiB, at most {:.0} MiB", memory.now, memory.peak),
    ];
    let name = "controller-idle";
    let bars = vec![
        Bar::most(name, "writes", Some(as_float(writes)), 0.0, ""),
        Bar::most(
            name,
            "reads a minute, watches that are begun again included",
            Some(a_minute(reads + watches)),
            1.0,
            "",
        ),
    ];
    let figures = json!({
        "seconds": stage.idle_seconds, "writes": writes, "reads": reads, "watches_begun_again": watches, "cpu_seconds": cpu,
        "resident_mebibytes": memory.now, "peak_mebibytes": memory.peak, "requests_before": before,
    });
    Ok(Scene { lines, figures, bars })
}

fn is_write(verb: &str) -> bool {
    matches!(verb, "create" | "update" | "patch" | "delete" | "deletecollection")
}

fn is_read(verb: &str) -> bool {
    matches!(verb, "get" | "list")
}

/// What the controller has asked for so far, by verb: a watch when it begins, everything else when it ends.
fn asked(log: &Path) -> Result<BTreeMap<String, u64>, String> {
    let text = fs::read_to_string(log).map_err(|error| format!("{}: {error}", log.display()))?;
    Ok(counted(&text))
}

fn counted(log: &str) -> BTreeMap<String, u64> {
    let mut asked = BTreeMap::new();
    for event in log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        let field = |name: &str| event.get(name).and_then(Value::as_str).unwrap_or_default();
        let counts = match field("verb") {
            "watch" => "ResponseStarted",
            _ => "ResponseComplete",
        };
        if field("userAgent").starts_with("anywhere/") && field("stage") == counts {
            *asked.entry(field("verb").to_owned()).or_default() += 1;
        }
    }
    asked
}

fn in_words(asked: &BTreeMap<String, u64>) -> String {
    let words: Vec<String> = asked.iter().map(|(verb, count)| format!("{count} {verb}")).collect();
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_controller_counts_and_a_watch_counts_when_it_begins() {
        let line = |who: &str, verb: &str, stage: &str| json!({ "userAgent": who, "verb": verb, "stage": stage }).to_string();
        let log = [
            line("anywhere/0.1.0", "watch", "ResponseStarted"),
            line("anywhere/0.1.0", "watch", "ResponseComplete"),
            line("anywhere/0.1.0", "patch", "ResponseComplete"),
            line("kubectl/v1", "patch", "ResponseComplete"),
            line("anywhere/0.1.0", "get", "ResponseComplete"),
        ];
        assert_eq!(in_words(&counted(&log.join("\n"))), "1 get, 1 patch, 1 watch");
    }
}
