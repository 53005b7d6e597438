//! What a test asks of the store itself: JSON over HTTP, as etcd's gateway takes it.
//! Source: <https://etcd.io/docs/v3.6/dev-guide/api_grpc_gateway/>

use super::ControlPlane;
use super::arguments::ETCD_PORT;
use crate::error::TestbedError;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long the store may take to answer.
const LIMIT: Duration = Duration::from_secs(30);

impl ControlPlane {
    /// Has the store forget all that was before now: who wants to go on from an older revision is told that it is gone (410), once the
    /// API server has begun anew, too.
    ///
    /// # Errors
    /// When the store does not answer, or not as it should.
    pub fn compact(&self) -> Result<(), TestbedError> {
        // A key of one zero byte: nobody has it. What counts is the revision that the answer begins with.
        let answer = self.ask_store("/v3/kv/range", &serde_json::json!({ "key": "AA==" }))?;
        let revision = answer
            .pointer("/header/revision")
            .ok_or(TestbedError::Store(format!("no revision: {answer}")))?;
        let order = serde_json::json!({ "revision": revision, "physical": true });
        self.ask_store("/v3/kv/compaction", &order).map(drop)
    }

    fn ask_store(&self, path: &str, body: &serde_json::Value) -> Result<serde_json::Value, TestbedError> {
        let address = SocketAddr::from((self.own.get(), ETCD_PORT));
        let body = body.to_string();
        let ask = || -> std::io::Result<String> {
            let mut stream = TcpStream::connect_timeout(&address, LIMIT)?;
            stream.set_read_timeout(Some(LIMIT))?;
            stream.set_write_timeout(Some(LIMIT))?;
            // The older version of the protocol: its answers are in one piece, and end with the connection.
            write!(stream, "POST {path} HTTP/1.0\r\nContent-Length: {}\r\n\r\n{body}", body.len())?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok(answer)
        };
        let answer = ask().map_err(TestbedError::io(format!("ask etcd at {address}")))?;
        let (head, text) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        if head.split(' ').nth(1) != Some("200") {
            return Err(TestbedError::Store(answer));
        }
        serde_json::from_str(text).map_err(|_| TestbedError::Store(answer))
    }
}
