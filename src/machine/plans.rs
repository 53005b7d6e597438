//! Bootstrap data to plans: from the Secret that a Machine names, or from `--bootstrap-data`.

use remote::plan::Policy;
use remote::script::instance_id;

use super::Reading;
use super::later::{Data, Planned, Source};
use crate::input::Problem;
use crate::manifest::{Key, Machine as MachineObject, RemoteMachine};

impl Reading<'_> {
    /// The plan of a RemoteMachine: from the Secret that its Machine names, else from `--bootstrap-data`.
    pub(super) fn plan_of(&mut self, remote_machine: &RemoteMachine, policy: Policy) -> Option<Planned> {
        let RemoteMachine { key, place, .. } = remote_machine;
        let is_its = |machine: &&MachineObject| {
            machine.remote_machine.as_ref() == Some(&key.name) && machine.key.namespace == key.namespace
        };
        let machines: Vec<_> = self.objects.machines.iter().filter(is_its).collect();
        let machine = match machines.as_slice() {
            [] => {
                let Some((source, data)) = self.data.clone() else {
                    if self.has_files() {
                        return self.plan(Source::none(), Some(key.name.clone()), &key.to_string(), &policy);
                    }
                    let what = "no Machine in the input has it as its infrastructureRef; add one, or give --bootstrap-data";
                    self.problems.push(place.problem(format!("RemoteMachine {key}: {what}")));
                    return None;
                };
                return self.plan(
                    Source::of_file(source, data),
                    Some(key.name.clone()),
                    &key.to_string(),
                    &policy,
                );
            }
            [machine] => machine,
            [first, second, ..] => {
                let what = format!(
                    "RemoteMachine {key} is the infrastructureRef of two Machines, {} and {}",
                    first.key, second.key
                );
                self.problems.push(place.problem(what));
                return None;
            }
        };
        let Some(name) = &machine.data_secret_name else {
            let what = format!(
                "Machine {}: spec.bootstrap.dataSecretName is missing: its bootstrap provider has made no data yet; read the Machine again once it has",
                machine.key
            );
            self.problems.push(machine.place.problem(what));
            return None;
        };
        let secret_key = Key {
            namespace: machine.key.namespace.clone(),
            name: name.clone(),
        };
        let Some(secret) = self.objects.secrets.get(&secret_key) else {
            let what = format!("Machine {}: there is no Secret {secret_key} in the input", machine.key);
            self.problems.push(machine.place.problem(what));
            return None;
        };
        let source = match Source::of_secret(&secret_key, secret, machine.place.source()) {
            Ok(source) => source,
            Err(what) => {
                self.problems
                    .push(machine.place.problem(format!("Machine {}: {what}", machine.key)));
                return None;
            }
        };
        self.plan(source, Some(key.name.clone()), &key.to_string(), &policy)
    }

    pub(super) fn plan(&mut self, source: Source, machine_name: Option<String>, owner: &str, policy: &Policy) -> Option<Planned> {
        let data = Data {
            source,
            contents: self.contents.clone(),
            vendor_data: self.vendor_data.clone(),
            machine_name,
            instance_id: instance_id(owner).to_owned(),
            policy: policy.clone(),
            fetches_late: false,
            strict: self.bootstrap.is_some_and(|args| args.strict),
        };
        match data.planned() {
            Ok((planned, notes)) => {
                for note in notes {
                    if !self.fleet.notes.contains(&note) {
                        self.fleet.notes.insert(self.fleet.unsupported, note);
                        self.fleet.unsupported += 1;
                    }
                }
                Some(match planned {
                    Planned::Now(plan) => Planned::Now(self.plans.entry(plan.id().to_owned()).or_insert(plan).clone()),
                    Planned::AfterFacts(later) => Planned::AfterFacts(later),
                })
            }
            Err(problem) => {
                self.problem_once(problem);
                None
            }
        }
    }

    fn problem_once(&mut self, problem: Problem) {
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }
}
