//! SSH connections to real servers, and to listeners that misbehave.
//!
//! Needs root, and of Debian: openssh-server, openssh-client, dropbear-bin, util-linux.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod algorithms;
mod certificates;
mod commands;
mod endless_answers;
mod faults;
mod host_keys;
mod login;
mod shared_jump_hosts;
mod sshd;
mod uninvited_channels;

use std::time::Duration;

use remote::ssh::{
    ConnectError, Connection, Credentials, Deadlines, ExecError, HostKeys, JumpHosts, Output, ProcessOutput, Target, connect,
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::sshd::Lab;

fn deadlines() -> Deadlines {
    let limit = Duration::from_secs(20);
    Deadlines {
        connect: limit,
        key_exchange: limit,
        authentication: limit,
        channel: limit,
    }
}

async fn connected(target: &Target) -> Connection {
    connect(target, &deadlines(), &CancellationToken::new())
        .await
        .unwrap_or_else(|error| panic!("{error}"))
}

async fn refused(target: &Target) -> ConnectError {
    connect(target, &deadlines(), &CancellationToken::new())
        .await
        .map(|_| ())
        .unwrap_err()
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Whole {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    status: Option<u32>,
    signal: Option<String>,
    lost: Option<ExecError>,
}

async fn all(output: &mut ProcessOutput) -> Whole {
    let mut whole = Whole::default();
    loop {
        match output.next().await {
            Output::Stdout(bytes) => whole.stdout.extend(bytes),
            Output::Stderr(bytes) => whole.stderr.extend(bytes),
            Output::Exited(status) => whole.status = Some(status),
            Output::Signalled(signal) => whole.signal = Some(signal),
            Output::Closed => return whole,
            Output::Lost(error) => {
                whole.lost = Some(error);
                return whole;
            }
        }
    }
}

async fn run(connection: &Connection, command: &str) -> Whole {
    let mut process = connection.exec(command, &CancellationToken::new()).await.unwrap();
    process.input.close().await.unwrap();
    all(&mut process.output).await
}

async fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
}

fn target_at(lab: &Lab, port: u16) -> Target {
    Target {
        host: "127.0.0.1".to_owned(),
        port,
        user: "root".to_owned(),
        credentials: Credentials {
            identities: vec![lab.identity("user", None)],
            ..Credentials::default()
        },
        host_keys: HostKeys::AcceptAny,
        jump: Vec::new(),
        jump_hosts: JumpHosts::default(),
    }
}
