//! The controller as a process, and what it takes.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Nothing that is waited for takes this long.
const WATCHDOG: Duration = Duration::from_secs(300);

/// How often a question is asked again: what is measured is told by the answer, not by when it was asked.
const PAUSE: Duration = Duration::from_millis(10);

/// A running `anywhere controller`, alone in its process. Dropping it kills it, and so does the end of this process.
pub(crate) struct Controller {
    child: Child,
    metrics: SocketAddr,
    /// How long it took until it had seen everything.
    pub(crate) started: Duration,
}

/// What it has in memory, in MiB.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    /// Now.
    pub(crate) now: f64,
    /// At most, since it was started.
    pub(crate) peak: f64,
}

impl Controller {
    /// Starts it and waits until it has listed everything and works; its log goes into this folder.
    pub(crate) fn start(anywhere: &Path, kubeconfig: &Path, folder: &Path) -> Result<Self, String> {
        let log = folder.join("controller.log");
        let file = File::create(&log).map_err(|error| format!("make {}: {error}", log.display()))?;
        let began = Instant::now();
        let child = Command::new("/usr/bin/setpriv")
            .args(["--pdeathsig", "KILL"])
            .arg(anywhere)
            .args(["controller", "--health-probe-bind-address", "0"])
            .args(["--metrics-bind-address", "127.0.0.1:0"])
            .env_clear()
            .env("KUBECONFIG", kubeconfig)
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(file)
            .spawn()
            .map_err(|error| format!("start the controller: {error}"))?;
        let mut controller = Self {
            child,
            metrics: SocketAddr::from(([127, 0, 0, 1], 0)),
            started: Duration::ZERO,
        };
        controller.until(&log, "the controllers work")?;
        controller.started = began.elapsed();
        let line = controller.until(&log, "--metrics-bind-address")?;
        let line: Value = serde_json::from_str(&line).map_err(|error| format!("{line}: {error}"))?;
        let address = line.get("address").and_then(Value::as_str).unwrap_or_default();
        controller.metrics = address.parse().map_err(|error| format!("{address:?}: {error}"))?;
        Ok(controller)
    }

    /// Waits for a line of its log.
    fn until(&mut self, log: &PathBuf, text: &str) -> Result<String, String> {
        wait(text, || {
            let said = fs::read_to_string(log).unwrap_or_default();
            if let Some(line) = said.lines().find(|line| line.contains(text)) {
                return Ok(Some(line.to_owned()));
            }
            match self.child.try_wait() {
                Ok(None) => Ok(None),
                Ok(Some(status)) => Err(format!("the controller has ended ({status}): {said}")),
                Err(error) => Err(error.to_string()),
            }
        })
    }

    /// The sum of all lines of its metrics that begin like this.
    pub(crate) fn metric(&self, start: &str) -> Result<f64, String> {
        let page = self
            .page()
            .map_err(|error| format!("read the controller's metrics: {error}"))?;
        let lines = page.lines().filter(|line| line.starts_with(start));
        Ok(lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum())
    }

    fn page(&self) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(self.metrics)?;
        write!(stream, "GET /metrics HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n")?;
        let mut page = String::new();
        stream.read_to_string(&mut page)?;
        Ok(page)
    }

    /// Waits until it has looked at nothing for this long; gives how long it took until then, that time left out.
    pub(crate) fn settle(&self, quiet: Duration) -> Result<Duration, String> {
        let began = Instant::now();
        let mut last = (f64::NAN, began);
        wait("quiet", || {
            let looked = self.metric("anywhere_reconciles_total")? + self.metric("anywhere_api_requests_total")?;
            let now = Instant::now();
            #[allow(clippy::float_cmp, reason = "both are counts")]
            let is_same = looked == last.0;
            if !is_same {
                last = (looked, now);
            }
            std::thread::sleep(PAUSE * 5);
            Ok((now.duration_since(last.1) >= quiet).then(|| last.1.duration_since(began)))
        })
    }

    /// Seconds of CPU time, user and system, so far; in steps of 10 ms (proc(5), /proc/pid/stat).
    pub(crate) fn cpu(&self) -> Result<f64, String> {
        let path = format!("/proc/{}/stat", self.child.id());
        let text = fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
        // The name of the program, in parentheses, may hold anything.
        let fields = text.rsplit_once(") ").map_or("", |(_, rest)| rest).split(' ');
        let ticks: f64 = fields.skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum();
        Ok(ticks / 100.0)
    }

    /// What it has in memory (proc(5), /proc/pid/status).
    pub(crate) fn memory(&self) -> Result<Memory, String> {
        let path = format!("/proc/{}/status", self.child.id());
        let text = fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
        let of = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            let kibibytes = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
            kibibytes.unwrap_or(f64::NAN) / 1024.0
        };
        Ok(Memory {
            now: of("VmRSS:"),
            peak: of("VmHWM:"),
        })
    }
}

impl Drop for Controller {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks until there is an answer.
pub(crate) fn wait<T>(what: &str, mut question: impl FnMut() -> Result<Option<T>, String>) -> Result<T, String> {
    let began = Instant::now();
    loop {
        if let Some(answer) = question()? {
            return Ok(answer);
        }
        if began.elapsed() > WATCHDOG {
            return Err(format!("waited for {what} for {WATCHDOG:?}"));
        }
        std::thread::sleep(PAUSE);
    }
}
