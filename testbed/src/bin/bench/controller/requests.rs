//! Requests to the API server as its administrator, on connections that stay: for thousands of objects, a kubectl each takes too long.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;
use testbed::ControlPlane;

/// Connections on which many requests are made.
const AT_ONCE: usize = 6;

/// How long nothing may come in; a watch is told of something within this time.
const SILENCE: Duration = Duration::from_secs(120);

/// What is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    method: &'static str,
    path: String,
    body: Option<Value>,
}

impl Request {
    /// Makes an object in a collection.
    pub(crate) fn create(collection: impl Into<String>, object: Value) -> Self {
        Self::new("POST", collection, Some(object))
    }

    /// Changes an object by a merge patch (RFC 7396).
    pub(crate) fn patch(object: impl Into<String>, patch: Value) -> Self {
        Self::new("PATCH", object, Some(patch))
    }

    /// Deletes an object, or all of a collection.
    pub(crate) fn delete(what: impl Into<String>) -> Self {
        Self::new("DELETE", what, None)
    }

    /// Reads.
    pub(crate) fn get(what: impl Into<String>) -> Self {
        Self::new("GET", what, None)
    }

    fn new(method: &'static str, path: impl Into<String>, body: Option<Value>) -> Self {
        let path = path.into();
        Self { method, path, body }
    }

    /// As HTTP/1.1 has it (RFC 9112).
    fn bytes(&self, host: &str) -> Vec<u8> {
        let body = self.body.as_ref().map(Value::to_string).unwrap_or_default();
        let form = if self.method == "PATCH" {
            "application/merge-patch+json"
        } else {
            "application/json"
        };
        format!(
            "{} {} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: bench\r\nAccept: application/json\r\nContent-Type: {form}\r\nContent-Length: {}\r\n\r\n{body}",
            self.method,
            self.path,
            body.len()
        )
        .into_bytes()
    }
}

/// Where requests go.
#[derive(Clone, Debug)]
pub(crate) struct Requests {
    settings: Arc<ClientConfig>,
    address: SocketAddr,
}

