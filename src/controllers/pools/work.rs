//! What is done on the hosts of entries: stopped, begun, looked at. A claim's host is provisioned by whoever looks after RemoteMachines,
//! as work for the claim; it is cleaned as work for the entry, with what the entry says of it, so that nothing of the claim need be
//! left by then.

use std::sync::Arc;
use std::time::Duration;

use crds::infrastructure::pooled_remote_machine::v1beta2::{PooledMachineSpec, PooledRemoteMachine};
use crds::infrastructure::remote_machine::v1beta2::{RemoteMachine, RemoteMachineSpec};
use pool::{ClaimId, Endpoint, Outcome, Reason, Work, may_clean};
use remote::engine::{Error, Failure, Finish};
use remote::script::Mode;
use remote::ssh::ConnectError;

use super::{Pools, entry};
use crate::controllers::api::ApiError;
use crate::controllers::cache::key_of;
use crate::controllers::jobs::Owner;
use crate::controllers::remote_machine::ForJob;
use crate::controllers::remote_machine::prepare::{self, Order};
use crate::controllers::remote_machine::words;
use crate::controllers::work::{Assignment, Ended, WorkError};
use crate::manifest::Key;

/// What a host is looked at with that nothing of ours is on: it changes nothing there.
const LOOK_ONLY: &str = "true";

impl Pools {
    /// What is done on an entry's host by this process.
    pub(super) fn work_on(&self, object: &Arc<PooledRemoteMachine>) -> Work {
        let claim = object.status.as_ref().and_then(|status| status.machine_ref.uid.as_deref());
        if let Some(report) = claim.and_then(|claim| self.context.work.look(claim))
            && report.mode == Mode::Apply
        {
            match report.ended.map(|ended| ended.result) {
                None => return Work::Provisioning,
                Some(Err(error)) => {
                    if let Some(owner) = error.owner() {
                        return Work::Refused(owner.to_owned());
                    }
                }
                Some(Ok(_)) => {}
            }
        }
        let uid = object.metadata.uid.as_deref().unwrap_or_default();
        if let Some((attempt, outcome)) = self.not_begun(uid) {
            return Work::Cleaned { attempt, outcome };
        }
        let Some(report) = self.context.work.look(uid) else {
            return Work::None;
        };
        match report.ended {
            None => Work::Cleaning,
            Some(Ended { result, .. }) => match (attempt_of(&report.id), outcome(result.as_ref().map_err(|error| &**error))) {
                (Some(attempt), Some(outcome)) => Work::Cleaned { attempt, outcome },
                // It was stopped, and says nothing of the host.
                (_, None) | (None, _) => Work::None,
            },
        }
    }

    /// What ended there is known.
    pub(super) fn forget_work(&self, object: &PooledRemoteMachine) {
        let uid = object.metadata.uid.as_deref().unwrap_or_default();
        self.remember_not_begun(uid, None);
        self.context.work.forget(uid);
    }

    /// Stops what the claim has run there.
    pub(super) fn stop(&self, object: &PooledRemoteMachine) {
        if let Some(uid) = object.status.as_ref().and_then(|status| status.machine_ref.uid.as_deref()) {
            self.context.work.cancel(uid);
        }
    }

