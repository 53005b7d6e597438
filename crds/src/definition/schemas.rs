//! The schemas of all kinds, made once: a webhook looks at them for each object.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::Value;

use super::{Definition, Version};
use crate::KINDS;

/// The schemas of a kind in one version.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Schemas {
    /// Of the spec.
    pub spec: Value,
    /// Of the status, where there is one.
    pub status: Option<Value>,
}

static ALL: LazyLock<BTreeMap<(&str, &str, Version), Schemas>> = LazyLock::new(|| {
    let mut all = BTreeMap::new();
    for definition in KINDS {
        for version in Version::ALL {
            let served = definition.served(version);
            let schemas = Schemas {
                spec: (served.spec)(),
                status: served.status.map(|status| status()),
            };
            all.insert((definition.group, definition.kind, version), schemas);
        }
    }
    all
});

static NONE: Schemas = Schemas {
    spec: Value::Null,
    status: None,
};

impl Definition {
    /// The schemas of the kind in that version; for a definition that is not in [`KINDS`], schemas that take nothing.
    pub fn schemas(&self, version: Version) -> &'static Schemas {
        ALL.get(&(self.group, self.kind, version)).unwrap_or(&NONE)
    }
}
