//! Cluster API and its providers: CRDs and webhooks as clusterctl would install them, with the webhooks at an address
//! instead of a Service.

use super::arguments::{cluster_api, health_port};
use super::built::{Module, folder, program};
use super::{ControlPlane, LIMIT, Part, Provider};
use crate::error::TestbedError;
use crate::program::succeed;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

impl ControlPlane {
    pub(super) fn start_cluster_api(&mut self, providers: &[Provider]) -> Result<(), TestbedError> {
        if !providers.is_empty() && !providers.contains(&Provider::Core) {
            // The others watch its kinds.
            self.install_crds(Provider::Core)?;
        }
        for provider in providers {
            let port = free_port()?;
            self.webhooks.push((*provider, port));
            self.install_crds(*provider)?;
        }
        for provider in providers {
            self.apply(
                &json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": provider.namespace() } }).to_string(),
            )?;
            let part = Part::ClusterApi(*provider);
            let program = program(Module::ClusterApi, part.program())?;
            let arguments = cluster_api(*provider, self.own.get(), self.webhook_port(*provider));
            self.launch(part, &program, &arguments)?;
        }
        for provider in providers {
            self.wait_for_provider(*provider)?;
            self.install_webhooks(*provider)?;
        }
        Ok(())
    }

    /// Applies the CRDs of Cluster API or of a provider, and waits until they are served. Their conversion needs the provider
    /// to run.
    ///
    /// # Errors
    /// When they are not built or not accepted.
    pub fn install_crds(&self, provider: Provider) -> Result<(), TestbedError> {
        let mut list = self.objects(&manifests(provider)?.join("crds"))?;
        for crd in items(&mut list) {
            let url = self.webhook_url(provider, "/convert");
            set(crd, "/metadata/labels/cluster.x-k8s.io~1provider", json!(provider.label()));
            set(crd, "/metadata/labels/clusterctl.cluster.x-k8s.io", json!(""));
            for contract in ["v1beta1", "v1beta2"] {
                set(
                    crd,
                    &format!("/metadata/labels/cluster.x-k8s.io~1{contract}"),
                    json!(contract),
                );
            }
            let client = json!({ "url": url, "caBundle": STANDARD.encode(&self.authority) });
            let webhook = json!({ "conversionReviewVersions": ["v1"], "clientConfig": client });
            set(crd, "/spec/conversion", json!({ "strategy": "Webhook", "webhook": webhook }));
        }
        self.apply(&list.to_string())?;
        let label = format!("cluster.x-k8s.io/provider={}", provider.label());
        self.wait("condition=Established", &["customresourcedefinitions", "-l", &label])
    }

    fn install_webhooks(&self, provider: Provider) -> Result<(), TestbedError> {
        let mut list = self.objects(&manifests(provider)?.join("webhooks"))?;
        for configuration in items(&mut list) {
            let name = format!("{}-{}", provider.label(), text(configuration, "/metadata/name"));
            set(configuration, "/metadata/name", json!(name));
            for webhook in configuration
                .pointer_mut("/webhooks")
                .and_then(Value::as_array_mut)
                .into_iter()
                .flatten()
            {
                let url = self.webhook_url(provider, text(webhook, "/clientConfig/service/path"));
                set(
                    webhook,
                    "/clientConfig",
                    json!({ "url": url, "caBundle": STANDARD.encode(&self.authority) }),
                );
            }
        }
        self.apply(&list.to_string()).map(drop)
    }

    /// Manifests of a folder as a JSON list. kubectl reads the YAML; it asks no server.
    fn objects(&self, folder: &std::path::Path) -> Result<Value, TestbedError> {
        let path = folder.display().to_string();
        let mut command = self.kubectl_command();
        command.args(["create", "--dry-run=client", "--validate=false", "-o", "json", "-f", &path]);
        let output = succeed(&mut command, b"", "kubectl create --dry-run=client")?;
        let mut objects = serde_json::Deserializer::from_slice(&output.stdout).into_iter::<Value>();
        let objects: Result<Vec<Value>, _> = objects.by_ref().collect();
        let objects = objects.map_err(|error| TestbedError::Spec(format!("{path} holds no manifests: {error}")))?;
        Ok(json!({ "apiVersion": "v1", "kind": "List", "items": objects }))
    }

