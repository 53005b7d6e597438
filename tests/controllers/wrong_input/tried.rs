//! The cases, tried on real machines: what is said of each, and that it comes right by itself once it is mended.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Mutex;
use std::time::Instant;

use serde_json::{Value, json};
use testbed::{Machine as Host, Shell, SudoRule};

use super::cases::{Case, On, cases};
use super::golden;
use crate::controller_lab::{Controller, WATCHDOG};
use crate::golden::{Placeholders, compare, replace_after, report};
use crate::lab::machine;
use crate::remote_machines::ssh_key;
use crate::site::{COUNTS, Site};

/// Machines that the cases share, each of them one case at a time.
const HOSTS: usize = 6;

const GROUP: &str = "infrastructure.cluster.x-k8s.io/v1beta2";

#[test]
fn what_is_wrong_is_told_with_its_field_and_comes_right_once_it_is_mended() {
    let site = Site::new("wrong-input");
    site.cluster();
    let controller = Controller::start(site.name(), &[]);
    let mut left = Vec::new();
    for (number, case) in cases().into_iter().enumerate() {
        let kinds: &[&str] = match case.on {
            On::Machine => &["RemoteMachine", "PooledRemoteMachine"],
            On::Alone | On::Claim | On::Data => &["RemoteMachine"],
            On::Entry => &["PooledRemoteMachine"],
        };
        left.extend(kinds.iter().map(|kind| (number, *kind)));
    }
    left.reverse();
    let (left, said) = (Mutex::new(left), Mutex::new(BTreeMap::new()));
    let other_key = ssh_key();
    std::thread::scope(|scope| {
        for _ in 0..HOSTS {
            scope.spawn(|| {
                let host = machine(Shell::Dash, SudoRule::Password("right".to_owned()));
                loop {
                    let Some((number, kind)) = left.lock().unwrap().pop() else {
                        return;
                    };
                    let all = cases();
                    let trial = Trial::new(&site, &host, &all[number], kind, &other_key);
                    let began = Instant::now();
                    let told = trial.run();
                    println!("{}: {:.1?}", trial.name, began.elapsed());
                    said.lock().unwrap().insert((kind, number), told);
                }
            });
        }
    });
    let said: BTreeMap<(&str, usize), Result<String, String>> = said.into_inner().unwrap();
    let mut failures: Vec<String> = said.values().filter_map(|told| told.clone().err()).collect();
    for kind in ["RemoteMachine", "PooledRemoteMachine"] {
        let of_kind = said.iter().filter(|((of, _), _)| *of == kind);
        let text: Vec<&str> = of_kind.filter_map(|(_, told)| told.as_deref().ok()).collect();
        failures.extend(compare(&golden(kind), &text.join("\n")).err());
    }
    report(&failures);
    assert!(!controller.has_said("panicked"));
}

/// A case on its way.
struct Trial<'a> {
    site: &'a Site,
    host: &'a Host,
    case: &'a Case,
    /// Whether the machine is that of an entry of a pool.
    is_pooled: bool,
    /// Of all its objects.
    name: String,
    values: Vec<(&'static str, String)>,
}

impl<'a> Trial<'a> {
    fn new(site: &'a Site, host: &'a Host, case: &'a Case, kind: &str, other_key: &str) -> Self {
        let name = case.name.replace(',', "").replace(' ', "-").to_lowercase();
        let short = if kind == "RemoteMachine" { "rm" } else { "prm" };
        let name = format!("{short}-{name}");
        let key = std::fs::read_to_string(crate::lab::key()).unwrap();
        let values = vec![
            ("@NAME@", name.clone()),
            ("@ADDRESS@", host.address().to_string()),
            ("@HOST_KEY@", host.host_key().to_owned()),
            ("@KEY@", key),
            ("@OTHER_KEY@", other_key.to_owned()),
        ];
        Self {
            site,
            host,
            case,
            is_pooled: kind == "PooledRemoteMachine" || case.on == On::Claim,
            name,
            values,
        }
    }