    /// Begins to clean the host, if the store itself says that this is to be done.
    pub(super) async fn clean(
        &self,
        object: &PooledRemoteMachine,
        owner: Option<&ClaimId>,
        at: &Endpoint,
        attempt: u32,
    ) -> Result<(), ApiError> {
        let key = key_of(&object.metadata);
        let found: Option<PooledRemoteMachine> = self.context.api.confirm(&key).await?;
        let Some(found) = found.filter(|found| found.metadata.uid == object.metadata.uid) else {
            return Ok(());
        };
        let found = self.see(found);
        if !entry::read(&found).is_ok_and(|entry| may_clean(&entry.state, owner, attempt)) {
            return Ok(());
        }
        let Some(spec) = &found.spec else { return Ok(()) };
        // Whose traces are there: hosts know their owners by name.
        let whose = found
            .status
            .as_ref()
            .map(|status| &status.machine_ref)
            .filter(|_| owner.is_some());
        let whose = whose.filter(|machine| !machine.name.is_empty()).map(|machine| Key {
            namespace: machine.namespace.clone(),
            name: machine.name.clone(),
        });
        let mut machine = RemoteMachine::new(&key.name, spec_of(&spec.machine, at));
        machine.metadata.namespace = Some(key.namespace.clone());
        if let Some(spec) = &mut machine.spec {
            // As the claim's host was provisioned, so it is cleaned.
            let job = found.status.as_ref().and_then(|status| status.provision_job.clone());
            spec.provision_job = job.and_then(|job| serde_json::from_value(serde_json::Value::Object(job.0)).ok());
        }
        if let (None, Some(spec)) = (&whose, &mut machine.spec) {
            spec.clean_up_commands = Some(vec![LOOK_ONLY.to_owned()]);
        }
        let named = prepare::secrets(&key, &machine.spec.clone().unwrap_or_default(), None);
        let secrets = prepare::read(&self.context.api, &named).await?;
        let remembered = found.status.as_ref().and_then(|status| status.remembered_hosts.as_deref());
        // Keys are decoded, and passphrases tried.
        let prepare = |order: &Order<'_>| tokio::task::block_in_place(|| prepare::prepare(order));
        let prepared = prepare(&Order {
            key: &key,
            object: &machine,
            is_entry: true,
            host_owner: Some(whose.map_or_else(|| format!("PooledRemoteMachine {key}"), |whose| whose.to_string())),
            mode: Mode::Reset,
            data_secret: None,
            secrets: &secrets,
            remembered: remembered.unwrap_or_default(),
            jump_hosts: self.context.work.jump_hosts(),
            for_job: ForJob {
                owner: Owner::of(&*found),
                name: key.name.clone(),
                is_final: true,
                is_allowed: self.context.args.provision_jobs,
                holder: self.context.work.holder(),
            },
        });
        let uid = object.metadata.uid.clone().unwrap_or_default();
        let prepared = match prepared {
            Ok(prepared) => prepared,
            Err(refused) => {
                let outcome = Outcome::Unclean(Reason::Failed(of_entry(&refused.message)));
                self.remember_not_begun(&uid, Some((attempt, outcome)));
                self.queue.add(key.namespace);
                return Ok(());
            }
        };
        let (queue, namespace) = (self.queue.clone(), key.namespace);
        self.context.work.start(
            &uid,
            Assignment {
                id: format!("{attempt} {}", prepared.id),
                mode: Mode::Reset,
                attempt,
                machine: prepared.machine,
                facts: false,
                means: prepared.means,
                wake: Box::new(move |after: Duration| {
                    if after.is_zero() {
                        queue.add(namespace.clone());
                    }
                }),
            },
        );
        Ok(())
    }
}

/// A text with the paths of the entry, for those of the RemoteMachine that it was made into. How a Job is like is kept in its status.
fn of_entry(message: &str) -> String {
    let mut text = String::new();
    for (index, part) in message.split("spec.").enumerate() {
        let is_within = text.ends_with(|before: char| before == '.' || before.is_alphanumeric());
        text.push_str(match (index, is_within, part.starts_with("provisionJob")) {
            (0, ..) => "",
            (_, true, _) => "spec.",
            (_, false, true) => "status.",
            (_, false, false) => "spec.machine.",
        });
        text.push_str(part);
    }
    text
}

/// The attempt that a cleaning was.
fn attempt_of(id: &str) -> Option<u32> {
    id.split(' ').next()?.parse().ok()
}

