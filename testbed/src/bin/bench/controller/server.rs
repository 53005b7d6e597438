//! A control plane of a scene's own, with our definitions and Cluster API's, and what it says of itself.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;
use testbed::{ControlPlane, ControlPlaneOptions, Provider};

use super::objects::NAMESPACE;
use super::requests::{Request, Requests};

/// A running API server with etcd; nothing else writes there.
pub(crate) struct Server {
    plane: ControlPlane,
    /// How it is asked.
    pub(crate) requests: Requests,
}

impl Server {
    /// Starts one with the namespace of all objects.
    pub(crate) fn start(anywhere: &Path, more: &[String]) -> Result<Self, String> {
        let options = ControlPlaneOptions {
            api_server_arguments: more.to_vec(),
            ..ControlPlaneOptions::default()
        };
        let plane = ControlPlane::start(&options).map_err(|error| error.to_string())?;
        let printed = Command::new(anywhere).arg("crds").output();
        let printed = printed.map_err(|error| format!("{}: {error}", anywhere.display()))?;
        let set_up = || {
            plane.apply(&String::from_utf8_lossy(&printed.stdout))?;
            plane.install_crds(Provider::Core)?;
            let all = ["customresourcedefinitions", "--all"];
            plane.wait("jsonpath={.status.conditions}", &all)?;
            plane.wait("condition=Established", &all)
        };
        set_up().map_err(|error| error.to_string())?;
        let requests = Requests::to(&plane)?;
        let namespace = json!({ "metadata": { "name": NAMESPACE } });
        requests.one(&Request::create("/api/v1/namespaces", namespace))?;
        Ok(Self { plane, requests })
    }

    /// How the controller reaches it.
    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.plane.kubeconfig()
    }

    /// Requests for what the controller has to do with, by verb, as the API server has counted them: also the scene's own.
    pub(crate) fn counted(&self) -> Result<Counted, String> {
        let page = self.requests.one(&Request::get("/metrics"))?;
        Ok(counted(page.as_str().unwrap_or_default()))
    }

    /// Seconds of CPU time of the API server so far (`process_cpu_seconds_total`); etcd's are not among them.
    pub(crate) fn cpu(&self) -> Result<f64, String> {
        let page = self.requests.one(&Request::get("/metrics"))?;
        let lines = page.as_str().unwrap_or_default().lines();
        let said = lines
            .filter_map(|line| line.strip_prefix("process_cpu_seconds_total "))
            .next();
        let seconds = said.and_then(|seconds| seconds.parse().ok());
        seconds.ok_or_else(|| "the API server does not say what CPU time it took".to_owned())
    }
}

/// How many requests there were, by verb and status code.
pub(crate) type Counted = BTreeMap<(String, String), u64>;

/// How many more there are than before, of these verbs and with a code that begins like this.
pub(crate) fn more(before: &Counted, after: &Counted, verbs: &[&str], code: &str) -> u64 {
    let sum = |counted: &Counted| -> u64 {
        let wanted = counted
            .iter()
            .filter(|((verb, of), _)| verbs.contains(&verb.as_str()) && of.starts_with(code));
        wanted.map(|(_, count)| count).sum()
    };
    sum(after).saturating_sub(sum(before))
}

/// From the page of metrics (`apiserver_request_total`).
/// Source: <https://kubernetes.io/docs/reference/instrumentation/metrics/>
fn counted(page: &str) -> Counted {
    let mut counted = Counted::new();
    for line in page.lines() {
        let Some((labels, count)) = line
            .strip_prefix("apiserver_request_total{")
            .and_then(|rest| rest.rsplit_once("} "))
        else {
            continue;
        };
        let label = |name: &str| {
            let (_, rest) = labels.split_once(&format!("{name}=\""))?;
            rest.split('"').next()
        };
        let is_ours = label("group").is_some_and(|group| group.ends_with("cluster.x-k8s.io"))
            || label("resource").is_some_and(|resource| matches!(resource, "secrets" | "events"));
        if let (true, Some(verb), Some(code), Ok(count)) = (is_ours, label("verb"), label("code"), count.parse::<f64>()) {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is a count")]
            let count = count as u64;
            *counted.entry((verb.to_owned(), code.to_owned())).or_default() += count;
        }
    }
    counted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_do_is_not_counted() {
        let line = |group: &str, resource: &str, verb: &str, code: u16, count: &str| {
            format!(
                "apiserver_request_total{{code=\"{code}\",component=\"apiserver\",group=\"{group}\",resource=\"{resource}\",verb=\"{verb}\"}} {count}\n"
            )
        };
        let page = [
            line("infrastructure.cluster.x-k8s.io", "remotemachines", "PATCH", 200, "7"),
            line("infrastructure.cluster.x-k8s.io", "remotemachines", "PATCH", 409, "1"),
            line("", "secrets", "GET", 200, "1.2e+01"),
            line("coordination.k8s.io", "leases", "PATCH", 200, "99"),
        ];
        let counted = counted(&page.concat());
        let none = Counted::new();
        assert_eq!(more(&none, &counted, &["PATCH"], ""), 8);
        assert_eq!(more(&none, &counted, &["PATCH"], "409"), 1);
        assert_eq!(more(&none, &counted, &["GET", "LIST"], "2"), 12);
    }
}
