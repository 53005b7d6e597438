//! The proxy's thread: accepts connections and obeys its owner.

use super::connection::forward;
use super::{Command, Faults, Shared, Stall};
use crate::error::TestbedError;
use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

/// How many connections go through at once; more wait in the kernel.
const CONNECTIONS: usize = 1024;

/// A bound proxy that does not run yet. Made on the owner's thread, which may belong to a runtime of its own, so that
/// nothing here may block on this one's.
pub(super) struct Server {
    runtime: Runtime,
    listener: Option<std::net::TcpListener>,
    serving: Serving,
}

impl Server {
    pub(super) fn bind(
        listen: SocketAddr,
        upstream: SocketAddr,
        faults: Faults,
        shared: Arc<Shared>,
        stall: watch::Sender<Stall>,
    ) -> Result<Self, TestbedError> {
        let listener = if faults.refuse {
            None
        } else {
            Some(bind(listen).map_err(TestbedError::io(format!("listen on {listen}")))?)
        };
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(TestbedError::io("make the proxy's runtime"))?;
        let (faults, connections) = (Arc::new(faults), JoinSet::new());
        let serving = Serving {
            listen,
            listener: None,
            upstream,
            faults,
            shared,
            stall,
            connections,
        };
        Ok(Self {
            runtime,
            listener,
            serving,
        })
    }

    /// Runs until the owner says stop or is gone.
    pub(super) fn run(self, orders: mpsc::Receiver<Command>) {
        let Self {
            runtime,
            listener,
            mut serving,
        } = self;
        let done = runtime.block_on(async {
            serving.listener = listener.and_then(|listener| TcpListener::from_std(listener).ok());
            serving.serve(orders).await
        });
        drop(runtime);
        if let Some(done) = done {
            let _ = done.send(());
        }
    }
}

/// The standard library sets `SO_REUSEADDR`, so old connections do not stand in the way.
fn bind(listen: SocketAddr) -> std::io::Result<std::net::TcpListener> {
    let listener = std::net::TcpListener::bind(listen)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// The proxy while it runs.
struct Serving {
    listen: SocketAddr,
    listener: Option<TcpListener>,
    upstream: SocketAddr,
    faults: Arc<Faults>,
    shared: Arc<Shared>,
    stall: watch::Sender<Stall>,
    connections: JoinSet<()>,
}

impl Serving {
    async fn serve(mut self, mut orders: mpsc::Receiver<Command>) -> Option<std::sync::mpsc::SyncSender<()>> {
        loop {
            let listener = self.listener.as_ref().filter(|_| self.connections.len() < CONNECTIONS);
            tokio::select! {
                client = accept(listener) => self.connect(client),
                order = orders.recv() => match order {
                    Some(Command::Refuse(refuse, done)) => {
                        self.listener = match self.listener.take() {
                            _ if refuse => None,
                            None => TcpListener::bind(self.listen).await.ok(),
                            listening => listening,
                        };
                        // No confirmation tells the owner that the address could not be bound again.
                        if refuse || self.listener.is_some() {
                            let _ = done.send(());
                        }
                    }
                    Some(Command::CutNow(done)) => {
                        self.connections.shutdown().await;
                        let _ = done.send(());
                    }
                    Some(Command::Stop(done)) => {
                        self.connections.shutdown().await;
                        return Some(done);
                    }
                    None => {
                        self.connections.shutdown().await;
                        return None;
                    }
                },
                Some(_) = self.connections.join_next() => {}
            }
        }
    }

    fn connect(&mut self, client: TcpStream) {
        self.shared.connections.fetch_add(1, Ordering::Relaxed);
        let (upstream, faults, shared) = (self.upstream, Arc::clone(&self.faults), Arc::clone(&self.shared));
        let stall = self.stall.subscribe();
        self.connections.spawn(async move {
            // Why a connection ended is for its two sides to see, not for the proxy.
            let _ = forward(client, upstream, &faults, &shared, stall).await;
        });
    }
}

/// The next client; never when there is no listener.
async fn accept(listener: Option<&TcpListener>) -> TcpStream {
    loop {
        match listener {
            Some(listener) => {
                if let Ok((client, _)) = listener.accept().await {
                    return client;
                }
                // Out of file descriptors, for example: let others end first.
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
            None => pending().await,
        }
    }
}