    fn webhook_url(&self, provider: Provider, path: &str) -> String {
        format!("https://{}:{}{path}", self.own.get(), self.webhook_port(provider))
    }

    /// The discard port (RFC 863), where nobody answers, for a provider that does not run.
    fn webhook_port(&self, provider: Provider) -> u16 {
        let found = self.webhooks.iter().find(|(its, _)| *its == provider);
        found.map_or(9, |(_, port)| *port)
    }

    /// Ready is when its webhooks answer, and its caches are filled.
    pub(super) fn wait_for_provider(&self, provider: Provider) -> Result<(), TestbedError> {
        let health = SocketAddr::from((self.own.get(), health_port(provider)));
        self.cage
            .wait_for(Part::ClusterApi(provider), "ready", LIMIT, || is_ready(health).then_some(()))
    }
}

/// A port that is free on every address, as Cluster API's controllers listen on all of them. Linux does not soon give the same
/// one again.
fn free_port() -> Result<u16, TestbedError> {
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).map_err(TestbedError::io("bind a free port"))?;
    let address = listener.local_addr().map_err(TestbedError::io("see which port is free"))?;
    Ok(address.port())
}

fn manifests(provider: Provider) -> Result<PathBuf, TestbedError> {
    let name = match provider {
        Provider::Core => "core",
        Provider::KubeadmBootstrap => "bootstrap-kubeadm",
        Provider::KubeadmControlPlane => "controlplane-kubeadm",
    };
    Ok(folder(Module::ClusterApi)?.join("manifests").join(name))
}

/// Every object in lists, which kubectl makes of a folder, one in the other.
fn items(list: &mut Value) -> Vec<&mut Value> {
    let mut found = Vec::new();
    let mut open = vec![list];
    while let Some(value) = open.pop() {
        if value.get("items").is_some_and(Value::is_array) {
            open.extend(value.get_mut("items").and_then(Value::as_array_mut).into_iter().flatten());
        } else {
            found.push(value);
        }
    }
    found
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// Sets a value at a JSON pointer (RFC 6901) through objects, which are made where there are none.
fn set(value: &mut Value, pointer: &str, new: Value) {
    let mut at = value;
    for step in pointer.split('/').skip(1) {
        let step = step.replace("~1", "/").replace("~0", "~");
        if !at.is_object() {
            *at = json!({});
        }
        let Some(object) = at.as_object_mut() else { return };
        at = object.entry(step).or_insert(Value::Null);
    }
    *at = new;
}

/// Whether `/readyz` answers 200 (controller-runtime's health endpoint, plain HTTP).
fn is_ready(address: SocketAddr) -> bool {
    let ask = || -> std::io::Result<String> {
        let limit = Duration::from_secs(5);
        let mut stream = TcpStream::connect_timeout(&address, limit)?;
        stream.set_read_timeout(Some(limit))?;
        stream.write_all(b"GET /readyz HTTP/1.0\r\n\r\n")?;
        let mut answer = String::new();
        stream.take(4096).read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.split(' ').nth(1) == Some("200"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_set_through_missing_objects() {
        let mut value = json!({ "metadata": { "name": "a" }, "spec": null });
        set(&mut value, "/metadata/labels/x~1y", json!("z"));
        set(&mut value, "/spec/a/b", json!(1));
        assert_eq!(
            value,
            json!({ "metadata": { "name": "a", "labels": { "x/y": "z" } }, "spec": { "a": { "b": 1 } } })
        );
    }

    #[test]
    fn lists_may_hold_lists() {
        let mut list = json!({ "items": [{ "items": [{ "kind": "A" }] }, { "kind": "B" }] });
        let mut kinds: Vec<String> = items(&mut list).iter().map(|item| text(item, "/kind").to_owned()).collect();
        kinds.sort();
        assert_eq!(kinds, ["A", "B"]);
    }
}