    /// With what stands for something only known now.
    fn filled(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => {
                let fill = |text: String, (name, value): &(&str, String)| text.replace(name, value);
                self.values.iter().fold(text.clone(), fill).into()
            }
            Value::Array(all) => all.iter().map(|value| self.filled(value)).collect(),
            Value::Object(all) => {
                let all = all.iter().map(|(name, value)| (name.clone(), self.filled(value)));
                Value::Object(all.collect())
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        }
    }

    /// A Secret, if there is to be one.
    fn secret(&self, name: &str, data: &Value) -> Option<Value> {
        (!data.is_null()).then(
            || json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name }, "stringData": self.filled(data) }),
        )
    }

    /// A spec with what is wrong laid over it, where that is what is wrong.
    fn laid(&self, on: &[On], mut spec: Value) -> Value {
        if on.contains(&self.case.on) {
            for (name, value) in self.case.wrong.as_object().into_iter().flatten() {
                if value.is_null() {
                    spec.as_object_mut().unwrap().remove(name);
                } else {
                    spec[name] = value.clone();
                }
            }
        }
        self.filled(&spec)
    }

    /// What is said, or what did not come.
    fn run(&self) -> Result<String, String> {
        self.begin();
        let mut text = format!("== {}\n", self.case.name);
        let _ = writeln!(text, "{}", self.shown(self.case.on == On::Data, &self.case.wrong));
        if let Some([wrong, _]) = &self.case.secret {
            let _ = writeln!(text, "{}", self.shown(true, wrong));
        }
        self.until(self.case.reason, &mut text)?;
        if self.is_pooled {
            let _ = writeln!(text, "PooledRemoteMachine: {}", indented(&self.ready("prm")));
        }
        self.mend();
        let _ = writeln!(text, "mended by");
        if !self.case.mend.is_null() {
            let _ = writeln!(text, "{}", self.shown(self.case.on == On::Data, &self.case.mend));
        }
        if let Some([wrong, right]) = self.case.secret.as_ref().filter(|[wrong, right]| wrong != right) {
            let _ = (wrong, writeln!(text, "{}", self.shown(true, right)));
        }
        self.until("Ready", &mut String::new())?;
        let (remote_machine, entry) = (format!("rm/{}", self.name), format!("prm/{}", self.name));
        let all = ["delete", "--timeout=100s", &remote_machine, &entry];
        let all = if self.is_pooled { &all[..] } else { &all[..3] };
        self.site.namespace.kubectl(all).unwrap();
        Ok(self.hidden(&text))
    }

    /// Makes all objects.
    fn begin(&self) {
        let machine = json!({
            "address": "@ADDRESS@", "port": 22, "user": "root", "sshKeyRef": { "name": "key" }, "timeouts": { "connectSeconds": 3 },
        });
        let machine = self.laid(&[On::Machine, On::Alone], machine);
        let data = format!("{}-data", self.name);
        let right = json!({ "value": self.case.data.unwrap_or(COUNTS), "format": "cloud-config" });
        let bootstrap = if self.case.on == On::Data { &self.case.wrong } else { &right };
        let wrong = self.case.secret.as_ref().map_or(&Value::Null, |[wrong, _]| wrong);
        let secrets = [(&data, bootstrap), (&self.name, wrong)].into_iter();
        let mut all: Vec<Value> = secrets.filter_map(|(name, data)| self.secret(name, data)).collect();
        let reference = json!({ "apiGroup": "infrastructure.cluster.x-k8s.io", "kind": "RemoteMachine", "name": self.name });
        all.push(json!({
            "apiVersion": "cluster.x-k8s.io/v1beta2", "kind": "Machine", "metadata": { "name": self.name },
            "spec": { "clusterName": "c", "bootstrap": { "dataSecretName": data }, "infrastructureRef": reference },
        }));
        let mut spec = machine.clone();
        if self.is_pooled {
            let entry = json!({ "pool": "@NAME@", "failureDomain": "rack-1", "machine": machine });
            all.push(json!({
                "apiVersion": GROUP, "kind": "PooledRemoteMachine", "metadata": { "name": self.name },
                "spec": self.laid(&[On::Entry], entry),
            }));
            spec = self.laid(&[On::Claim], json!({ "pool": "@NAME@", "failureDomain": "rack-1" }));
        }
        self.site.apply(json!({ "apiVersion": "v1", "kind": "List", "items": all }));
        let owner = json!({
            "apiVersion": "cluster.x-k8s.io/v1beta2", "kind": "Machine", "name": self.name, "controller": true,
            "uid": self.site.get(&format!("machine/{}", self.name), "{.metadata.uid}"),
        });
        self.site.apply(json!({
            "apiVersion": GROUP, "kind": "RemoteMachine", "metadata": { "name": self.name, "ownerReferences": [owner] }, "spec": spec,
        }));
    }

    fn mend(&self) {
        if let Some([_, right]) = &self.case.secret {
            self.secret(&self.name, right)
                .into_iter()
                .for_each(|secret| self.site.apply(secret));
        }
        let mend = self.filled(&self.case.mend);
        if mend.is_null() {
            return;
        }
        let (remote_machine, entry) = (format!("rm/{}", self.name), format!("prm/{}", self.name));
        match self.case.on {
            On::Data => {
                let data = self.secret(&format!("{}-data", self.name), &self.case.mend);
                self.site.apply(data.unwrap());
            }
            On::Machine if self.is_pooled => self.site.patch(&entry, &json!({ "spec": { "machine": mend } })),
            On::Entry => self.site.patch(&entry, &json!({ "spec": mend })),
            On::Machine | On::Alone | On::Claim => self.site.patch(&remote_machine, &json!({ "spec": mend })),
        }
    }

    /// Reason and message of the condition Ready.
    fn ready(&self, kind: &str) -> String {
        let path = "{.status.conditions[?(@.type==\"Ready\")]['reason','message']}";
        self.site.get(&format!("{kind}/{}", self.name), path)
    }

    /// Waits until the condition Ready has this reason, and adds what it says.
    fn until(&self, reason: &str, text: &mut String) -> Result<(), String> {
        let what = format!("rm/{}", self.name);
        let condition = format!("jsonpath={{.status.conditions[?(@.type==\"Ready\")].reason}}={reason}");
        let timeout = format!("--timeout={}s", WATCHDOG.as_secs());
        let waited = self.site.namespace.kubectl(&["wait", "--for", &condition, &what, &timeout]);
        let ready = self.ready("rm");
        if waited.is_err() || ready.split(' ').next() != Some(reason) {
            return Err(format!("{}: not {reason}: {:#}", self.name, self.site.object(&what)));
        }
        let _ = writeln!(text, "RemoteMachine: {}", indented(&ready));
        Ok(())
    }

    /// What was given, in words.
    fn shown(&self, is_secret: bool, value: &Value) -> String {
        let place = match self.case.on {
            _ if is_secret => "Secret".to_owned(),
            On::Machine if self.is_pooled => "PooledRemoteMachine spec.machine".to_owned(),
            On::Entry => "PooledRemoteMachine spec".to_owned(),
            On::Machine | On::Alone | On::Claim | On::Data => "RemoteMachine spec".to_owned(),
        };
        let value = if value.is_null() {
            "not there".to_owned()
        } else {
            value.to_string()
        };
        format!("    {place}: {value}")
    }

    /// Without what differs from run to run.
    fn hidden(&self, text: &str) -> String {
        let mut places = Placeholders::default();
        places.hide(self.host.address(), "<ADDRESS>");
        places.hide(self.site.name(), "<NAMESPACE>");
        places.hide(&self.name, "<NAME>");
        let text = replace_after(&places.apply(text), "tried again at ", |c| !",\n".contains(c), "<TIME>");
        // On a busy machine it was tried again by now.
        replace_after(&text, "    attempt ", |c| c.is_ascii_digit(), "<NUMBER>")
    }
}

fn indented(ready: &str) -> String {
    let (reason, message) = ready.split_once(' ').unwrap_or((ready, ""));
    let lines: Vec<String> = message.lines().map(|line| format!("    {line}")).collect();
    format!("{reason}\n{}", lines.join("\n"))
}
