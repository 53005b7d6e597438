//! The webhook as a process, and what it stands.

use std::io::{BufRead, BufReader};
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};

use crate::lab::WATCHDOG;

/// A running `anywhere webhook`. Nothing is dropped at the end of a test binary: the kernel ends it.
pub(crate) struct Webhook {
    process: u32,
    certificates: Arc<AtomicUsize>,
}

impl Webhook {
    /// Starts it where the API server finds it, as the user of that kubeconfig, with its Secret in that namespace.
    pub(crate) fn start(kubeconfig: &Path, namespace: &str) -> Self {
        Self::start_with(kubeconfig, namespace, &[])
    }

    /// As [`Webhook::start`], with these arguments besides.
    pub(crate) fn start_with(kubeconfig: &Path, namespace: &str, more: &[&str]) -> Self {
        // A loopback address of its own, so that the port is free.
        static STARTED: AtomicUsize = AtomicUsize::new(0);
        let [_, _, high, low] = std::process::id().to_be_bytes();
        let port = 9443 + STARTED.fetch_add(1, Ordering::SeqCst);
        let address = format!("{}:{port}", Ipv4Addr::new(127, 78, high, low));
        let url = format!("https://{address}/convert");
        let mut command = Command::new("setpriv");
        command
            .args([
                "--pdeathsig",
                "KILL",
                env!("CARGO_BIN_EXE_anywhere"),
                "webhook",
                "--namespace",
                namespace,
            ])
            .args(["--bind", &address, "--url", &url])
            .args(more)
            .env("KUBECONFIG", kubeconfig)
            .stderr(Stdio::piped());
        let (tell, told) = mpsc::channel();
        let certificates = Arc::new(AtomicUsize::new(0));
        let counted = certificates.clone();
        // The kernel ends it with the thread that has started it: with this one, which lives as long as it does, or the test binary.
        std::thread::spawn(move || {
            let mut child = command.spawn().unwrap();
            let lines = BufReader::new(child.stderr.take().unwrap()).lines();
            for line in lines.map_while(Result::ok) {
                if line.contains("the webhook listens") {
                    let _ = tell.send(child.id());
                }
                if line.contains("the webhook shows a new certificate") {
                    counted.fetch_add(1, Ordering::SeqCst);
                }
                eprintln!("{line}");
            }
            child.wait()
        });
        let process = told.recv_timeout(WATCHDOG).expect("the webhook listens");
        Self { process, certificates }
    }

    /// How many certificates it has shown so far.
    pub(crate) fn certificates(&self) -> usize {
        self.certificates.load(Ordering::SeqCst)
    }

    /// The most memory that it has had, in MiB.
    pub(crate) fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process)).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
    }
}
