//! A server of our own that opens channels to its client: none is taken, since each would cost the client memory.

use std::sync::Arc;

use remote::ssh::ExecError;
use russh::keys::{PrivateKey, load_secret_key};
use russh::server::{Auth, ChannelOpenHandle, Config, Handle, Handler, Msg, Session, VerifiedPublicKey, run_stream};
use russh::{Channel, ChannelId};
use tokio::net::TcpListener;

use crate::sshd::Lab;
use crate::{all, connected, target_at};

/// What it opens as soon as it is told to run something.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Session,
    ForwardedTcp,
    DirectTcp,
    Agent,
    X11,
}

struct Server(Kind);

impl Handler for Server {
    type Error = russh::Error;

    async fn auth_publickey(&mut self, _: &str, _: VerifiedPublicKey<'_>) -> Result<Auth, russh::Error> {
        Ok(Auth::Accept)
    }

    async fn channel_open_session(
        &mut self,
        _: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), russh::Error> {
        reply.accept().await;
        Ok(())
    }

    async fn exec_request(&mut self, _: ChannelId, _: &[u8], session: &mut Session) -> Result<(), russh::Error> {
        tokio::spawn(open(session.handle(), self.0));
        Ok(())
    }
}

/// One after the other, until the client is gone.
async fn open(handle: Handle, kind: Kind) {
    loop {
        let opened = match kind {
            Kind::Session => handle.channel_open_session().await,
            Kind::ForwardedTcp => handle.channel_open_forwarded_tcpip("a", 1, "b", 2).await,
            Kind::DirectTcp => handle.channel_open_direct_tcpip("a", 1, "b", 2).await,
            Kind::Agent => handle.channel_open_agent().await,
            Kind::X11 => handle.channel_open_x11("a", 1).await,
        };
        if opened.is_err() {
            return;
        }
    }
}

#[tokio::test]
async fn a_server_that_opens_channels_is_left() {
    let lab = Lab::new();
    let key: PrivateKey = load_secret_key(lab.path("host"), None).unwrap();
    for kind in [Kind::Session, Kind::ForwardedTcp, Kind::DirectTcp, Kind::Agent, Kind::X11] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target = target_at(&lab, listener.local_addr().unwrap().port());
        let config = Arc::new(Config {
            keys: vec![key.clone()],
            ..Config::default()
        });
        let server = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            if let Ok(session) = run_stream(config, stream, Server(kind)).await {
                let _ = session.await;
            }
        });
        let connection = connected(&target).await;
        let mut process = connection
            .exec("true", &tokio_util::sync::CancellationToken::new())
            .await
            .unwrap();
        let lost = all(&mut process.output).await.lost;
        let why = "the server opened a channel, which nobody asked it for".to_owned();
        assert_eq!(lost, Some(ExecError::ConnectionLost(why)), "{kind:?}");
        connection.close().await;
        server.await.unwrap();
    }
}
