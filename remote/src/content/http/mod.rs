//! One GET request into a file: bounded in size, time and redirects, and to addresses that may be asked.

mod address;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod url;

use std::fs::File;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncSeekExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};

pub use address::Reach;
use url::Url;
pub use url::shown;

use crate::secret::Secret;

/// As many as curl(1) follows by default is fifty; nobody needs more than these.
const MAX_REDIRECTS: usize = 5;

/// How often an outage is waited out, and how long: less than cloud-init's three times three seconds.
const PAUSES: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(2)];

/// What may be fetched.
#[derive(Clone, Debug)]
pub struct Bounds {
    /// Which addresses may be asked.
    pub reach: Reach,
    /// The largest content, in bytes.
    pub max_bytes: u64,
    /// How long a server may take to be reached.
    pub connect: Duration,
    /// How long it may be silent.
    pub idle: Duration,
    /// How long all may take.
    pub total: Duration,
}

impl Default for Bounds {
    /// For data that others wrote: see [`Reach::Others`]; 4 GiB; an hour.
    fn default() -> Self {
        Self {
            reach: Reach::Others,
            max_bytes: 4 << 30,
            connect: Duration::from_secs(10),
            idle: Duration::from_secs(30),
            total: Duration::from_secs(60 * 60),
        }
    }
}

/// Why something cannot be fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// No URL that can be fetched.
    #[error("{0}")]
    BadUrl(&'static str),
    /// A header field that cannot be sent.
    #[error("the header field {0} has a name or a value that HTTP does not allow")]
    BadHeader(String),
    /// The address is one that must not be asked.
    #[error("its address, {0}, is one that bootstrap data must not reach")]
    Forbidden(std::net::IpAddr),
    /// No connection.
    #[error("cannot connect: {0}")]
    Unreachable(String),
    /// The connection broke, or ended before the content did.
    #[error("the transfer broke: {0}")]
    Broken(String),
    /// The server is silent.
    #[error("nothing was heard for {0} s")]
    Silent(u64),
    /// It took too long in all.
    #[error("it took longer than {0} s")]
    TooSlow(u64),
    /// The server says something else than 200.
    #[error("the server answered {0}")]
    Status(StatusCode),
    /// A redirection that is not followed.
    #[error("the redirection {0}")]
    Redirect(&'static str),
    /// Too much.
    #[error("larger than {0} bytes, the most that is fetched")]
    TooLarge(u64),
    /// The content cannot be kept.
    #[error("cannot write a temporary file: {0}; is there space left in /var/tmp, or $TMPDIR?")]
    Scratch(std::io::Error),
}

impl FetchError {
    /// Whether the content just cannot be had, as opposed to something that has to be mended.
    #[must_use]
    pub fn is_outage(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Broken(_) | Self::Silent(_) | Self::TooSlow(_) | Self::Status(_) => true,
            Self::BadUrl(_)
            | Self::BadHeader(_)
            | Self::Forbidden(_)
            | Self::Redirect(_)
            | Self::TooLarge(_)
            | Self::Scratch(_) => false,
        }
    }

    /// Whether it may pass within seconds.
    fn may_pass(&self) -> bool {
        match self {
            Self::Status(status) => status.is_server_error(),
            Self::Unreachable(_) | Self::Broken(_) => true,
            Self::Silent(_)
            | Self::TooSlow(_)
            | Self::BadUrl(_)
            | Self::BadHeader(_)
            | Self::Forbidden(_)
            | Self::Redirect(_)
            | Self::TooLarge(_)
            | Self::Scratch(_) => false,
        }
    }
}

/// Fetches a URL into a file, which it gives back.
///
/// # Errors
/// See [`FetchError`].
pub async fn fetch(url: &str, headers: &[(String, Secret)], bounds: &Bounds, file: File) -> Result<File, FetchError> {
    let mut file = tokio::fs::File::from_std(file);
    let work = async {
        let mut pauses = PAUSES.into_iter();
        loop {
            file.rewind().await.map_err(FetchError::Scratch)?;
            file.set_len(0).await.map_err(FetchError::Scratch)?;
            match follow(url, headers, bounds, &mut file).await {
                Err(error) if error.may_pass() => match pauses.next() {
                    Some(pause) => sleep(pause).await,
                    None => return Err(error),
                },
                done => return done,
            }
        }
    };
    timeout(bounds.total, work)
        .await
        .unwrap_or(Err(FetchError::TooSlow(bounds.total.as_secs())))?;
    Ok(file.into_std().await)
}