/// What a cleaning says of the host; nothing if it was stopped.
fn outcome(result: Result<&Finish, &WorkError>) -> Option<Outcome> {
    let (whole, error) = match result {
        Ok(_) => return Some(Outcome::Clean),
        Err(WorkError::Job(error)) => return Some(Outcome::Unclean(Reason::Failed(error.to_string()))),
        Err(whole @ WorkError::Run(error)) => (whole, error),
    };
    let what = || words::what_and_where(whole, "spec.machine", None);
    let reason = match error {
        Error::Stopped => return None,
        Error::Owned { owner } => Reason::Foreign(owner.clone()),
        Error::Connect(ConnectError::Unreachable { .. } | ConnectError::Stalled { .. })
        | Error::Exec(_)
        | Error::GaveUp { .. } => Reason::Unreachable(what()),
        Error::Step(failure) => match leftovers(failure) {
            left if left.is_empty() => Reason::Failed(what()),
            left => Reason::Leftovers(left),
        },
        Error::Connect(_)
        | Error::Privilege(_)
        | Error::Plan(_)
        | Error::Interrupted { .. }
        | Error::OtherMachine { .. }
        | Error::Held { .. }
        | Error::NoSpace(_)
        | Error::NoInodes(_)
        | Error::ReadOnly(_)
        | Error::Unfit(_)
        | Error::Lost(_)
        | Error::Content(_)
        | Error::Hostile(_)
        | Error::NoProgram(_)
        | Error::Version(_)
        | Error::Deadline(_)
        | Error::Endless(_) => Reason::Failed(what()),
    };
    Some(Outcome::Unclean(reason))
}

/// What the proof found, where it was the proof that failed; see docs/reset.md.
fn leftovers(failure: &Failure) -> Vec<String> {
    let lines = failure.said.iter();
    lines
        .filter_map(|line| line.strip_prefix("left: "))
        .map(str::to_owned)
        .collect()
}

/// How an entry's machine is reached, there where the claim had it.
fn spec_of(machine: &PooledMachineSpec, at: &Endpoint) -> RemoteMachineSpec {
    RemoteMachineSpec {
        address: Some(at.address().to_owned()),
        port: Some(at.port()),
        ..RemoteMachineSpec::default().with_machine(machine.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(said: &[&str]) -> WorkError {
        WorkError::Run(Error::Step(Failure {
            number: 5,
            of: 5,
            name: "proof that nothing is left".to_owned(),
            status: 1,
            said: said.iter().map(|line| (*line).to_owned()).collect(),
        }))
    }

    #[test]
    fn what_a_cleaning_says_of_the_host() {
        let left = |what: &str| Some(Outcome::Unclean(Reason::Leftovers(vec![what.to_owned()])));
        assert_eq!(outcome(Err(&step(&["left: process 7 kubelet"]))), left("process 7 kubelet"));
        assert!(matches!(
            outcome(Err(&step(&["sh: k0s: no"]))),
            Some(Outcome::Unclean(Reason::Failed(_)))
        ));
        let owner = "default/other".to_owned();
        assert_eq!(
            outcome(Err(&WorkError::Run(Error::Owned { owner: owner.clone() }))),
            Some(Outcome::Unclean(Reason::Foreign(owner)))
        );
        assert_eq!(outcome(Err(&WorkError::Run(Error::Stopped))), None);
        let lost = WorkError::Run(Error::GaveUp {
            attempts: 3,
            last: "cut".to_owned(),
        });
        assert!(matches!(outcome(Err(&lost)), Some(Outcome::Unclean(Reason::Unreachable(_)))));
    }

    #[test]
    fn what_is_wrong_is_found_in_the_entry() {
        for (of_machine, expected) in [
            (
                "spec.user is empty\nspec.sshCertificateRef needs spec.sshKeyRef",
                "spec.machine.user is empty\nspec.machine.sshCertificateRef needs spec.machine.sshKeyRef",
            ),
            (
                "spec.provisionJob.jobSpecTemplate.spec.template.spec.containers is empty",
                "status.provisionJob.jobSpecTemplate.spec.template.spec.containers is empty",
            ),
            ("see to it", "see to it"),
        ] {
            assert_eq!(of_entry(of_machine), expected);
        }
    }

    #[test]
    fn an_attempt_is_known_again() {
        assert_eq!(attempt_of("12 0a1b"), Some(12));
        assert_eq!(attempt_of("?"), None);
    }
}
