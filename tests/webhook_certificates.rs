//! `anywhere webhook` with certificates that somebody else makes, such as cert-manager; and what it does with requests that no API
//! server makes.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a test that cannot be set up fails

mod lab;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

use lab::{Lab, WATCHDOG};

/// By which clients call it.
const NAME: &str = "anywhere-webhook.anywhere-system.svc";

/// A running webhook, ended with the test; it knows no API server.
struct Webhook {
    child: Child,
    lines: Receiver<String>,
    port: u16,
}

impl Webhook {
    fn start(lab: &Lab, folder: &Path) -> Self {
        Self::start_with(lab, folder, "2000")
    }

    /// With this many bytes a body may have.
    fn start_with(lab: &Lab, folder: &Path, max_body_bytes: &str) -> Self {
        let folder = folder.display().to_string();
        let arguments = [
            "webhook",
            "--bind",
            "127.0.0.1:0",
            "--max-body-bytes",
            max_body_bytes,
            "--certificate-dir",
            &folder,
        ];
        let mut child = lab.anywhere(&arguments).stderr(Stdio::piped()).spawn().unwrap();
        let (tell, lines) = channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || stderr.lines().map_while(Result::ok).try_for_each(|line| tell.send(line)));
        let mut webhook = Self { child, lines, port: 0 };
        let line = webhook.line("the webhook listens");
        let port = line
            .split("127.0.0.1:")
            .nth(1)
            .and_then(|rest| rest.split('"').next())
            .unwrap();
        webhook.port = port.parse().unwrap();
        webhook
    }

    /// The next line with that in it.
    fn line(&self, text: &str) -> String {
        let until = Instant::now() + WATCHDOG;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let line = self.lines.recv_timeout(left).expect(text);
            if line.contains(text) {
                return line;
            }
        }
    }

    /// What curl(1) makes of a request, who believes this certificate: the status code, and what came.
    fn ask(&self, certificate: &Path, path: &str, body: Option<&str>) -> String {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--max-time", "20", "--write-out", " %{http_code}"])
            .args(["--connect-to", &format!("{NAME}:443:127.0.0.1:{}", self.port)])
            .arg("--cacert")
            .arg(certificate);
        if let Some(body) = body {
            curl.args([
                "--header",
                "Content-Type: application/json",
                "--header",
                "Expect:",
                "--data",
                body,
            ]);
        }
        let output = curl.arg(format!("https://{NAME}{path}")).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

impl Drop for Webhook {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A certificate that vouches for itself, with its key.
fn make(lab: &Lab, name: &str) -> (PathBuf, PathBuf) {
    let (certificate, key) = (lab.path(&format!("{name}.crt")), lab.path(&format!("{name}.key")));
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
        ])
        .args([
            "-days",
            "2",
            "-subj",
            "/CN=webhook",
            "-addext",
            &format!("subjectAltName=DNS:{NAME}"),
        ])
        .arg("-out")
        .arg(&certificate)
        .arg("-keyout")
        .arg(&key)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    (certificate, key)
}

fn put(folder: &Path, (certificate, key): &(PathBuf, PathBuf)) {
    std::fs::create_dir_all(folder).unwrap();
    for (from, name) in [(key, "tls.key"), (certificate, "tls.crt")] {
        std::fs::copy(from, folder.join(name)).unwrap();
    }
}

#[test]
fn certificates_of_somebody_else_are_shown_and_followed() {
    let lab = Lab::new();
    let (first, second) = (make(&lab, "first"), make(&lab, "second"));
    let folder = lab.path("certificates");
    put(&folder, &first);
    let webhook = Webhook::start(&lab, &folder);
    assert_eq!(webhook.ask(&first.0, "/readyz", None), "ok 200");
    assert_eq!(webhook.ask(&second.0, "/readyz", None), " 000");

    put(&folder, &second);
    webhook.line("the webhook shows a new certificate");
    assert_eq!(webhook.ask(&second.0, "/readyz", None), "ok 200");
    assert_eq!(webhook.ask(&first.0, "/readyz", None), " 000");

    // What cannot be shown is not: the one before it stays.
    std::fs::write(folder.join("tls.crt"), "nothing").unwrap();
    webhook.line("the webhook keeps the certificate that it has");
    assert_eq!(webhook.ask(&second.0, "/readyz", None), "ok 200");
}

