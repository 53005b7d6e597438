//! Kills the controller at the n-th chunk that goes in or out of it, to the API server or a host, whichever comes first.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;
use testbed::{ControlPlane, Faults, Machine, Proxy};

#[derive(Default)]
struct State {
    /// How many chunks went by since it was armed.
    passed: u64,
    /// Who is killed, at which of them.
    armed: Option<(Pid, u64)>,
    has_killed: bool,
}

/// See the module. Clones count together.
#[derive(Clone, Default)]
pub(crate) struct Tap(Arc<Mutex<State>>);

impl Tap {
    /// A proxy whose chunks count.
    pub(crate) fn before(&self, upstream: std::net::SocketAddr) -> Proxy {
        let proxy = Proxy::start(upstream, Faults::default()).unwrap();
        let state = self.0.clone();
        proxy.at_each_chunk(move |_| {
            let mut state = state.lock().unwrap();
            let Some((victim, at)) = state.armed else { return };
            state.passed += 1;
            if state.passed < at {
                return;
            }
            state.armed = None;
            kill(victim, Signal::SIGKILL).unwrap();
            // It does nothing any more once this returns; whoever started it still learns how it ended.
            waitid(Id::Pid(victim), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT).unwrap();
            state.has_killed = true;
        });
        proxy
    }

    /// Kills this process at the n-th chunk from now on.
    pub(crate) fn arm(&self, victim: u32, at: u64) {
        let victim = Pid::from_raw(i32::try_from(victim).unwrap());
        *self.0.lock().unwrap() = State {
            armed: Some((victim, at)),
            ..State::default()
        };
    }

    /// Kills nobody any more. Says how many chunks went by, if nobody was killed.
    pub(crate) fn disarm(&self) -> Option<u64> {
        let mut state = self.0.lock().unwrap();
        state.armed = None;
        (!state.has_killed).then_some(state.passed)
    }

    pub(crate) fn has_killed(&self) -> bool {
        self.0.lock().unwrap().has_killed
    }
}

/// A kubeconfig that goes through this proxy, in this folder.
pub(crate) fn kubeconfig(plane: &ControlPlane, proxy: &Proxy, folder: &Path) -> PathBuf {
    let text = std::fs::read_to_string(plane.kubeconfig()).unwrap();
    let mut config: serde_json::Value = serde_json::from_str(&text).unwrap();
    let cluster = &mut config["clusters"][0]["cluster"];
    cluster["server"] = format!("https://{}", proxy.socket_address()).into();
    cluster["tls-server-name"] = api_server(plane).ip().to_string().into();
    let path = folder.join("kubeconfig");
    std::fs::write(&path, config.to_string()).unwrap();
    path
}

/// Where the API server listens.
pub(crate) fn api_server(plane: &ControlPlane) -> std::net::SocketAddr {
    plane.url().trim_start_matches("https://").parse().unwrap()
}

/// A host of a pool, and the way to it.
pub(crate) struct Reached {
    pub(crate) host: Machine,
    pub(crate) proxy: Proxy,
}

impl Reached {
    pub(crate) fn new(tap: &Tap) -> Self {
        let host = crate::lab::machine(testbed::Shell::Dash, testbed::SudoRule::NoPassword);
        let proxy = tap.before(host.socket_address());
        Self { host, proxy }
    }
}
