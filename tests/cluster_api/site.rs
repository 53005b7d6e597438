//! A management cluster with real Cluster API core, our definitions, and the controller as its manifests run it.

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testbed::{ControlPlane, ControlPlaneOptions};

use crate::lab::Lab;
use crate::objects::CLUSTER;

/// Nothing that a test waits for takes this long, also on a busy host.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// How often is looked.
const LOOK: Duration = Duration::from_millis(250);

/// The namespace of all objects here.
pub(crate) const NAMESPACE: &str = "default";

/// What is in `examples/controller`.
const MANIFESTS: &str = include_str!("../../examples/controller/controller.yaml");

/// The management cluster. The programs of ours end first.
pub(crate) struct Site {
    programs: Vec<Child>,
    pub(crate) plane: ControlPlane,
    lab: Lab,
}

impl Site {
    /// Starts all of it; the controller has only what the manifests let its ServiceAccount do.
    pub(crate) fn start(options: &ControlPlaneOptions) -> Self {
        let (lab, plane) = (Lab::new(), ControlPlane::start(options).unwrap());
        let definitions = lab.run(&["crds"]).expect(0).out;
        plane
            .kubectl_with(&["apply", "--server-side", "-f", "-"], &definitions)
            .unwrap();
        let ours = ["customresourcedefinitions", "-l", "app.kubernetes.io/part-of=anywhere"];
        plane.wait("jsonpath={.status.conditions}", &ours).unwrap();
        plane.wait("condition=Established", &ours).unwrap();
        // There are no nodes for pods yet: the program is started here, as the account that it has there.
        let objects: Vec<&str> = MANIFESTS
            .split("---\n")
            .filter(|text| !text.contains("kind: Deployment"))
            .collect();
        plane.apply(&objects.join("---\n")).unwrap();
        let mut site = Self {
            programs: Vec::new(),
            plane,
            lab,
        };
        site.start_webhook();
        site.start_controller();
        site
    }

    /// At an address instead of a Service, as nothing routes to Services here.
    fn start_webhook(&mut self) {
        let kubeconfig = self.service_account("anywhere-webhook");
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let address = format!("127.0.0.1:{port}");
        let url = format!("--url=https://{address}/convert");
        self.start_program("webhook", &kubeconfig, &["webhook", "--bind", &address, &url]);
        self.until("the webhook listens", || {
            let log = self.log("webhook");
            if log.contains("the webhook listens") {
                Ok(())
            } else {
                Err(log)
            }
        });
    }

    fn start_controller(&mut self) {
        let kubeconfig = self.service_account("anywhere-controller");
        let nowhere = ["--health-probe-bind-address=0", "--metrics-bind-address=0"];
        self.start_program(
            "controller",
            &kubeconfig,
            &["controller", "--leader-elect", nowhere[0], nowhere[1]],
        );
    }

    fn start_program(&mut self, name: &str, kubeconfig: &Path, arguments: &[&str]) {
        let mut command = self.lab.anywhere(arguments);
        command
            .env("KUBECONFIG", kubeconfig)
            .env("RUST_LOG", "info,anywhere=debug")
            .stdout(Stdio::null())
            .stderr(File::create(self.log_path(name)).unwrap());
        self.programs.push(command.spawn().unwrap());
    }

    fn log_path(&self, name: &str) -> PathBuf {
        self.lab.path(&format!("{name}.log"))
    }

    fn service_account(&self, name: &str) -> PathBuf {
        self.plane.service_account_kubeconfig("anywhere-system", name).unwrap()
    }

    /// Applies these objects.
    #[track_caller]
    pub(crate) fn apply(&self, objects: &[Value]) {
        let list = json!({ "apiVersion": "v1", "kind": "List", "items": objects });
        self.plane.apply(&list.to_string()).unwrap();
    }

    #[track_caller]
    pub(crate) fn kubectl(&self, arguments: &[&str]) -> String {
        self.plane.kubectl(arguments).unwrap()
    }

    /// All objects of a kind, as they are now.
    #[track_caller]
    pub(crate) fn list(&self, kind: &str) -> Vec<Value> {
        let text = self.kubectl(&["get", kind, "--namespace", NAMESPACE, "-o", "json"]);
        let list: Value = serde_json::from_str(&text).unwrap();
        list["items"].as_array().unwrap().clone()
    }

    /// Has the API server vouched for as the control plane of the Cluster.
    #[track_caller]
    pub(crate) fn stand_in(&self) {
        self.plane.stand_in_control_plane(NAMESPACE, CLUSTER).unwrap();
    }

    /// All Nodes, as they are now.
    #[track_caller]
    pub(crate) fn nodes(&self) -> Vec<Value> {
        let list: Value = serde_json::from_str(&self.kubectl(&["get", "nodes", "-o", "json"])).unwrap();
        list["items"].as_array().unwrap().clone()
    }

    /// Waits until this is so; the last reason why it was not is shown.
    #[track_caller]
    pub(crate) fn until(&self, what: &str, is_so: impl Fn() -> Result<(), String>) {
        self.within(PATIENCE, what, is_so);
    }

    /// As [`Site::until`], with another patience.
    #[track_caller]
    pub(crate) fn within(&self, patience: Duration, what: &str, is_so: impl Fn() -> Result<(), String>) {
        let began = Instant::now();
        while let Err(why) = is_so() {
            assert!(began.elapsed() < patience, "waited in vain until {what}: {why}");
            std::thread::sleep(LOOK);
        }
        println!("{:6.1} s until {what}", began.elapsed().as_secs_f32());
    }

    /// That Kubernetes refused the controller nothing, so that its role suffices.
    #[track_caller]
    pub(crate) fn expect_no_refusal(&self) {
        let log = self.log("controller");
        let refused: Vec<&str> = log.lines().filter(|line| line.to_lowercase().contains("forbidden")).collect();
        assert!(refused.is_empty(), "{}", refused.join("\n"));
    }

    /// What a program of ours has logged.
    pub(crate) fn log(&self, name: &str) -> String {
        std::fs::read_to_string(self.log_path(name)).unwrap_or_default()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log("controller");
            let lines: Vec<&str> = log.lines().collect();
            let end = &lines[lines.len().saturating_sub(150)..];
            eprintln!("---- end of the controller's log\n{}", end.join("\n"));
        }
        for program in &mut self.programs {
            let _ = program.kill();
            let _ = program.wait();
        }
    }
}
