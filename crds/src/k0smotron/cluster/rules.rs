//! What the API server refuses, with the way out.

use serde_json::Value;

use crate::schema::Rule;
use crate::shared::k0s_version::SKEW;

/// Of the image of k0s.
pub(crate) const IMAGE: [Rule; 1] = [Rule::new(
    "!self.matches('.*:[^/]+$')",
    "image is named without a tag: the tag is made from version",
)];

/// Of an ingress, in both versions. Not of templates, whose version comes with the cluster.
const INGRESS: Rule = Rule::new(
    "!has(self.ingress) || !has(self.version) || \
     self.version.matches('^v?[0-9]+([.][0-9]+){0,2}([-+][0-9A-Za-z.+-]+)?$') && \
     !self.version.matches('^v?1[.]34([.]0)?([-+]|$)')",
    "an ingress needs a version that it works with: not v1.34.0, but v1.34.1+k0s.0 or later, or one before v1.34",
);

/// Of NATS, in v1beta2: v1beta1 has no field for it.
const NATS: Rule = Rule::new(
    "!has(self.storage) || !has(self.storage.type) || self.storage.type != 'nats' || \
     has(self.replicas) == has(oldSelf.replicas) && (!has(self.replicas) || self.replicas == oldSelf.replicas)",
    "replicas cannot be changed with NATS as storage: make a new control plane",
);

/// Of a control plane by Cluster API, whose version has no default.
const VERSION_OF_INGRESS: Rule = Rule::new(
    "!has(self.ingress) || has(self.version) || \
     oldSelf.hasValue() && has(oldSelf.value().ingress) && !has(oldSelf.value().version)",
    "set version: an ingress does not work with all of them",
)
.unless_so_before();

/// The rules of a control plane that runs as pods, whoever asks for it.
pub(crate) fn add(spec: &mut Value) {
    Rule::add(&[INGRESS], spec, "");
    if spec.pointer("/properties/storage").is_some() {
        Rule::add(&[NATS], spec, "");
    }
}

/// Those that there are only with Cluster API.
pub(crate) fn add_for_cluster_api(spec: &mut Value) {
    add(spec);
    Rule::add(&[VERSION_OF_INGRESS], spec, "");
    Rule::add(&[SKEW], spec, "/properties/version");
}
