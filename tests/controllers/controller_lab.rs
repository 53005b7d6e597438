//! What the tests of the controllers share: the API server, and the controller as a process.
#![allow(dead_code)] // each file uses what it needs

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, OnceLock};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use testbed::{ControlPlane, Provider};

/// Nothing that a test waits for takes this long, also on a busy host: then it will not come at all.
pub(crate) const WATCHDOG: Duration = Duration::from_secs(110);

/// The API server that all tests of this binary share, with our definitions and Cluster API's.
pub(crate) fn plane() -> &'static ControlPlane {
    static PLANE: OnceLock<&ControlPlane> = OnceLock::new();
    PLANE.get_or_init(|| {
        let plane = ControlPlane::shared().unwrap();
        install(plane);
        plane
    })
}

/// Our definitions and Cluster API's.
pub(crate) fn install(plane: &ControlPlane) {
    let printed = Command::new(env!("CARGO_BIN_EXE_anywhere")).arg("crds").output().unwrap();
    assert!(printed.status.success());
    let definitions = String::from_utf8(printed.stdout).unwrap();
    plane
        .kubectl_with(&["apply", "--server-side", "-f", "-"], &definitions)
        .unwrap();
    plane.install_crds(Provider::Core).unwrap();
    let all = ["customresourcedefinitions", "--all"];
    plane.wait("jsonpath={.status.conditions}", &all).unwrap();
    plane.wait("condition=Established", &all).unwrap();
}

/// A running `anywhere controller`. Dropping it kills it.
pub(crate) struct Controller {
    child: Child,
    said: Arc<(Mutex<Said>, Condvar)>,
}

#[derive(Default)]
struct Said {
    lines: Vec<String>,
    has_ended: bool,
}

impl Controller {
    /// Starts one for a namespace and waits until it works.
    #[track_caller]
    pub(crate) fn start(namespace: &str, more: &[&str]) -> Self {
        let controller = Self::start_as(&plane().kubeconfig(), namespace, more);
        controller.until("the controllers work");
        controller
    }

    /// Starts one as the user of this kubeconfig.
    pub(crate) fn start_as(kubeconfig: &Path, namespace: &str, more: &[&str]) -> Self {
        Self::start_with(kubeconfig, namespace, more, &[])
    }

    /// As [`Controller::start_as`], with these environment variables.
    pub(crate) fn start_with(kubeconfig: &Path, namespace: &str, more: &[&str], environment: &[(&str, String)]) -> Self {
        let more = [&["--namespace", namespace], more].concat();
        Self::spawn(kubeconfig, &more, environment)
    }

    /// Starts one for all namespaces.
    pub(crate) fn start_everywhere(more: &[&str]) -> Self {
        Self::spawn(&plane().kubeconfig(), more, &[])
    }

    fn spawn(kubeconfig: &Path, more: &[&str], environment: &[(&str, String)]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_anywhere"))
            .arg("controller")
            .args([
                "--health-probe-bind-address",
                "127.0.0.1:0",
                "--metrics-bind-address",
                "127.0.0.1:0",
            ])
            .args(more)
            .env("KUBECONFIG", kubeconfig)
            .env_remove("SSH_AUTH_SOCK")
            .envs(environment.iter().cloned())
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let said = Arc::<(Mutex<Said>, Condvar)>::default();
        let to = said.clone();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                eprintln!("{line}");
                to.0.lock().unwrap().lines.push(line);
                to.1.notify_all();
            }
            to.0.lock().unwrap().has_ended = true;
            to.1.notify_all();
        });
        Self { child, said }
    }

    /// Waits for a line of its log that holds this text, and gives it.
    #[track_caller]
    pub(crate) fn until(&self, text: &str) -> String {
        self.until_true(text, |lines| lines.iter().find(|line| line.contains(text)).cloned())
    }

    /// Waits until something is found in the lines of its log, and gives it.
    #[track_caller]
    pub(crate) fn until_true(&self, what: &str, is_true: impl Fn(&[String]) -> Option<String>) -> String {
        let began = Instant::now();
        let (said, changed) = &*self.said;
        let mut said = said.lock().unwrap();
        loop {
            if let Some(line) = is_true(&said.lines) {
                return line;
            }
            assert!(!said.has_ended, "it ended without saying {what}");
            let left = WATCHDOG.checked_sub(began.elapsed()).expect(what);
            said = changed.wait_timeout(said, left).unwrap().0;
        }
    }

    /// Whether its log has a line that holds this text by now.
    pub(crate) fn has_said(&self, text: &str) -> bool {
        self.said.0.lock().unwrap().lines.iter().any(|line| line.contains(text))
    }

    fn address(&self, option: &str) -> SocketAddr {
        let line: serde_json::Value = serde_json::from_str(&self.until(&format!("\"option\":\"{option}\""))).unwrap();
        line["address"].as_str().unwrap().parse().unwrap()
    }

    /// Asks `/healthz` or `/readyz`: the status, and the page.
    pub(crate) fn probe(&self, path: &str) -> (u16, String) {
        get(self.address("--health-probe-bind-address"), path)
    }

    /// The sum of all lines of the metrics that begin like this.
    pub(crate) fn metric(&self, start: &str) -> f64 {
        let page = self.metrics();
        let lines = page.lines().filter(|line| line.starts_with(start));
        lines
            .map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap())
            .sum()
    }

    /// The page of metrics.
    pub(crate) fn metrics(&self) -> String {
        let (status, page) = get(self.address("--metrics-bind-address"), "/metrics");
        assert_eq!(status, 200);
        page
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(i32::try_from(self.child.id()).unwrap()), signal).unwrap();
    }

    /// Kills it, as a crash would.
    pub(crate) fn kill(mut self) {
        self.die();
    }

    /// The same, for whoever puts another one in its place later.
    pub(crate) fn die(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to stop, and waits until it has: how it ended, and how long that took.
    pub(crate) fn stop(mut self) -> (ExitStatus, Duration) {
        let began = Instant::now();
        self.signal(Signal::SIGTERM);
        (self.child.wait().unwrap(), began.elapsed())
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }
}

impl Drop for Controller {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn get(address: SocketAddr, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer.split_once("\r\n\r\n").unwrap().1.to_owned())
}
