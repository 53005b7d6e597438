//! What the API server refuses, with the way out.

use serde_json::{Value, json};

use crate::schema::Rule;

/// Of a file. One of which nothing is said is empty.
pub(crate) const FILE: [Rule; 1] = [Rule::new(
    "!has(self.content) || size(self.content) == 0 || !has(self.contentFrom)",
    "give what the file holds once: either in content, or by contentFrom",
)];

/// Of where a text is taken from.
pub(crate) const CONTENT_SOURCE: [Rule; 1] = [Rule::new(
    "has(self.secretRef) != has(self.configMapRef)",
    "name one source: either secretRef or configMapRef",
)];

/// Of the version of a worker.
pub(crate) const VERSION: [Rule; 1] = [Rule::new(
    "!self.contains('-k0s.')",
    "version is written with a plus, such as v1.34.2+k0s.0, not with -k0s.",
)];

/// Of a provisioner.
pub(crate) const PROVISIONER: [Rule; 1] = [Rule::new(
    "!has(self.type) || self.type != 'ignition' || has(self.ignition)",
    "type ignition needs ignition.variant and ignition.version",
)];

/// Of the files of a K0sWorkerConfig; what a control plane or a template says of files was never looked at as closely.
const FILES: [Rule; 2] = [
    Rule::new(
        "self.all(file, has(file.content) || has(file.contentFrom))",
        "give what each file holds: in content, or by contentFrom",
    ),
    Rule::new(
        "self.all(file, !has(file.path) || self.exists_one(other, has(other.path) && other.path == file.path))",
        "two files have the same path: give each path once",
    ),
];

/// Of a K0sWorkerConfig, in v1beta2: v1beta1 knows Linux only. k0s runs on Windows from that version on.
const WINDOWS: Rule = Rule::new(
    "!has(self.provisioner) || !has(self.provisioner.platform) || self.provisioner.platform != 'windows' || \
     has(self.version) && self.version.matches('^v?(1[.]34[.](2([+]|$)|[3-9]|[1-9][0-9])|\
1[.](3[5-9]|[4-9][0-9]|[1-9][0-9]{2})|[2-9]|[1-9][0-9])')",
    "a Windows worker needs version v1.34.2+k0s.0 or later: set it here",
);

/// The rules of a K0sWorkerConfig, and the bounds without which the API server would not count on the time that they take.
pub(crate) fn add_for_worker(spec: &mut Value) {
    if let Some(Value::Object(files)) = spec.pointer_mut("/properties/files") {
        files.insert("maxItems".to_owned(), json!(200));
    }
    if let Some(Value::Object(path)) = spec.pointer_mut("/properties/files/items/properties/path") {
        path.insert("maxLength".to_owned(), json!(512));
    }
    Rule::add(&FILES, spec, "/properties/files");
    if spec.pointer("/properties/provisioner").is_some() {
        Rule::add(&[WINDOWS], spec, "");
    }
}
