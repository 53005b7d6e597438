//! What is said of a RemoteCluster. Pure.
//!
//! Source: <https://cluster-api.sigs.k8s.io/developer/providers/contracts/infra-cluster>

use std::net::IpAddr;

use crds::infrastructure::remote_cluster::ApiEndpoint;

/// What was seen of a RemoteCluster and of its Cluster.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen<'a> {
    /// `spec.controlPlaneEndpoint`
    pub(crate) endpoint: Option<&'a ApiEndpoint>,
    /// Whether Cluster API has made a Cluster its owner.
    pub(crate) has_owner: bool,
    /// Whether it carries the annotation `cluster.x-k8s.io/managed-by`: then somebody else reports of it.
    pub(crate) is_managed_by_others: bool,
    /// Whether it is about to go.
    pub(crate) is_deleting: bool,
    /// Whether it or its Cluster is paused.
    pub(crate) paused: Option<Pause>,
    /// Whether it was provisioned before, which it stays.
    pub(crate) was_provisioned: bool,
}

/// Who has paused it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pause {
    /// `spec.paused` of the Cluster.
    Cluster,
    /// The annotation `cluster.x-k8s.io/paused`.
    Annotation,
}

/// What its status is to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Report {
    /// `status.initialization.provisioned`; none as long as it was never true.
    pub(crate) provisioned: Option<bool>,
    /// Condition Ready; none where it stays as it is.
    pub(crate) ready: Option<Ready>,
    /// Condition Paused.
    pub(crate) paused: Option<Pause>,
}

/// The condition Ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ready {
    pub(crate) is_true: bool,
    pub(crate) reason: &'static str,
    pub(crate) message: String,
}

impl Ready {
    fn yes(message: impl Into<String>) -> Self {
        Self {
            is_true: true,
            reason: "Ready",
            message: message.into(),
        }
    }

    fn no(reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            is_true: false,
            reason,
            message: message.into(),
        }
    }
}

/// What is to be said; nothing where it is not ours to say anything.
pub(crate) fn decide(seen: &Seen<'_>) -> Option<Report> {
    if seen.is_managed_by_others {
        return None;
    }
    let kept = seen.was_provisioned.then_some(true);
    if seen.paused.is_some() {
        return Some(Report {
            provisioned: kept,
            ready: None,
            paused: seen.paused,
        });
    }
    let ready = if seen.is_deleting {
        Ready::no("Deleting", "the Cluster is being deleted")
    } else if !seen.has_owner {
        Ready::no(
            "WaitingForCluster",
            "no Cluster owns it yet: name it in spec.infrastructureRef of one",
        )
    } else {
        match endpoint(seen.endpoint) {
            Ok(message) => Ready::yes(message),
            Err(fault) => Ready::no("InvalidEndpoint", fault),
        }
    };
    Some(Report {
        provisioned: if ready.is_true { Some(true) } else { kept },
        ready: Some(ready),
        paused: None,
    })
}

/// What there is to be said of the endpoint.
///
/// # Errors
/// Which field is wrong, and what it takes.
fn endpoint(endpoint: Option<&ApiEndpoint>) -> Result<String, String> {
    let Some(endpoint) = endpoint else {
        return Ok("spec.controlPlaneEndpoint is left to the control plane".to_owned());
    };
    match (endpoint.host.as_deref().filter(|host| !host.is_empty()), endpoint.port) {
        (None, None) => Ok("spec.controlPlaneEndpoint is left to the control plane".to_owned()),
        (Some(host), None) => Err(format!(
            "spec.controlPlaneEndpoint.port is missing beside the host {host}: Cluster API takes both or none; it is 6443 as a rule"
        )),
        (None, Some(port)) => Err(format!(
            "spec.controlPlaneEndpoint.host is missing beside the port {port}: Cluster API takes both or none"
        )),
        (Some(host), Some(port)) => {
            is_host(host)?;
            if !(1..=65535).contains(&port) {
                return Err(format!("spec.controlPlaneEndpoint.port {port} is no port: 1 to 65535"));
            }
            let host = if host.contains(':') {
                format!("[{host}]")
            } else {
                host.to_owned()
            };
            Ok(format!("the API server is expected at {host}:{port}"))
        }
    }
}

