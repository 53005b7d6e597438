//! A server of our own whose programs never end their answer: it is not waited for for ever, though it is never silent.

use std::sync::Arc;
use std::time::Duration;

use remote::engine::{Error, Host, Limits, Privilege, inspect};
use russh::keys::{PrivateKey, load_secret_key};
use russh::server::{Auth, ChannelOpenHandle, Config, Handler, Msg, Session, VerifiedPublicKey, run_stream};
use russh::{Channel, ChannelId};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::sshd::Lab;
use crate::{deadlines, target_at};

/// What each program says first: that it has begun.
const HELLO: &str = "\nanywhere 1 00000000-0000-0000-0000-000000000000 1.00 00000000000000000000000000000000\n";

struct Server;

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

    async fn exec_request(&mut self, channel: ChannelId, _: &[u8], session: &mut Session) -> Result<(), russh::Error> {
        let handle = session.handle();
        tokio::spawn(async move {
            let mut words = HELLO;
            // Until the client is gone.
            while handle.data(channel, words).await.is_ok() {
                words = "alive\n";
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        Ok(())
    }
}

#[tokio::test]
async fn an_answer_without_end_is_given_up() {
    let lab = Lab::new();
    let key: PrivateKey = load_secret_key(lab.path("host"), None).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = Host {
        target: target_at(&lab, listener.local_addr().unwrap().port()),
        privilege: Privilege::Login,
    };
    let config = Arc::new(Config {
        keys: vec![key],
        ..Config::default()
    });
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        if let Ok(session) = run_stream(config, stream, Server).await {
            let _ = session.await;
        }
    });
    let limits = Limits {
        silence: Duration::from_secs(1),
        ..Limits::default()
    };
    let answer = inspect(&host, false, &limits, &deadlines(), &CancellationToken::new()).await;
    assert!(matches!(answer, Err(Error::Endless(10))), "{answer:?}");
    server.await.unwrap();
}
