//! What becomes of a Job and its Secret, before an API server that has nothing else and obeys at once.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a test that cannot be set up fails

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{Method, StatusCode, Uri};
use k8s_openapi::api::core::v1::Secret as SecretObject;
use remote::plan::Plan;
use serde_json::{Value, json};

use super::*;
use crate::controllers::metrics::Metrics;

const JOB: &str = "/apis/batch/v1/namespaces/n/jobs/j";
const SECRET: &str = "/api/v1/namespaces/n/secrets/j-job-bootstrap-data";

#[derive(Clone, Default)]
struct Server {
    objects: Arc<Mutex<BTreeMap<String, Value>>>,
    seen: Arc<Seen>,
    /// What is refused: the method and the path that it begins with.
    refused: Option<(Method, &'static str)>,
}

async fn answer(State(server): State<Server>, method: Method, uri: Uri, body: String) -> (StatusCode, String) {
    let fail = |code: StatusCode, reason: &str| {
        let status = json!({ "kind": "Status", "status": "Failure", "message": reason, "reason": reason, "code": code.as_u16() });
        (code, status.to_string())
    };
    let path = uri.path();
    if server
        .refused
        .as_ref()
        .is_some_and(|(refused, begin)| *refused == method && path.starts_with(begin))
    {
        return fail(StatusCode::FORBIDDEN, "Forbidden");
    }
    let mut objects = server.objects.lock().unwrap();
    let found = match method {
        Method::POST => {
            let mut object: Value = serde_json::from_str(&body).unwrap();
            let path = format!("{path}/{}", object["metadata"]["name"].as_str().unwrap());
            if objects.contains_key(&path) {
                return fail(StatusCode::CONFLICT, "AlreadyExists");
            }
            object["metadata"]["uid"] = format!("of {path}").into();
            object["metadata"]["resourceVersion"] = "2".into();
            objects.insert(path, object.clone());
            Some(object)
        }
        Method::DELETE => objects.remove(path),
        _ => objects.get(path).cloned(),
    };
    match found {
        Some(Value::String(text)) => (StatusCode::OK, text),
        Some(found) => {
            if method == Method::DELETE && path == JOB {
                let job: Job = serde_json::from_value(found.clone()).unwrap();
                server.seen.jobs.delete(&job.metadata);
            }
            (StatusCode::OK, found.to_string())
        }
        None => fail(StatusCode::NOT_FOUND, "NotFound"),
    }
}

impl Server {
    fn jobs(&self) -> Jobs {
        let client = kube::Client::new(Router::new().fallback(answer).with_state(self.clone()), "n");
        Jobs::new(Api::new(client, Metrics::new()), self.seen.clone())
    }

    fn has(&self, path: &str) -> bool {
        self.objects.lock().unwrap().contains_key(path)
    }

    /// A Job that somebody has begun for this errand, and no Secret.
    fn begin(&self, errand: &Errand) {
        let mut job = errand.shaped.job.clone();
        job["metadata"]["uid"] = "1".into();
        self.objects.lock().unwrap().insert(JOB.to_owned(), job);
    }

    /// The Job has ended like this.
    fn end(&self, kind: &str) {
        let mut job = self.objects.lock().unwrap()[JOB].clone();
        job["metadata"]["resourceVersion"] = "3".into();
        job["status"] = json!({ "conditions": [{ "type": kind, "status": "True", "reason": "R", "message": "m" }] });
        self.seen.jobs.apply(serde_json::from_value(job).unwrap());
    }