/// Follows redirections to the content.
async fn follow(url: &str, headers: &[(String, Secret)], bounds: &Bounds, file: &mut tokio::fs::File) -> Result<(), FetchError> {
    let first = Url::parse(url).map_err(FetchError::BadUrl)?;
    let mut url = first.clone();
    for _ in 0..=MAX_REDIRECTS {
        // Credentials are for whom they were meant.
        let headers = if url.is_same_origin(&first) { headers } else { &[] };
        let request = request(&url, headers)?;
        let mut driving = JoinSet::new();
        let response = ask(&url, request, bounds, &mut driving).await?;
        let status = response.status();
        if status == StatusCode::OK {
            let done = receive(response.into_body(), bounds, file).await;
            driving.shutdown().await;
            return done;
        }
        let location = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
        url = match (status.as_u16(), location) {
            (301 | 302 | 303 | 307 | 308, Some(location)) => url.join(location).map_err(FetchError::Redirect)?,
            _ => return Err(FetchError::Status(status)),
        };
    }
    Err(FetchError::Redirect("leads on and on: more than five in a row"))
}

fn request(url: &Url, headers: &[(String, Secret)]) -> Result<Request<Empty<Bytes>>, FetchError> {
    let mut request = Request::new(Empty::new());
    *request.uri_mut() = url.target();
    let fields = request.headers_mut();
    let host = HeaderValue::from_str(&url.authority()).map_err(|_| FetchError::BadUrl("no host name"))?;
    fields.insert(header::HOST, host);
    fields.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
    fields.insert(
        header::USER_AGENT,
        HeaderValue::from_static(concat!("anywhere/", env!("CARGO_PKG_VERSION"))),
    );
    for (name, value) in headers {
        let field = HeaderName::from_bytes(name.as_bytes())
            .ok()
            .zip(HeaderValue::from_bytes(value.expose()).ok());
        let (name, mut value) = field.ok_or_else(|| FetchError::BadHeader(name.escape_default().to_string()))?;
        value.set_sensitive(true);
        fields.insert(name, value);
    }
    Ok(request)
}

/// Connects and sends the request; the connection is driven by a task in `driving`.
async fn ask(
    url: &Url,
    request: Request<Empty<Bytes>>,
    bounds: &Bounds,
    driving: &mut JoinSet<()>,
) -> Result<Response<Incoming>, FetchError> {
    let stream = timeout(bounds.connect, connect(url, bounds.reach))
        .await
        .unwrap_or_else(|_| {
            Err(FetchError::Unreachable(format!(
                "it took longer than {} s",
                bounds.connect.as_secs()
            )))
        })?;
    let broken = |error: hyper::Error| FetchError::Broken(error.to_string());
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(broken)?;
    driving.spawn(async move {
        // What goes wrong is told to whoever waits for the answer.
        let _ = connection.await;
    });
    timeout(bounds.idle, sender.send_request(request))
        .await
        .map_err(|_| FetchError::Silent(bounds.idle.as_secs()))?
        .map_err(broken)
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// Connects to the first address that may be asked and answers: to the very address that was checked.
async fn connect(url: &Url, reach: Reach) -> Result<Box<dyn Stream>, FetchError> {
    let host = url.host();
    let unreachable = |error: std::io::Error| FetchError::Unreachable(crate::content::in_words(&error));
    let mut failure = FetchError::Unreachable(format!("{host} has no address"));
    for address in lookup_host((host, url.port())).await.map_err(unreachable)? {
        if !reach.allows(address.ip()) {
            return Err(FetchError::Forbidden(address.ip()));
        }
        match TcpStream::connect(address).await {
            Ok(stream) if url.is_https() => {
                let name = ServerName::try_from(host.to_owned()).map_err(|_| FetchError::BadUrl("no host name"))?;
                let secured = TlsConnector::from(tls()?).connect(name, stream).await.map_err(unreachable)?;
                return Ok(Box::new(secured));
            }
            Ok(stream) => return Ok(Box::new(stream)),
            Err(error) => failure = unreachable(error),
        }
    }
    Err(failure)
}

/// TLS with the certificate authorities that this computer trusts, or those of `SSL_CERT_FILE`; read once.
fn tls() -> Result<Arc<ClientConfig>, FetchError> {
    static CONFIG: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    if let Some(config) = CONFIG.get() {
        return Ok(Arc::clone(config));
    }
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| FetchError::Unreachable(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::clone(CONFIG.get_or_init(|| Arc::new(config))))
}

/// The body into the file. One that ends before its announced length is an error of the HTTP library.
async fn receive(mut body: Incoming, bounds: &Bounds, file: &mut tokio::fs::File) -> Result<(), FetchError> {
    let mut length = 0_u64;
    loop {
        let frame = timeout(bounds.idle, body.frame()).await;
        let frame = match frame.map_err(|_| FetchError::Silent(bounds.idle.as_secs()))? {
            None => break,
            Some(frame) => frame.map_err(|error| FetchError::Broken(error.to_string()))?,
        };
        let Ok(data) = frame.into_data() else { continue };
        length = length.saturating_add(data.len() as u64);
        if length > bounds.max_bytes {
            return Err(FetchError::TooLarge(bounds.max_bytes));
        }
        file.write_all(&data).await.map_err(FetchError::Scratch)?;
    }
    file.flush().await.map_err(FetchError::Scratch)
}
