//! What a collector of spans is told, and what one that does not listen changes: nothing.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{Span, span::SpanKind};
use serde_json::{Value, json};
use testbed::{Machine as Host, Shell, SudoRule};

use crate::collector::{Collector, of, silent};
use crate::controller_lab::{Controller, plane};
use crate::lab::{Lab, Running, machine, target};
use crate::site::{COUNTS, Site};

/// What a Pod is given to end: <https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination>.
const BOUND: Duration = Duration::from_secs(30);

fn host() -> Host {
    machine(Shell::Dash, SudoRule::NoPassword)
}

fn controller(site: &Site, environment: &[(&str, String)]) -> Controller {
    let controller = Controller::start_with(&plane().kubeconfig(), site.name(), &[], environment);
    controller.until("the controllers work");
    controller
}

fn is_within(inner: &Span, outer: &Span) -> bool {
    inner.trace_id == outer.trace_id && inner.parent_span_id == outer.span_id
}

fn is_error(span: &Span) -> bool {
    span.status
        .as_ref()
        .is_some_and(|status| status.code == StatusCode::Error as i32)
}

#[test]
fn a_collector_is_told_of_looks_requests_and_work_and_of_no_secret() {
    let mut collector = Collector::start();
    let site = Site::new("traces");
    site.cluster();
    let controller = controller(&site, &collector.environment());
    let host = host();
    let data = "#cloud-config\nwrite_files:\n- path: /root/s\n  content: hunter2-in-a-file\nruncmd:\n\
                - echo hunter2-in-a-command && mkdir -p /run/cluster-api && touch /run/cluster-api/bootstrap-success.complete\n";
    site.remote_machine("t", &host, data, &json!({}));
    site.until("t", "Ready");
    // The same, and then a command that fails with the secret as its last words.
    let failing = format!("{data}- echo hunter2-as-last-words >&2; exit 7\n");
    let other = self::host();
    site.remote_machine("f", &other, &failing, &json!({}));
    site.until("f", "StepFailed");
    site.delete("t");
    let (status, took) = controller.stop();
    assert!(status.success());
    assert!(took < BOUND, "{took:?}");
    println!("with a collector it ended within {took:?}");

    let owner = |owner: &str| format!("{}/{owner}", site.name());
    let work = collector.until("the work", |span| {
        span.name == "provision" && of(&span.attributes)["anywhere.host.owner"] == owner("t")
    });
    let told = of(&work.attributes);
    assert_eq!(told["server.address"], host.address().to_string());
    assert_eq!(told["server.port"], host.port().to_string());
    assert_eq!(told["anywhere.attempt"], "1");
    assert_eq!(told["anywhere.outcome"], "done");
    assert!(!told["anywhere.plan.id"].is_empty());
    assert!(work.parent_span_id.is_empty() && !is_error(&work));
    let connect = collector.until("connect", |span| span.name == "connect" && is_within(span, &work));
    assert!(!is_error(&connect));
    let run = collector.until("run", |span| span.name == "run" && is_within(span, &work));
    let steps = |run: &Span| {
        let events = run.events.iter().map(|event| {
            assert_eq!(event.name, "step");
            let told = of(&event.attributes);
            (told["anywhere.step.name"].clone(), told["process.exit.code"].clone())
        });
        events.collect::<Vec<_>>()
    };
    let found = steps(&run);
    assert!(found.contains(&("runcmd[0]".to_owned(), "0".to_owned())), "{found:?}");

    // The look that began it is what it is linked to, and requests are within looks.
    let look = collector.until("the look that began it", |span| span.span_id == work.links[0].span_id);
    assert_eq!(look.name, "reconcile remotemachine");
    let told = of(&look.attributes);
    assert_eq!(
        (told["k8s.namespace.name"].as_str(), told["anywhere.object.name"].as_str()),
        (site.name(), "t")
    );
    assert_eq!(told["anywhere.outcome"], "ok");
    let patch = collector.until("a write of the status", |span| span.name == "patch-status RemoteMachine");
    let told = of(&patch.attributes);
    assert_eq!(patch.kind, SpanKind::Client as i32);
    assert_eq!(
        (told["http.request.method"].as_str(), told["anywhere.outcome"].as_str()),
        ("PATCH", "ok")
    );
    assert_eq!(told["http.response.status_code"], "200");
    collector.until("its look", |span| {
        is_within(&patch, span) && span.name.starts_with("reconcile ")
    });

    let failed = collector.until("the work that failed", |span| {
        span.name == "provision" && of(&span.attributes)["anywhere.host.owner"] == owner("f")
    });
    assert!(is_error(&failed));
    let told = of(&failed.attributes);
    assert_eq!(
        (told["anywhere.outcome"].as_str(), told["error.type"].as_str()),
        ("failed", "StepFailed")
    );
    let run = collector.until("its run", |span| span.name == "run" && is_within(span, &failed));
    let found = steps(&run);
    assert_eq!(found.last(), Some(&("runcmd[1]".to_owned(), "7".to_owned())), "{found:?}");
    collector.until("the cleaning", |span| {
        span.name == "clean" && of(&span.attributes)["anywhere.outcome"] == "done"
    });

    let all = String::from_utf8_lossy(&collector.bytes).into_owned();
    let key = std::fs::read_to_string(crate::lab::key()).unwrap();
    for secret in ["hunter2", key.lines().nth(1).unwrap()] {
        assert!(!all.contains(secret), "{secret} in {:#?}", collector.spans);
    }
}