impl Requests {
    /// To this control plane.
    pub(crate) fn to(plane: &ControlPlane) -> Result<Self, String> {
        let explain = |error: &dyn std::fmt::Display| format!("the administrator's certificate: {error}");
        let url = plane.url();
        let address = url.trim_start_matches("https://").parse().map_err(|error| explain(&error))?;
        let authority = CertificateDer::from_pem_file(plane.authority_certificate()).map_err(|error| explain(&error))?;
        let certificate = CertificateDer::from_pem_file(plane.admin_certificate()).map_err(|error| explain(&error))?;
        let key = PrivateKeyDer::from_pem_file(plane.admin_key()).map_err(|error| explain(&error))?;
        let mut roots = RootCertStore::empty();
        roots.add(authority).map_err(|error| explain(&error))?;
        let settings = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| explain(&error))?
            .with_root_certificates(roots)
            .with_client_auth_cert(vec![certificate], key)
            .map_err(|error| explain(&error))?;
        Ok(Self {
            settings: Arc::new(settings),
            address,
        })
    }

    /// One connection.
    pub(crate) fn connect(&self) -> Result<Connection, String> {
        let explain = |error: &dyn std::fmt::Display| format!("connect to the API server: {error}");
        let stream = TcpStream::connect(self.address).map_err(|error| explain(&error))?;
        stream.set_nodelay(true).map_err(|error| explain(&error))?;
        stream.set_read_timeout(Some(SILENCE)).map_err(|error| explain(&error))?;
        let name = ServerName::from(self.address.ip());
        let session = ClientConnection::new(self.settings.clone(), name).map_err(|error| explain(&error))?;
        Ok(Connection {
            stream: BufReader::new(StreamOwned::new(session, stream)),
            host: self.address.to_string(),
        })
    }

    /// One request.
    pub(crate) fn one(&self, request: &Request) -> Result<Value, String> {
        self.connect()?.ask(request)
    }

    /// Watches a collection from this version on, until `is_enough` of what happened. Where the API server ends a watch, as it does when
    /// it takes in a definition, it is begun again where it was.
    pub(crate) fn watch(&self, collection: &str, version: &str, mut is_enough: impl FnMut(&Value) -> bool) -> Result<(), String> {
        let mut version = version.to_owned();
        while !self.connect()?.watch(collection, &mut version, &mut is_enough)? {}
        Ok(())
    }

    /// Many requests, a few at a time; the answers are in their order.
    pub(crate) fn all(&self, requests: &[Request]) -> Result<Vec<Value>, String> {
        let next = AtomicUsize::new(0);
        let answers = Mutex::new(vec![Value::Null; requests.len()]);
        std::thread::scope(|scope| {
            let work = || -> Result<(), String> {
                let mut connection = self.connect()?;
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(request) = requests.get(index) else { return Ok(()) };
                    let answer = connection.ask(request)?;
                    let mut answers = answers.lock().unwrap_or_else(PoisonError::into_inner);
                    if let Some(slot) = answers.get_mut(index) {
                        *slot = answer;
                    }
                }
            };
            let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
            workers
                .into_iter()
                .try_for_each(|worker| worker.join().unwrap_or_else(|_| Err("a thread failed".to_owned())))
        })?;
        Ok(answers.into_inner().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A connection, for one request after the other.
pub(crate) struct Connection {
    stream: BufReader<StreamOwned<ClientConnection, TcpStream>>,
    host: String,
}

impl Connection {
    /// The answer to a request, which is an error where the API server says no.
    pub(crate) fn ask(&mut self, request: &Request) -> Result<Value, String> {
        let explain = |error: &dyn std::fmt::Display| format!("{} {}: {error}", request.method, request.path);
        let (status, body) = self.exchange(request).map_err(|error| explain(&error))?;
        if !(200..300).contains(&status) {
            return Err(explain(&format!("{status} {}", String::from_utf8_lossy(&body))));
        }
        // Not everything that is asked for is JSON.
        Ok(serde_json::from_slice(&body).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&body).into_owned())))
    }

    fn exchange(&mut self, request: &Request) -> std::io::Result<(u16, Vec<u8>)> {
        let (status, length) = self.begin(request)?;
        let mut body = Vec::new();
        match length {
            Some(length) => {
                body.resize(length, 0);
                self.stream.read_exact(&mut body)?;
            }
            None => while self.chunk(&mut body)? {},
        }
        Ok((status, body))
    }

    /// Sends a request and reads the head of the answer: its status, and its length unless it comes in chunks.
    fn begin(&mut self, request: &Request) -> std::io::Result<(u16, Option<usize>)> {
        let bytes = request.bytes(&self.host);
        self.stream.get_mut().write_all(&bytes)?;
        self.stream.get_mut().flush()?;
        let first = self.line()?;
        let status = first.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or_default();
        let mut length = Some(0);
        loop {
            let line = self.line()?.to_ascii_lowercase();
            if line.is_empty() {
                return Ok((status, length));
            }
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().ok();
            } else if line.starts_with("transfer-encoding:") {
                length = None;
            }
        }
    }

    fn line(&mut self) -> std::io::Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        line.truncate(line.trim_end().len());
        Ok(line)
    }

    /// Reads one more chunk; false after the last one.
    fn chunk(&mut self, to: &mut Vec<u8>) -> std::io::Result<bool> {
        let length = usize::from_str_radix(&self.line()?, 16).map_err(std::io::Error::other)?;
        let begin = to.len();
        to.resize(begin + length, 0);
        self.stream.read_exact(to.get_mut(begin..).unwrap_or_default())?;
        self.line()?;
        Ok(length > 0)
    }

    /// Watches a collection from this version on, until `is_enough` of what happened; false if the API server has ended it before. The
    /// version is that of the last event from then on.
    fn watch(
        &mut self,
        collection: &str,
        version: &mut String,
        is_enough: &mut impl FnMut(&Value) -> bool,
    ) -> Result<bool, String> {
        let explain = |error: &dyn std::fmt::Display| format!("watch {collection}: {error}");
        let request = Request::get(format!("{collection}?watch=1&resourceVersion={version}"));
        let (status, _) = self.begin(&request).map_err(|error| explain(&error))?;
        if status != 200 {
            return Err(explain(&status));
        }
        let mut bytes = Vec::new();
        while self.chunk(&mut bytes).map_err(|error| explain(&error))? {
            while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = bytes.drain(..=end).collect();
                let event: Value = serde_json::from_slice(&line).map_err(|error| explain(&error))?;
                if event.pointer("/type").and_then(Value::as_str) == Some("ERROR") {
                    return Err(explain(&event));
                }
                if let Some(seen) = event.pointer("/object/metadata/resourceVersion").and_then(Value::as_str) {
                    seen.clone_into(version);
                }
                if is_enough(&event) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }
}
