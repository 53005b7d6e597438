#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a test that cannot be set up fails

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, patch, post};
use base64::Engine as _;
use clap::Parser;
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use serde_json::{Value, json};

use super::*;
use crate::cli::{Cli, Command};

/// An API server that has one Secret, and definitions that may be told of a CA.
#[derive(Clone, Default)]
struct Server(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    secret: Option<Value>,
    versions: u64,
    /// What each definition was told last; one of them is not installed.
    bundles: BTreeMap<String, String>,
}

const NOT_INSTALLED: &str = "jointokenrequests.k0smotron.io";

type Answer = (StatusCode, String);

fn refused(code: StatusCode, reason: &str) -> Answer {
    let status = json!({ "kind": "Status", "status": "Failure", "message": reason, "reason": reason, "code": code.as_u16() });
    (code, status.to_string())
}

fn missing() -> Answer {
    refused(StatusCode::NOT_FOUND, "NotFound")
}

async fn read(State(Server(kept)): State<Server>) -> Answer {
    let secret = kept.lock().unwrap().secret.clone();
    secret.map_or_else(missing, |secret| (StatusCode::OK, secret.to_string()))
}

async fn create(State(Server(kept)): State<Server>, secret: String) -> Answer {
    let mut kept = kept.lock().unwrap();
    match kept.secret {
        Some(_) => refused(StatusCode::CONFLICT, "AlreadyExists"),
        None => put(&mut kept, &secret),
    }
}

async fn replace(State(Server(kept)): State<Server>, secret: String) -> Answer {
    let mut kept = kept.lock().unwrap();
    let version = |secret: &Value| secret["metadata"]["resourceVersion"].clone();
    match &kept.secret {
        Some(held) if version(held) == version(&serde_json::from_str(&secret).unwrap()) => put(&mut kept, &secret),
        Some(_) | None => refused(StatusCode::CONFLICT, "Conflict"),
    }
}

fn put(kept: &mut Kept, secret: &str) -> Answer {
    let mut secret: Value = serde_json::from_str(secret).unwrap();
    kept.versions += 1;
    secret["metadata"]["resourceVersion"] = kept.versions.to_string().into();
    kept.secret = Some(secret.clone());
    (StatusCode::OK, secret.to_string())
}

async fn tell(State(Server(kept)): State<Server>, Path(name): Path<String>, body: String) -> Answer {
    if name == NOT_INSTALLED {
        return missing();
    }
    let patch: Value = serde_json::from_str(&body).unwrap();
    let bundle = patch["spec"]["conversion"]["webhook"]["clientConfig"]["caBundle"]
        .as_str()
        .unwrap();
    let bundle = base64::engine::general_purpose::STANDARD.decode(bundle).unwrap();
    let bundle = String::from_utf8(bundle).unwrap();
    kept.lock().unwrap().bundles.insert(name.clone(), bundle);
    let spec = json!({ "group": "", "names": { "kind": "", "plural": "" }, "scope": "", "versions": [] });
    (
        StatusCode::OK,
        json!({ "metadata": { "name": name }, "spec": spec }).to_string(),
    )
}

impl Server {
    fn client(&self) -> Client {
        let router = Router::new()
            .route("/api/v1/namespaces/{namespace}/secrets", post(create))
            .route("/api/v1/namespaces/{namespace}/secrets/{name}", get(read).put(replace))
            .route("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}", patch(tell))
            .with_state(self.clone());
        Client::new(router, "default")
    }

    /// A webhook whose CAs are good for that many days.
    fn webhook(&self, days: i64) -> (Trust, Identity) {
        let lifetime = (days * 24 * 60 * 60).to_string();
        let cli = Cli::try_parse_from(["anywhere", "webhook", "--ca-lifetime", &lifetime]).unwrap();
        let Command::Webhook(args) = cli.command else { unreachable!() };
        (Trust::new(self.client(), &args), Identity::default())
    }

    /// What all definitions were told last.
    fn bundle(&self) -> String {
        let kept = self.0.lock().unwrap();
        let bundles: BTreeSet<_> = kept.bundles.values().cloned().collect();
        assert_eq!(bundles.len(), 1, "not all definitions know the same");
        bundles.into_iter().next().unwrap()
    }

    /// The certificate of the CA that signs.
    fn authority(&self) -> String {
        let kept = self.0.lock().unwrap();
        kept.secret.as_ref().unwrap()["data"]["tls.crt"].to_string()
    }
}

/// Whether the API server, which has been told of these CAs, believes what is shown then.
fn is_believed(bundle: &str, identity: &Identity, at: Timestamp) -> bool {
    let mut roots = RootCertStore::empty();
    for authority in CertificateDer::pem_slice_iter(bundle.as_bytes()) {
        roots.add(authority.unwrap()).unwrap();
    }
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .unwrap();
    let name = ServerName::try_from("anywhere-webhook.anywhere-system.svc").unwrap();
    let at = UnixTime::since_unix_epoch(Duration::from_secs(at.as_second().unsigned_abs()));
    verifier
        .verify_server_cert(&identity.shown().unwrap(), &[], &name, &[], at)
        .is_ok()
}

