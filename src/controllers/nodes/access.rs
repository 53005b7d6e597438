//! From the kubeconfig of a workload cluster to a client for it.
//!
//! Whoever may write Secrets of one namespace writes this kubeconfig. So it may hold data and no more: what would run a program
//! here, or read a file of this program's, is refused.
//!
//! Source: <https://cluster-api.sigs.k8s.io/developer/core/controllers/cluster#secrets>

use std::time::Duration;

use axum::http::HeaderValue;
use axum::http::header::USER_AGENT;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

use crate::controllers::client::NAME;

/// The key in the Secret `<cluster>-kubeconfig`.
pub(super) const VALUE: &str = "value";

/// How long a connection may take to be there.
const CONNECT: Duration = Duration::from_secs(10);

/// How long nothing may come in. A watch hears something at least once in this time: the API server ends it after five minutes.
const SILENCE: Duration = Duration::from_secs(330);

/// Why a kubeconfig cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AccessError {
    /// Its form.
    #[error("the kubeconfig cannot be read: {0}")]
    Form(String),
    /// What it asks this program to do.
    #[error("the kubeconfig has {0}, which is not followed: it has to hold certificates, keys and tokens themselves")]
    Refused(&'static str),
}

/// Makes a client of the kubeconfig.
///
/// # Errors
/// [`AccessError`], which never holds any of the kubeconfig's data.
pub(super) async fn client(kubeconfig: &[u8]) -> Result<Client, AccessError> {
    let kubeconfig = read(kubeconfig)?;
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
        .await
        .map_err(|error| AccessError::Form(error.to_string()))?;
    config.connect_timeout = Some(CONNECT);
    config.read_timeout = Some(SILENCE);
    config.reset_reader_on_write = true;
    // Whoever asks waits himself, and not for a thousand seconds.
    config.default_retry = false;
    config.headers.push((USER_AGENT, HeaderValue::from_static(NAME)));
    Client::try_from(config).map_err(|error| AccessError::Form(error.to_string()))
}

/// Reads it, and refuses what is not data.
fn read(kubeconfig: &[u8]) -> Result<Kubeconfig, AccessError> {
    let text = std::str::from_utf8(kubeconfig).map_err(|error| AccessError::Form(error.to_string()))?;
    // The error of the parser would quote the text.
    let kubeconfig = Kubeconfig::from_yaml(text).map_err(|_| AccessError::Form("it is no kubeconfig in YAML".to_owned()))?;
    let users = kubeconfig.auth_infos.iter().filter_map(|user| user.auth_info.as_ref());
    let clusters = kubeconfig.clusters.iter().filter_map(|cluster| cluster.cluster.as_ref());
    let refused = users
        .flat_map(|user| {
            [
                (user.exec.is_some(), "an exec plugin"),
                (user.auth_provider.is_some(), "an auth-provider"),
                (user.token_file.is_some(), "a tokenFile"),
                (user.client_certificate.is_some(), "the path of a client-certificate"),
                (user.client_key.is_some(), "the path of a client-key"),
            ]
        })
        .chain(clusters.map(|cluster| (cluster.certificate_authority.is_some(), "the path of a certificate-authority")))
        .find_map(|(is_there, what)| is_there.then_some(what));
    refused.map_or(Ok(kubeconfig), |what| Err(AccessError::Refused(what)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kubeconfig(cluster: &str, user: &str) -> String {
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: c\n\
             clusters: [{{ name: c, cluster: {{ server: 'https://127.0.0.1:1', {cluster} }} }}]\n\
             users: [{{ name: c, user: {{ {user} }} }}]\n\
             contexts: [{{ name: c, context: {{ cluster: c, user: c }} }}]\n"
        )
    }

    #[test]
    fn what_is_no_data_is_refused() {
        let cases = [
            ("", "token: t", None),
            ("insecure-skip-tls-verify: true", "token: t", None),
            ("", "exec: { command: id }", Some("an exec plugin")),
            ("", "auth-provider: { name: gcp, config: {} }", Some("an auth-provider")),
            ("", "tokenFile: /etc/shadow", Some("a tokenFile")),
            ("", "client-certificate: /a", Some("the path of a client-certificate")),
            ("", "client-key: /a", Some("the path of a client-key")),
            (
                "certificate-authority: /a",
                "token: t",
                Some("the path of a certificate-authority"),
            ),
        ];
        for (cluster, user, refused) in cases {
            let read = read(kubeconfig(cluster, user).as_bytes()).map(drop);
            let expected = refused.map_or(Ok(()), |what| Err(AccessError::Refused(what)));
            assert_eq!(read, expected, "{cluster} {user}");
        }
    }

    #[test]
    fn what_is_none_is_told_without_what_it_holds() {
        for text in ["secret-of-mine: [", "just secret-of-mine", "clusters: secret-of-mine"] {
            let error = read(text.as_bytes()).map(drop).unwrap_err().to_string();
            assert!(
                error.contains("no kubeconfig") && !error.contains("secret-of-mine"),
                "{error}"
            );
        }
        assert!(matches!(read(&[0xff]), Err(AccessError::Form(_))));
    }
}
