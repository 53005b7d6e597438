//! RemoteMachines to [`Machine`]s.

use super::described::{Secrets, described, policy};
use super::{Machine, Reading};
use crate::cli::MachineArgs;
use crate::input::Problem;
use crate::manifest::RemoteMachine;

impl Reading<'_> {
    pub(super) fn remote_machines(&mut self, args: &MachineArgs) {
        for remote_machine in std::mem::take(&mut self.objects.remote_machines) {
            let RemoteMachine { key, place, spec } = &remote_machine;
            if spec.provider_id.as_ref().is_some_and(|id| !id.is_empty()) && self.bootstrap.is_some() {
                self.fleet.notes.push(format!(
                    "{place}: RemoteMachine {key} has a providerID: it counts as provisioned and is left alone"
                ));
                continue;
            }
            let before = self.problems.len();
            let mut need = |is_wrong: bool, what: &str| {
                if is_wrong {
                    self.problems.push(place.problem(format!("RemoteMachine {key}: {what}")));
                }
            };
            need(
                spec.provision_job.is_some(),
                "spec.provisionJob needs a cluster to run the Job in",
            );
            let has_address = spec.address.as_ref().is_some_and(|address| !address.is_empty());
            let needs_pool = spec.pool.is_some() && !has_address;
            need(
                needs_pool,
                "spec.pool needs a cluster to claim a machine in; give spec.address",
            );
            if spec.node.is_some() && self.bootstrap.is_some() {
                self.fleet.notes.push(format!(
                    "{place}: RemoteMachine {key}: spec.node needs a cluster to find the Node in: it is left alone"
                ));
            }
            let secrets = Secrets {
                all: &self.objects.secrets,
                place: " in the input",
            };
            let machine = described(key, spec, &secrets).unwrap_or_else(|problems| {
                // What is missing is asked for above.
                let problems = problems
                    .iter()
                    .filter(|what| !(needs_pool && *what == "spec.address is missing"));
                let problems = problems.map(|what| place.problem(format!("RemoteMachine {key}: {what}")));
                self.problems.extend(problems);
                Machine::default()
            });
            let planned = self.bootstrap.and_then(|_| self.plan_of(&remote_machine, policy(spec)));
            if self.problems.len() > before {
                continue;
            }
            self.fleet.machines.push(Machine { planned, ..machine });
        }
        if !args.filenames.is_empty() && self.fleet.machines.is_empty() && self.problems.is_empty() && args.targets.is_empty() {
            let notes = self.fleet.notes.drain(..).chain(std::mem::take(&mut self.objects.unused));
            self.problems.extend(notes.map(Problem));
            self.problems
                .push(Problem::new("there is no RemoteMachine to work on in the manifests"));
        }
        self.fleet.notes.append(&mut self.objects.unused);
    }
}