/// A DNS name (RFC 1123, section 2.1) or an IP address, without brackets.
fn is_host(host: &str) -> Result<(), String> {
    let wrong = |why: &str| {
        Err(format!(
            "spec.controlPlaneEndpoint.host {host:?} {why}: it takes an IP address or a DNS name"
        ))
    };
    if host.parse::<IpAddr>().is_ok() {
        return Ok(());
    }
    if host.contains("://") || host.contains('/') {
        return wrong("is a URL");
    }
    if host.starts_with('[') {
        return wrong("has brackets, which an IPv6 address has only before a port");
    }
    if host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok()) {
        return wrong("has a port, which belongs into spec.controlPlaneEndpoint.port");
    }
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let name = host.strip_suffix('.').unwrap_or(host);
    if name.len() <= 253 && name.split('.').all(is_label) {
        Ok(())
    } else {
        wrong("is neither")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(host: Option<&str>, port: Option<i32>) -> String {
        let endpoint = ApiEndpoint {
            host: host.map(str::to_owned),
            port,
        };
        let seen = Seen {
            endpoint: Some(&endpoint),
            has_owner: true,
            ..Seen::default()
        };
        let report = decide(&seen).unwrap();
        let ready = report.ready.unwrap();
        assert_eq!(report.provisioned, ready.is_true.then_some(true));
        format!("{}: {}", ready.reason, ready.message)
    }

    #[test]
    fn endpoints() {
        let cases = [
            (
                Some("10.0.0.1"),
                Some(6443),
                "Ready: the API server is expected at 10.0.0.1:6443",
            ),
            (
                Some("fd00::1"),
                Some(6443),
                "Ready: the API server is expected at [fd00::1]:6443",
            ),
            (
                Some("api.example.org"),
                Some(443),
                "Ready: the API server is expected at api.example.org:443",
            ),
            (None, None, "Ready: spec.controlPlaneEndpoint is left to the control plane"),
            (
                Some("10.0.0.1"),
                None,
                "InvalidEndpoint: spec.controlPlaneEndpoint.port is missing beside the host 10.0.0.1: Cluster API takes both or \
                 none; it is 6443 as a rule",
            ),
            (
                None,
                Some(6443),
                "InvalidEndpoint: spec.controlPlaneEndpoint.host is missing beside the port 6443: Cluster API takes both or none",
            ),
            (
                Some("https://api.example.org"),
                Some(6443),
                "InvalidEndpoint: spec.controlPlaneEndpoint.host \"https://api.example.org\" is a URL: it takes an IP address or a \
                 DNS name",
            ),
            (
                Some("api.example.org:6443"),
                Some(6443),
                "InvalidEndpoint: spec.controlPlaneEndpoint.host \"api.example.org:6443\" has a port, which belongs into \
                 spec.controlPlaneEndpoint.port: it takes an IP address or a DNS name",
            ),
            (
                Some("[fd00::1]"),
                Some(6443),
                "InvalidEndpoint: spec.controlPlaneEndpoint.host \"[fd00::1]\" has brackets, which an IPv6 address has only before \
                 a port: it takes an IP address or a DNS name",
            ),
            (
                Some("not a host"),
                Some(6443),
                "InvalidEndpoint: spec.controlPlaneEndpoint.host \"not a host\" is neither: it takes an IP address or a DNS name",
            ),
            (
                Some("10.0.0.1"),
                Some(0),
                "InvalidEndpoint: spec.controlPlaneEndpoint.port 0 is no port: 1 to 65535",
            ),
        ];
        for (host, port, expected) in cases {
            assert_eq!(says(host, port), expected);
        }
    }

    #[test]
    fn circumstances() {
        let ready = |seen: &Seen<'_>| decide(seen).map(|report| (report.ready.map(|ready| ready.reason), report.provisioned));
        let fine = Seen {
            has_owner: true,
            ..Seen::default()
        };
        assert_eq!(ready(&fine), Some((Some("Ready"), Some(true))));
        let lonely = Seen::default();
        assert_eq!(ready(&lonely), Some((Some("WaitingForCluster"), None)));
        let others = Seen {
            is_managed_by_others: true,
            ..fine.clone()
        };
        assert_eq!(ready(&others), None);
        let paused = Seen {
            paused: Some(Pause::Cluster),
            was_provisioned: true,
            ..fine.clone()
        };
        assert_eq!(ready(&paused), Some((None, Some(true))));
        let going = Seen {
            is_deleting: true,
            was_provisioned: true,
            ..fine
        };
        assert_eq!(ready(&going), Some((Some("Deleting"), Some(true))));
    }
}