#[test]
fn a_body_over_the_bound_is_refused_and_what_is_no_review_is_answered() {
    let lab = Lab::new();
    let certificate = make(&lab, "only");
    let folder = lab.path("certificates");
    put(&folder, &certificate);
    let webhook = Webhook::start(&lab, &folder);
    let large = webhook.ask(&certificate.0, "/convert", Some(&"x".repeat(2001)));
    assert!(large.ends_with(" 413") && large.contains("more than 2000 bytes"), "{large}");
    let wrong = webhook.ask(&certificate.0, "/convert", Some("{}"));
    assert!(wrong.ends_with(" 200") && wrong.contains("not a ConversionReview"), "{wrong}");
    assert!(webhook.ask(&certificate.0, "/convert", None).ends_with(" 405"));
    assert!(webhook.ask(&certificate.0, "/", None).ends_with(" 404"));
    assert_eq!(webhook.ask(&certificate.0, "/healthz", None), "ok 200");
}

/// All bodies together are bounded, and each takes a few times its size.
#[test]
fn many_large_reviews_at_once_take_no_more_memory_than_the_largest_one_may() {
    const MIB: usize = 1 << 20;
    let lab = Lab::new();
    let certificate = make(&lab, "only");
    let folder = lab.path("certificates");
    put(&folder, &certificate);
    let webhook = Webhook::start_with(&lab, &folder, &(10 * MIB).to_string());
    // What an API server says of who has written which field: many small objects.
    let fields = r#"{"fieldsV1":{"f:spec":{"f:address":{},"f:sshKeyRef":{"f:name":{}}},"f:metadata":{"f:labels":{"f:a":{}}}}}"#;
    let object = format!(
        r#"{{"apiVersion":"infrastructure.cluster.x-k8s.io/v1beta2","kind":"RemoteMachine","metadata":{{"name":"m","managedFields":[{}]}},
        "spec":{{"address":"10.0.0.1","cleanUpCommands":["true"]}}}}"#,
        vec![fields; 20].join(",")
    );
    let objects = vec![object.as_str(); 8 * MIB / object.len()].join(",");
    let review = format!(
        r#"{{"apiVersion":"apiextensions.k8s.io/v1","kind":"ConversionReview","request":{{"uid":"u",
        "desiredAPIVersion":"infrastructure.cluster.x-k8s.io/v1beta1","objects":[{objects}]}}}}"#
    );
    let review = lab.file("review.json", review);
    let output = Command::new("curl")
        .args(["--silent", "--parallel", "--parallel-immediate", "--max-time", "50"])
        .args(["--connect-to", &format!("{NAME}:443:127.0.0.1:{}", webhook.port)])
        .args(["--output", "/dev/null", "--write-out", "%{http_code} "])
        .args(["--header", "Content-Type: application/json", "--header", "Expect:"])
        .arg("--cacert")
        .arg(&certificate.0)
        .arg("--data-binary")
        .arg(format!("@{}", review.display()))
        .arg(format!("https://{NAME}/convert?number=[1-8]"))
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "200 ".repeat(8), "{output:?}");
    let status = std::fs::read_to_string(format!("/proc/{}/status", webhook.child.id())).unwrap();
    let peak = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    let peak: usize = peak.split_whitespace().nth(1).unwrap().parse().unwrap();
    assert!(peak * 1024 < 150 * MIB, "{} MiB", peak / 1024);
}

#[test]
fn a_folder_without_a_certificate_ends_it_with_the_way_out() {
    let lab = Lab::new();
    let folder = lab.path("empty").display().to_string();
    let ended = lab
        .run(&["webhook", "--bind", "127.0.0.1:0", "--certificate-dir", &folder])
        .expect(1);
    assert!(
        ended.err.contains("cannot read") && ended.err.contains("tls.crt"),
        "{ended:?}"
    );
}