    fn pod(&self, version: u32, status: Value) {
        let owner = json!([{ "apiVersion": "batch/v1", "kind": "Job", "name": "j", "uid": format!("of {JOB}") }]);
        let meta = json!({
            "name": "p", "namespace": "n", "uid": "p", "resourceVersion": version.to_string(), "ownerReferences": owner,
        });
        let pod: Pod =
            serde_json::from_value(json!({ "metadata": meta, "spec": { "containers": [{ "name": "ssh" }] }, "status": status }))
                .unwrap();
        self.seen.pods.apply(pod);
    }
}

fn errand(mode: Mode) -> Errand {
    let annotations = json!({ shape::HOST_OWNER: "n/m", shape::WORK: "1" });
    let meta = |name: &str| json!({ "name": name, "namespace": "n", "labels": { REMOTE_MACHINE: "m" }, "annotations": annotations, "resourceVersion": "1" });
    let secret: SecretObject = serde_json::from_value(json!({ "metadata": meta("j-job-bootstrap-data") })).unwrap();
    Errand {
        shaped: Shaped {
            key: Key {
                namespace: "n".to_owned(),
                name: "j".to_owned(),
            },
            job: json!({ "metadata": meta("j") }),
            secret,
        },
        mode,
        run_limit: Duration::from_secs(3600),
        redactor: Redactor::of(&Plan::reset(&[]).unwrap()),
    }
}

#[tokio::test(start_paused = true)]
async fn a_cleaning_is_not_waited_for_for_ever() {
    let pulling = json!({ "phase": "Pending", "containerStatuses": [
        { "name": "ssh", "state": { "waiting": { "reason": "ImagePullBackOff", "message": "no such image" } } },
    ] });
    for (status, expected) in [
        (
            pulling,
            "Job n/j has not begun within 600 s, and was deleted: Pod p has not begun: ImagePullBackOff: no such image",
        ),
        (
            json!({ "phase": "Running" }),
            "Job n/j has not ended within 3900 s, and was deleted: Pod p runs",
        ),
    ] {
        let server = Server::default();
        let jobs = server.jobs();
        let errand = errand(Mode::Reset);
        let cancel = CancellationToken::new();
        let run = jobs.run(&errand, &cancel, &|_| {});
        let later = async {
            while !server.has(JOB) {
                tokio::task::yield_now().await;
            }
            server.pod(1, status.clone());
            while server.has(JOB) {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            let pod = server.seen.pods.list(|_| true);
            server.seen.pods.delete(&pod[0].metadata);
        };
        let (result, ()) = tokio::join!(run, later);
        assert_eq!(result.unwrap_err().to_string(), expected);
        assert!(!server.has(SECRET));
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_is_found_gets_the_secret_that_it_lacks() {
    let server = Server::default();
    let (errand, cancel) = (errand(Mode::Apply), CancellationToken::new());
    server.begin(&errand);
    let jobs = server.jobs();
    let listener = |_| {
        assert!(server.has(SECRET));
        cancel.cancel();
    };
    let result = jobs.run(&errand, &cancel, &listener).await;
    assert!(result.unwrap_err().is_stopped());
    assert!(!server.has(JOB) && !server.has(SECRET));
}

#[tokio::test(start_paused = true)]
async fn the_secret_is_there_as_long_as_the_job() {
    // The Job cannot be made; it cannot be deleted.
    for (refused, is_left) in [(Method::POST, false), (Method::DELETE, true)] {
        let server = Server {
            refused: Some((refused, "/apis/batch/v1/namespaces/n/jobs")),
            ..Server::default()
        };
        let (errand, cancel) = (errand(Mode::Apply), CancellationToken::new());
        let jobs = server.jobs();
        let result = jobs.run(&errand, &cancel, &|_| cancel.cancel()).await;
        assert!(matches!(result, Err(WorkError::Job(JobError::NotMade(_)))));
        assert_eq!((server.has(JOB), server.has(SECRET)), (is_left, is_left));
    }
}

/// How work ends whose Job ends like this, with this log if there is one; and whether the Job is left.
async fn ended(mode: Mode, kind: &str, log: Option<&str>) -> (String, bool) {
    let server = Server::default();
    let (jobs, errand, cancel) = (server.jobs(), errand(mode), CancellationToken::new());
    let listener = |_| {
        if let Some(log) = log {
            let path = "/api/v1/namespaces/n/pods/p/log".to_owned();
            server.objects.lock().unwrap().insert(path, log.into());
        }
        let state = json!({ "terminated": { "exitCode": 0 } });
        server.pod(
            1,
            json!({ "phase": "Succeeded", "containerStatuses": [{ "name": "ssh", "state": state }] }),
        );
        server.end(kind);
    };
    let result = jobs.run(&errand, &cancel, &listener).await;
    let text = result.map_or_else(|error| error.to_string(), |_| "done".to_owned());
    (text, server.has(JOB))
}

#[tokio::test(start_paused = true)]
async fn a_job_is_believed_if_the_program_has_ended_well() {
    for log in [Some("step 1 of 1: a\nanywhere: done\n"), Some("anywhere: unchanged\n"), None] {
        assert_eq!(
            ended(Mode::Apply, "Complete", log).await,
            ("done".to_owned(), true),
            "{log:?}"
        );
    }
    for (mode, log) in [(Mode::Apply, ""), (Mode::Reset, "hello\n")] {
        let (text, _) = ended(mode, "Complete", Some(log)).await;
        assert!(text.starts_with("Job n/j failed: ArgsNotRun: its first container"), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_nobody_owns_is_not_left() {
    assert_eq!(
        ended(Mode::Reset, "Failed", None).await,
        ("Job n/j failed: R: m".to_owned(), false)
    );
    assert!(ended(Mode::Apply, "Failed", None).await.1);
}
