//! The variables of a template: cloud-init's instance data, as far as it is known here, and the machine's facts.
//!
//! <https://docs.cloudinit.io/en/latest/explanation/instancedata.html>: the standardised keys stand below `v1` and, as aliases, at the
//! top. Those that only a cloud could tell have no value.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use minijinja::value::{Enumerator, Object, Value};

use crate::bootstrap::Variables;
use crate::facts::{Facts, Os};

/// Keys of `v1` whose values are the machine's, unless something else says them.
const OF_THE_MACHINE: &[&str] = &[
    "distro",
    "distro_release",
    "distro_version",
    "kernel_release",
    "local_hostname",
    "machine",
    "system_platform",
    "variant",
];

/// Functions of the template engine, which it looks for among the variables first.
const FUNCTIONS: &[&str] = &["range", "dict", "namespace"];

/// All variables. What is asked for in vain is noted in `asked`.
pub(super) fn context(variables: &Variables, asked: &Asked) -> Value {
    let Variables {
        machine_name,
        instance_id,
        facts,
    } = variables;
    let namespace = |path: &str, entries, later: &'static [&'static str]| {
        Value::from_object(Namespace {
            path: path.to_owned(),
            entries,
            later: if facts.is_some() { &[] } else { later },
            asked: asked.clone(),
        })
    };
    let mut v1: BTreeMap<String, Value> = facts.iter().flat_map(of_the_machine).collect();
    let mut meta_data = BTreeMap::new();
    // The underscored names are aliases of those that have an operator in them.
    for (keys, value) in [
        (["local_hostname", "local-hostname"], machine_name),
        (["instance_id", "instance-id"], instance_id),
    ] {
        for (key, value) in keys.into_iter().zip(std::iter::repeat(value)) {
            if let Some(value) = value {
                v1.insert(key.to_owned(), Value::from(value.as_str()));
                meta_data.insert(key.to_owned(), Value::from(value.as_str()));
            }
        }
    }
    // What cloud-init calls a source of data that is no cloud.
    for key in ["cloud_name", "cloud_id", "platform"] {
        v1.insert(key.to_owned(), Value::from("nocloud"));
    }
    let mut top = v1.clone();
    top.retain(|key, _| !key.contains('-'));
    let meta_data = namespace("ds.meta_data.", meta_data, &[]);
    let known = facts.iter().flat_map(|facts| entries(facts, "facts.", asked)).collect();
    for (key, value) in [
        ("v1", namespace("v1.", v1, OF_THE_MACHINE)),
        (
            "ds",
            namespace("ds.", BTreeMap::from([("meta_data".to_owned(), meta_data)]), &[]),
        ),
        ("facts", namespace("facts.", known, Facts::NAMES)),
    ] {
        top.insert(key.to_owned(), value);
    }
    namespace("", top, OF_THE_MACHINE)
}

/// Facts under the names that they have in JSON. Those that were not told are missing.
fn entries(facts: &Facts, path: &str, asked: &Asked) -> Vec<(String, Value)> {
    match serde_json::to_value(facts) {
        Ok(serde_json::Value::Object(object)) => object
            .into_iter()
            .map(|(key, value)| {
                let value = if let serde_json::Value::Object(inner) = value {
                    Value::from_object(Namespace {
                        path: format!("{path}{key}."),
                        entries: inner.into_iter().map(|(key, value)| (key, plain(value))).collect(),
                        later: &[],
                        asked: asked.clone(),
                    })
                } else {
                    plain(value)
                };
                (key, value)
            })
            .collect(),
        Ok(_) | Err(_) => Vec::new(),
    }
}

/// A value of JSON as one of the template engine.
fn plain(value: serde_json::Value) -> Value {
    match value {
        serde_json::Value::Null => Value::from(()),
        serde_json::Value::Bool(is) => Value::from(is),
        serde_json::Value::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
            (Some(number), _, _) => Value::from(number),
            (None, Some(number), _) => Value::from(number),
            (None, None, number) => Value::from(number),
        },
        serde_json::Value::String(text) => Value::from(text),
        serde_json::Value::Array(list) => list.into_iter().map(plain).collect(),
        serde_json::Value::Object(object) => Value::from(
            object
                .into_iter()
                .map(|(key, value)| (key, plain(value)))
                .collect::<BTreeMap<_, _>>(),
        ),
    }
}

