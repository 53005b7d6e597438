//! How a Job stands, from what was seen of it and of its Pods: pure.

use std::cmp::Reverse;
use std::sync::Arc;

use super::kinds::{Condition, ContainerStatus, Job, Pod, Terminated};

/// How a Job stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It goes on: what it is at.
    UnderWay(String),
    /// It has done what it was to.
    Complete,
    /// It has given up.
    Failed {
        /// Why, in a word, such as `BackoffLimitExceeded`.
        reason: String,
        /// Why, in words.
        message: String,
    },
}

/// A container that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ended {
    /// Says which one: of the same text, it is the same end.
    pub(super) id: String,
    /// The name of its Pod.
    pub(super) pod: String,
    /// Its name.
    pub(super) container: String,
    /// Whether it was begun again since, so that its log is the one before.
    pub(super) is_former: bool,
    /// Its exit status.
    pub(super) exit_code: i32,
    /// Why it ended, in a word; nothing if that is not known.
    pub(super) reason: String,
}

/// Whether it will do nothing more.
pub(super) fn is_over(job: &Job) -> bool {
    is_true(&job.status.conditions, "Complete").is_some() || is_true(&job.status.conditions, "Failed").is_some()
}

/// How it stands. `pods` are its own, in any order.
pub(super) fn standing(job: &Job, pods: &[Arc<Pod>]) -> Standing {
    if is_true(&job.status.conditions, "Complete").is_some() {
        return Standing::Complete;
    }
    if let Some(failed) = is_true(&job.status.conditions, "Failed") {
        return Standing::Failed {
            reason: failed.reason.clone(),
            message: failed.message.clone(),
        };
    }
    let failed = match job.status.failed {
        None | Some(0) => String::new(),
        Some(1) => "; one Pod before has failed".to_owned(),
        Some(count) => format!("; {count} Pods before have failed"),
    };
    Standing::UnderWay(match newest_first(pods).first() {
        Some(pod) => format!("{}{failed}", at(pod)),
        None if job.spec.suspend == Some(true) => "it is suspended (spec.suspend)".to_owned(),
        None => format!("no Pod yet{failed}"),
    })
}

/// Whether one of these Pods was ever at work; before, it waits for a node, an image, or what comes before its containers.
pub(super) fn has_begun(pods: &[Arc<Pod>]) -> bool {
    pods.iter()
        .any(|pod| matches!(pod.status.phase.as_str(), "Running" | "Succeeded" | "Failed"))
}

/// The newest container of the program that has ended, and not well.
pub(super) fn ended(pods: &[Arc<Pod>]) -> Option<Ended> {
    newest_first(pods).into_iter().find_map(|pod| {
        let container = &pod.spec.containers.first()?.name;
        let status = pod
            .status
            .container_statuses
            .iter()
            .find(|status| status.name == *container)?;
        let now = status.state.terminated.as_ref();
        let (is_former, terminated) = match now.filter(|terminated| terminated.exit_code != 0) {
            Some(now) => (false, now),
            None => (true, status.last_state.terminated.as_ref().filter(|_| now.is_none())?),
        };
        let Terminated { exit_code, reason } = terminated;
        let uid = pod.metadata.uid.as_deref().unwrap_or_default();
        Some(Ended {
            id: format!("{uid} {}", status.restart_count - i32::from(is_former)),
            pod: name(pod).to_owned(),
            container: container.clone(),
            is_former,
            exit_code: *exit_code,
            reason: reason.clone(),
        })
    })
}

/// The newest container of the program that has ended well.
pub(super) fn done(pods: &[Arc<Pod>]) -> Option<Ended> {
    newest_first(pods).into_iter().find_map(|pod| {
        let container = &pod.spec.containers.first()?.name;
        let mut statuses = pod.status.container_statuses.iter();
        let status = statuses.find(|status| status.name == *container)?;
        let ended = status.state.terminated.as_ref().filter(|ended| ended.exit_code == 0)?;
        let uid = pod.metadata.uid.as_deref().unwrap_or_default();
        Some(Ended {
            id: format!("{uid} {}", status.restart_count),
            pod: name(pod).to_owned(),
            container: container.clone(),
            is_former: false,
            exit_code: ended.exit_code,
            reason: ended.reason.clone(),
        })
    })
}

