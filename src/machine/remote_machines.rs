//! RemoteMachines to [`Machine`]s.

use remote::plan::Policy;

use super::timeouts;
use super::{Machine, Reading, Timeouts};
use crate::cli::{MAX_SECONDS, MachineArgs};
use crate::input::Problem;
use crate::manifest::RemoteMachine;
use crate::target;

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
            let address = spec.address.clone().unwrap_or_default();
            need(
                spec.provision_job.is_some(),
                "spec.provisionJob needs a cluster to run the Job in",
            );
            match &spec.pool {
                Some(_) => need(
                    address.is_empty(),
                    "spec.pool needs a cluster to claim a machine in; give spec.address",
                ),
                None => need(address.is_empty(), "spec.address is missing"),
            }
            need(
                !address.is_empty() && !target::is_host(&address),
                "spec.address is neither an IP address nor a host name (user and port are fields of their own)",
            );
            need(spec.port() == 0, "spec.port must be between 1 and 65535");
            need(spec.user().is_empty(), "spec.user is empty");
            need(
                !spec.working_dir().starts_with('/'),
                "spec.workingDir is not an absolute path",
            );
            for (name, seconds) in spec.timeouts.iter().flat_map(timeouts::given) {
                need(
                    !(1..=MAX_SECONDS).contains(&u64::from(seconds)),
                    &format!("spec.timeouts.{name} must be between 1 and {MAX_SECONDS}"),
                );
            }
            if spec.node.is_some() && self.bootstrap.is_some() {
                self.fleet.notes.push(format!(
                    "{place}: RemoteMachine {key}: spec.node needs a cluster to find the Node in: it is left alone"
                ));
            }
            let (login, sudo_password) = self.login_of(&remote_machine);
            let host_keys = self.pins(
                &remote_machine,
                "spec",
                spec.host_keys.as_ref(),
                spec.host_certificate_authorities.as_ref(),
            );
            let jump = self.jump_hosts(&remote_machine);
            let policy = Policy {
                working_dir: spec.working_dir().to_owned(),
                commands_as_script: spec.commands_as_script == Some(true),
                expect_sentinel: true,
            };
            let planned = self.bootstrap.and_then(|_| self.plan_of(&remote_machine, policy));
            if self.problems.len() > before {
                continue;
            }
            self.fleet.machines.push(Machine {
                name: key.to_string(),
                owner: key.to_string(),
                host: address,
                port: spec.port(),
                user: spec.user().to_owned(),
                use_sudo: spec.use_sudo == Some(true),
                login,
                sudo_password,
                host_keys,
                jump,
                timeouts: spec.timeouts.as_ref().map(Timeouts::new).unwrap_or_default(),
                rerun_interrupted: spec.rerun_interrupted == Some(true),
                clean_up_commands: spec.clean_up_commands.clone().unwrap_or_default(),
                planned,
            });
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