#[test]
fn a_collector_that_does_not_listen_changes_nothing() {
    // One that refuses connections, and one that takes them and never answers.
    let refusing = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (_listener, mute) = silent();
    for (name, address, said) in [
        ("refusing", refusing, "Connection refused"),
        ("mute", mute, "no answer within"),
    ] {
        let site = Site::new(&format!("no-collector-{name}"));
        site.cluster();
        let controller = controller(&site, &at(address));
        let host = host();
        site.remote_machine("t", &host, COUNTS, &json!({}));
        site.until("t", "Ready");
        let line = controller.until("a collector does not take spans");
        assert!(line.contains(said), "{line}");
        assert!(controller.probe("/readyz").0 == 200);
        let (status, took) = controller.stop();
        assert!(status.success(), "{name}");
        assert!(took < BOUND, "{name}: {took:?}");
        println!("with a {name} collector it ended within {took:?}");
    }
}

fn at(address: SocketAddr) -> [(&'static str, String); 3] {
    [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{address}")),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "1000".to_owned()),
        ("OTEL_BSP_SCHEDULE_DELAY", "100".to_owned()),
    ]
}

#[test]
fn a_collector_that_cannot_be_is_refused_before_anything_is_touched() {
    let environment = [("OTEL_EXPORTER_OTLP_ENDPOINT", "not a URL".to_owned())];
    let controller = Controller::start_with(&plane().kubeconfig(), "default", &[], &environment);
    controller.until("error: OTEL_EXPORTER_OTLP_ENDPOINT: ");
    assert_eq!(controller.end().code(), Some(2));
}

#[test]
fn a_collector_with_tls_is_told_if_its_certificate_is_vouched_for() {
    let (mut collector, certificate) = Collector::start_with_tls();
    let lab = Lab::new();
    let file = lab.file("ca.pem", certificate).display().to_string();
    let mut environment = collector.environment();
    environment.push(("OTEL_BSP_SCHEDULE_DELAY", "100".to_owned()));
    for is_vouched_for in [false, true] {
        if is_vouched_for {
            environment.push(("OTEL_EXPORTER_OTLP_CERTIFICATE", file.clone()));
        }
        let site = Site::new("tls");
        let controller = controller(&site, &environment);
        site.cluster();
        site.apply(json!({
            "apiVersion": "infrastructure.cluster.x-k8s.io/v1beta2", "kind": "RemoteCluster", "metadata": { "name": "c" },
            "spec": { "controlPlaneEndpoint": { "host": "192.0.2.1", "port": 6443 } },
        }));
        if is_vouched_for {
            let look = collector.until("a look", |span| span.name == "reconcile remotecluster");
            assert_eq!(of(&look.attributes)["k8s.namespace.name"], site.name());
        } else {
            let line = controller.until("a collector does not take spans");
            assert!(line.contains("certificate"), "{line}");
        }
        assert!(controller.stop().0.success());
    }
}

/// The command line has no collector, whatever the environment says.
#[test]
fn the_command_line_tells_none() {
    let (listener, address) = silent();
    listener.set_nonblocking(true).unwrap();
    let host = host();
    let lab = Lab::new();
    let data = lab.file("data", "#cloud-config\nruncmd:\n- 'true'\n");
    let (key, target) = (crate::lab::key(), target("root", &host));
    let arguments = ["apply", "-i", &key, "--bootstrap-data", data.to_str().unwrap(), &target];
    let mut command = lab.anywhere(&arguments);
    command.envs(at(address));
    let ran = Running::start(command).end();
    assert_eq!(ran.status, 0, "{ran:?}");
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
}

/// No thread and no span: but with a collector there is the one thread that sends. Log lines are the same.
#[test]
fn without_a_collector_nothing_of_it_is_there() {
    let (_listener, mute) = silent();
    let said = ("RUST_LOG", "anywhere=debug".to_owned());
    for (mut environment, is_there) in [(vec![], false), (at(mute).to_vec(), true)] {
        environment.push(said.clone());
        let site = Site::new("threads");
        let controller = controller(&site, &environment);
        let tasks = std::fs::read_dir(format!("/proc/{}/task", controller.pid())).unwrap();
        let names = tasks.map(|task| std::fs::read_to_string(task.unwrap().path().join("comm")).unwrap_or_default());
        let names: Vec<String> = names.collect();
        let found = names.iter().any(|name| name.starts_with("OpenTelemetry"));
        assert_eq!(found, is_there, "{names:?}");
        site.bare_remote_machine("t", &host(), &json!({}));
        // Within a look.
        let line: Value = serde_json::from_str(&controller.until("\"decided\"")).unwrap();
        assert_eq!(line["object"], format!("{}/t", site.name()));
        assert!(line.get("span").is_none() && line.get("spans").is_none(), "{line}");
        assert!(controller.stop().0.success());
    }
}