fn day(days: i64) -> Timestamp {
    "2026-01-01T00:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_hours(24 * days)
}

#[tokio::test]
async fn certificates_and_authorities_are_renewed_by_age_and_always_believed() {
    let server = Server::default();
    let (mut trust, identity) = server.webhook(90);
    let (mut certificates, mut authorities) = (BTreeSet::new(), BTreeSet::new());
    let mut now = day(0);
    while now < day(365) {
        let next = trust.establish(&identity, now).await.unwrap();
        assert!(next > now, "nothing is due at {now}");
        certificates.insert(identity.shown().unwrap().to_vec());
        authorities.insert(server.authority());
        for at in [now, next - SignedDuration::from_secs(1)] {
            assert!(is_believed(&server.bundle(), &identity, at), "at {at}");
        }
        // Nothing changes before.
        let shown = identity.shown();
        let again = trust.establish(&identity, next - SignedDuration::from_secs(1)).await.unwrap();
        assert_eq!(
            (again, identity.shown(), server.authority()),
            (next, shown, server.authority())
        );
        now = next;
    }
    // An authority every sixty days, a certificate every thirty.
    assert_eq!((authorities.len(), certificates.len()), (7, 13));
}

#[tokio::test]
async fn a_new_authority_is_known_before_its_first_certificate_is_shown() {
    let server = Server::default();
    let (mut trust, identity) = server.webhook(90);
    trust.establish(&identity, day(0)).await.unwrap();
    let (first, before) = (identity.shown(), server.bundle());
    server.0.lock().unwrap().secret = None;
    let settled = trust.establish(&identity, day(1)).await.unwrap();
    assert!(server.bundle().ends_with(&before) && server.bundle() != before);
    let waits = settled.duration_since(day(1));
    assert!(waits >= SETTLE && waits < SETTLE * 2, "{waits}");
    trust
        .establish(&identity, settled - SignedDuration::from_secs(1))
        .await
        .unwrap();
    assert_eq!(identity.shown(), first);
    trust.establish(&identity, settled).await.unwrap();
    assert_ne!(identity.shown(), first);
    assert!(is_believed(&server.bundle(), &identity, settled));
}

/// Webhooks that were told to make CAs of another life than the one that there is.
#[tokio::test]
async fn an_authority_lasts_for_its_own_life() {
    for (made, asked, kept, renewed) in [
        // Long before the ninety days that are asked for now are over, it is no longer good.
        (10, 90, 6, 7),
        // It is good for longer than what is asked for now.
        (90, 10, 59, 60),
    ] {
        let server = Server::default();
        let (mut trust, identity) = server.webhook(made);
        trust.establish(&identity, day(0)).await.unwrap();
        let first = server.authority();
        let (mut trust, identity) = server.webhook(asked);
        let next = trust.establish(&identity, day(kept)).await.unwrap();
        assert_eq!(server.authority(), first, "made for {made} days, of {asked}");
        assert!(next < day(renewed), "looked at again at {next}");
        assert!(is_believed(&server.bundle(), &identity, next));
        trust.establish(&identity, day(renewed)).await.unwrap();
        assert_ne!(server.authority(), first, "made for {made} days, of {asked}");
        assert!(is_believed(&server.bundle(), &identity, day(renewed)));
    }
}

#[tokio::test]
async fn replicas_that_renew_at_the_same_moment_have_one_authority() {
    let server = Server::default();
    let mut replicas: Vec<_> = (0..3).map(|_| server.webhook(90)).collect();
    for at in [day(0), day(60), day(61)] {
        let all = replicas.iter_mut().map(|(trust, identity)| trust.establish(identity, at));
        for done in futures::future::join_all(all).await {
            done.unwrap();
        }
    }
    for (_, identity) in &replicas {
        assert!(is_believed(&server.bundle(), identity, day(61)));
    }
    let authorities = CertificateDer::pem_slice_iter(server.bundle().as_bytes()).count();
    assert_eq!(authorities, 2, "the one, and the one before it");
}

#[tokio::test]
async fn an_authority_that_cannot_be_read_is_told_of_with_the_way_out() {
    let server = Server::default();
    let (mut trust, identity) = server.webhook(90);
    trust.establish(&identity, day(0)).await.unwrap();
    let text = base64::engine::general_purpose::STANDARD.encode("nothing");
    server.0.lock().unwrap().secret.as_mut().unwrap()["data"]["tls.crt"] = text.into();
    let error = trust.establish(&identity, day(1)).await.unwrap_err().to_string();
    assert!(
        error.contains("cannot be read") && error.contains("delete the Secret"),
        "{error}"
    );
}