/// The machine's part of `v1`, under cloud-init's names.
fn of_the_machine(facts: &Facts) -> Vec<(String, Value)> {
    let Os {
        id,
        version,
        version_id,
        codename,
        name,
        like: _,
    } = &facts.os;
    let id = id.as_ref().map(|id| id.to_lowercase());
    let machine = facts.architecture.clone();
    let is = |names: &[&str]| id.as_ref().is_some_and(|id| names.iter().any(|name| id.contains(name)));
    // cloud-init takes the codename, and for some systems something else.
    let release = if is(&["suse", "sles"]) {
        machine.clone()
    } else if is(&["alpine", "photon"]) {
        name.clone()
    } else {
        let in_brackets = |version: &String| Some(version.split_once(" (")?.1.strip_suffix(')')?.to_owned());
        codename.clone().or_else(|| version.as_ref().and_then(in_brackets))
    };
    let distro = id.map(|id| if id == "rhel" { "redhat".to_owned() } else { id });
    let platform = facts.kernel.as_ref().map(|kernel| {
        let machine = machine.as_deref().unwrap_or("unknown");
        format!("Linux-{kernel}-{machine}")
    });
    [
        ("distro", distro.clone()),
        ("variant", distro),
        ("distro_version", version_id.clone()),
        ("distro_release", release),
        ("kernel_release", facts.kernel.clone()),
        ("machine", machine),
        ("system_platform", platform),
        // Without a name from meta-data the machine has the one that it has.
        ("local_hostname", facts.hostname.clone()),
    ]
    .into_iter()
    .filter_map(|(key, value)| Some((key.to_owned(), Value::from(value?))))
    .collect()
}

/// Variables of one level, which remember what was asked for in vain: the engine's own errors name a variable only together with the
/// values around it.
#[derive(Debug)]
struct Namespace {
    path: String,
    entries: BTreeMap<String, Value>,
    /// Names that have no value only because the machine has not been asked yet.
    later: &'static [&'static str],
    asked: Asked,
}

impl Object for Namespace {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let key = key.as_str()?;
        if let Some(value) = self.entries.get(key) {
            return Some(value.clone());
        }
        if self.path.is_empty() && FUNCTIONS.contains(&key) {
            return None;
        }
        if self.later.contains(&key) {
            self.asked.need(&self.path, key);
        } else {
            self.asked.miss(&self.path, key);
        }
        None
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        // At the top are all the names there are: nobody means those.
        if !self.later.is_empty() && !self.path.is_empty() {
            self.asked.need(self.path.trim_end_matches('.'), "");
        }
        Enumerator::Values(self.entries.keys().map(|key| Value::from(key.as_str())).collect())
    }
}

/// What was asked for in vain.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked(Arc<Mutex<InVain>>);

#[derive(Debug, Default)]
struct InVain {
    /// The last variable that was not there: its path and its own name.
    last: Option<(String, String)>,
    /// Those that the machine can tell.
    needs: BTreeSet<String>,
}

impl Asked {
    fn miss(&self, path: &str, name: &str) {
        self.with(|in_vain| in_vain.last = Some((path.to_owned(), name.to_owned())));
    }

    fn need(&self, path: &str, name: &str) {
        self.with(|in_vain| in_vain.needs.insert(format!("{path}{name}")));
    }

    /// The last variable that has no value: its path and its own name.
    pub(super) fn last_miss(&self) -> Option<(String, String)> {
        self.with(|in_vain| in_vain.last.clone())
    }

    /// Those whose values the machine can tell, by name.
    pub(super) fn needs(&self) -> Vec<String> {
        self.with(|in_vain| in_vain.needs.iter().cloned().collect())
    }

    fn with<T>(&self, look: impl FnOnce(&mut InVain) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