fn is_true<'a>(conditions: &'a [Condition], kind: &str) -> Option<&'a Condition> {
    conditions
        .iter()
        .find(|condition| condition.kind == kind && condition.status == "True")
}

fn newest_first(pods: &[Arc<Pod>]) -> Vec<&Arc<Pod>> {
    let mut pods: Vec<_> = pods.iter().collect();
    pods.sort_by_key(|pod| {
        let created = pod.metadata.creation_timestamp.as_ref().map(|created| created.0);
        Reverse((created, pod.metadata.name.clone()))
    });
    pods
}

fn name(pod: &Pod) -> &str {
    pod.metadata.name.as_deref().unwrap_or_default()
}

/// What a Pod is at.
fn at(pod: &Pod) -> String {
    let name = name(pod);
    let because = |reason: &str, message: &str| match (reason, message) {
        ("", "") => String::new(),
        (one, "") | ("", one) => format!(": {one}"),
        (reason, message) => format!(": {reason}: {message}"),
    };
    if pod.metadata.deletion_timestamp.is_some() {
        return format!(
            "Pod {name} is being ended{}",
            because(&pod.status.reason, &pod.status.message)
        );
    }
    match pod.status.phase.as_str() {
        "Running" => format!("Pod {name} runs"),
        "Succeeded" => format!("Pod {name} has ended"),
        "Failed" => format!("Pod {name} has failed{}", because(&pod.status.reason, &pod.status.message)),
        _ => {
            let is_unscheduled = |condition: &&Condition| condition.kind == "PodScheduled" && condition.status == "False";
            let waiting = |status: &ContainerStatus| {
                let waiting = status.state.waiting.clone()?;
                // As long as one before it has not ended, this is what is said of all others.
                (waiting.reason != "PodInitializing").then_some(waiting)
            };
            let statuses = pod
                .status
                .init_container_statuses
                .iter()
                .chain(&pod.status.container_statuses);
            let unscheduled = pod.status.conditions.iter().find(is_unscheduled);
            let why = match (unscheduled, statuses.filter_map(waiting).next()) {
                (Some(condition), _) => because(&condition.reason, &condition.message),
                (None, Some(waiting)) => because(&waiting.reason, &waiting.message),
                (None, None) => String::new(),
            };
            format!("Pod {name} has not begun{why}")
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test that cannot be set up fails
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn job(conditions: Value, more: Value) -> Job {
        let mut job: Job = serde_json::from_value(json!({ "spec": more, "status": { "conditions": conditions } })).unwrap();
        job.status.failed = job.spec.suspend.is_none().then_some(0);
        job
    }

    fn pod(name: &str, second: u32, status: Value) -> Arc<Pod> {
        let pod = json!({
            "metadata": { "name": name, "uid": name, "creationTimestamp": format!("2026-11-21T00:00:{second:02}Z") },
            "spec": { "containers": [{ "name": "ssh" }, { "name": "other" }] },
            "status": status,
        });
        Arc::new(serde_json::from_value(pod).unwrap())
    }

    fn under_way(pods: &[Arc<Pod>]) -> String {
        match standing(&job(json!([]), json!({})), pods) {
            Standing::UnderWay(text) => text,
            other @ (Standing::Complete | Standing::Failed { .. }) => format!("{other:?}"),
        }
    }

    #[test]
    fn the_conditions_decide() {
        let of = |kind: &str, status: &str| {
            job(
                json!([{ "type": kind, "status": status, "reason": "R", "message": "m" }]),
                json!({}),
            )
        };
        let failed = Standing::Failed {
            reason: "R".to_owned(),
            message: "m".to_owned(),
        };
        let none = Standing::UnderWay("no Pod yet".to_owned());
        for (kind, status, expected) in [
            ("Complete", "True", Standing::Complete),
            ("Failed", "True", failed),
            ("Complete", "False", none.clone()),
            // Pods are still ending.
            ("FailureTarget", "True", none.clone()),
            ("SuccessCriteriaMet", "True", none),
        ] {
            let job = of(kind, status);
            assert_eq!(is_over(&job), !matches!(expected, Standing::UnderWay(_)), "{kind}");
            assert_eq!(standing(&job, &[]), expected, "{kind} {status}");
        }
        let suspended = job(json!([]), json!({ "suspend": true }));
        assert_eq!(
            standing(&suspended, &[]),
            Standing::UnderWay("it is suspended (spec.suspend)".to_owned())
        );
    }

    #[test]
    fn what_keeps_a_pod_is_said() {
        let waiting = |reason: &str| json!({ "waiting": { "reason": reason, "message": "no such image" } });
        for (status, expected) in [
            (json!({ "phase": "Running" }), "Pod a runs"),
            (json!({ "phase": "Pending" }), "Pod a has not begun"),
            (
                json!({ "phase": "Pending", "conditions": [
                    { "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes" },
                ] }),
                "Pod a has not begun: Unschedulable: 0/3 nodes",
            ),
            (
                json!({ "phase": "Pending", "containerStatuses": [{ "name": "ssh", "state": waiting("ImagePullBackOff") }] }),
                "Pod a has not begun: ImagePullBackOff: no such image",
            ),
            (
                json!({ "phase": "Pending",
                    "initContainerStatuses": [{ "name": "login", "state": waiting("ErrImageNeverPull") }],
                    "containerStatuses": [{ "name": "ssh", "state": { "waiting": { "reason": "PodInitializing" } } }] }),
                "Pod a has not begun: ErrImageNeverPull: no such image",
            ),
            (
                json!({ "phase": "Failed", "reason": "Evicted", "message": "low on memory" }),
                "Pod a has failed: Evicted: low on memory",
            ),
        ] {
            assert_eq!(under_way(&[pod("a", 1, status)]), expected);
        }
        assert_eq!(
            under_way(&[pod("b", 1, json!({})), pod("a", 2, json!({ "phase": "Running" }))]),
            "Pod a runs"
        );
    }

    #[test]
    fn the_last_end_that_was_bad_is_found() {
        let terminated = |code: i32| json!({ "terminated": { "exitCode": code, "reason": "Error" } });
        let of = |restarts: i32, state: Value, last: Value| {
            json!({ "phase": "Running", "containerStatuses": [
                { "name": "other", "state": { "terminated": { "exitCode": 9 } } },
                { "name": "ssh", "restartCount": restarts, "state": state, "lastState": last },
            ] })
        };
        let find = |pods: &[Arc<Pod>]| ended(pods).map(|ended| (ended.id, ended.is_former, ended.exit_code));
        assert_eq!(find(&[pod("a", 1, of(0, json!({}), json!({})))]), None);
        assert_eq!(find(&[pod("a", 1, of(0, terminated(0), json!({})))]), None);
        let first = pod("a", 1, of(0, terminated(1), json!({})));
        assert_eq!(find(std::slice::from_ref(&first)), Some(("a 0".to_owned(), false, 1)));
        // Begun again in the same Pod: the same end, until there is another.
        let again = of(1, json!({ "running": {} }), terminated(1));
        assert_eq!(find(&[pod("a", 1, again)]), Some(("a 0".to_owned(), true, 1)));
        assert_eq!(
            find(&[pod("a", 1, of(1, terminated(3), terminated(1)))]),
            Some(("a 1".to_owned(), false, 3))
        );
        // And in another Pod.
        let running = pod("b", 2, of(0, json!({ "running": {} }), json!({})));
        assert_eq!(find(&[running, first.clone()]), Some(("a 0".to_owned(), false, 1)));
        assert_eq!(
            find(&[first, pod("b", 2, of(0, terminated(2), json!({})))]),
            Some(("b 0".to_owned(), false, 2))
        );
    }
}
