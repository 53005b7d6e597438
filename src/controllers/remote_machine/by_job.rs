//! What can be done on a host by a Job, from the same words as what we would do ourselves. Pure, but for the time that a program bears.

use std::time::SystemTime;

use crds::infrastructure::remote_machine::ProvisionJob;
use crds::infrastructure::remote_machine::v1beta2::RemoteMachineSpec;
use remote::engine::Limits;
use remote::redact::Redactor;
use remote::script::{self, CarryError, Carrying, Mode};

use super::decide::Refused;
use crate::controllers::jobs::{self, Errand, FOLDER, Owner, ShapeError};
use crate::machine::{Machine, Planned};

/// Whom a Job is made for, and by whom.
pub(in crate::controllers) struct ForJob<'a> {
    /// The object that it belongs to.
    pub(in crate::controllers) owner: Owner,
    /// Its name.
    pub(in crate::controllers) name: String,
    /// Whether it has this name also where its template has one.
    pub(in crate::controllers) is_final: bool,
    /// Whether any is to be made here.
    pub(in crate::controllers) is_allowed: bool,
    /// Who we are, for others who find the host held.
    pub(in crate::controllers) holder: &'a str,
}

/// The spec without what only a connection of our own uses; and what of that was given, but for the key that an entry of a pool must have.
pub(super) fn without_login(spec: RemoteMachineSpec) -> (RemoteMachineSpec, Vec<String>) {
    let RemoteMachineSpec {
        ssh_key_ref: _,
        ssh_certificate_ref,
        ssh_password_ref,
        sudo_password_ref,
        host_keys,
        host_certificate_authorities,
        jump_hosts,
        ..
    } = &spec;
    let unused = [
        (ssh_certificate_ref.is_some(), "sshCertificateRef"),
        (ssh_password_ref.is_some(), "sshPasswordRef"),
        (sudo_password_ref.is_some(), "sudoPasswordRef"),
        (host_keys.is_some(), "hostKeys"),
        (host_certificate_authorities.is_some(), "hostCertificateAuthorities"),
        (jump_hosts.is_some(), "jumpHosts"),
    ];
    let notes = unused.into_iter().filter(|(is_given, _)| *is_given).map(|(_, name)| {
        format!(
            "spec.{name} is not used: with spec.provisionJob, how the machine is reached is the business of the Job's container"
        )
    });
    let notes = notes.collect();
    let spec = RemoteMachineSpec {
        ssh_key_ref: None,
        ssh_certificate_ref: None,
        ssh_password_ref: None,
        sudo_password_ref: None,
        host_keys: None,
        host_certificate_authorities: None,
        jump_hosts: None,
        ..spec
    };
    (spec, notes)
}

/// The Job that does on the machine what is planned. `id` says which work it is.
pub(super) fn errand(
    provision_job: &ProvisionJob,
    machine: &Machine,
    mode: Mode,
    for_job: &ForJob<'_>,
    id: &str,
) -> Result<Errand, Refused> {
    let invalid = |reason, message| Refused {
        reason,
        message,
        is_wait: false,
    };
    if !for_job.is_allowed {
        let what = "spec.provisionJob: this controller makes no Jobs: it was started with --provision-jobs=false";
        return Err(invalid("InvalidSpec", what.to_owned()));
    }
    let plan = match &machine.planned {
        Some(Planned::Now(plan)) => plan,
        Some(Planned::AfterFacts(later)) if later.needs.is_empty() => {
            let what =
                "the bootstrap data has files with a source, which a Job's container does not get: write them by a command";
            return Err(invalid("InvalidBootstrapData", what.to_owned()));
        }
        Some(Planned::AfterFacts(later)) => {
            let names = later.needs.join(", ");
            let what =
                format!("the bootstrap data's template uses facts of the machine, which nobody knows before a Job runs: {names}");
            return Err(invalid("InvalidBootstrapData", what));
        }
        None => return Err(invalid("InvalidSpec", "there is nothing to do".to_owned())),
    };
    let limits = machine.timeouts.limits(Limits::default());
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let program = script::render(
        plan,
        &script::Order {
            mode,
            owner: &machine.owner,
            holder: for_job.holder,
            step_limit: limits.step.as_secs().max(1),
            run_limit: limits.run.as_secs().max(1),
            keep_going: false,
            rerun: None,
            rerun_interrupted: machine.rerun_interrupted,
            facts: false,
            seen: None,
            time: now.map_or(0, |since| since.as_secs()),
        },
    );
    let carrying = Carrying {
        ssh: provision_job.ssh_command(),
        scp: provision_job.scp_command(),
        host: &machine.host,
        port: machine.port,
        user: &machine.user,
        use_sudo: machine.use_sudo,
        mode,
        folder: FOLDER,
    };
    let carrier = script::carrier(plan, &program, &carrying).map_err(|error| match error {
        CarryError::Contents(_) => invalid("InvalidBootstrapData", error.to_string()),
        CarryError::User(_) => invalid("InvalidSpec", format!("spec.user: {error}")),
        CarryError::Command(_) => invalid("InvalidSpec", format!("spec.provisionJob.sshCommand or scpCommand: {error}")),
    })?;
    let refused = |error: ShapeError| {
        let reason = match error {
            ShapeError::TooLarge(_) if mode == Mode::Apply => "InvalidBootstrapData",
            ShapeError::TooLarge(_)
            | ShapeError::NoTemplate
            | ShapeError::Malformed(_)
            | ShapeError::NoContainer
            | ShapeError::Namespace { .. }
            | ShapeError::Name
            | ShapeError::Many(_)
            | ShapeError::Volume(_) => "InvalidSpec",
        };
        invalid(reason, error.to_string())
    };
    let shaped = jobs::shape(jobs::Order {
        provision_job,
        owner: &for_job.owner,
        name: if for_job.is_final {
            jobs::name(&ProvisionJob::default(), &for_job.name, mode)
        } else {
            jobs::name(provision_job, &for_job.name, mode)
        }
        .map_err(refused)?,
        host_owner: &machine.owner,
        id,
        carrier,
    });
    Ok(Errand {
        shaped: shaped.map_err(refused)?,
        mode,
        run_limit: limits.run,
        redactor: Redactor::of(plan),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test that cannot be set up fails
mod tests {
    use std::sync::Arc;

    use crds::infrastructure::remote_machine::v1beta2::RemoteMachine;
    use remote::bootstrap;
    use remote::plan::{Plan, Policy};
    use serde_json::{Value, json};

    use super::*;

    fn made(data: &str, provision_job: Value, user: &str) -> Result<Errand, Refused> {
        let options = bootstrap::Options {
            source: "data",
            format: Some("cloud-config"),
            variables: bootstrap::Variables::default(),
            vendor_data: None,
            renderer: None,
        };
        let parsed = bootstrap::parse(data.as_bytes(), &options).unwrap();
        let mut object = RemoteMachine::new("m", RemoteMachineSpec::default());
        object.metadata.namespace = Some("ns".to_owned());
        let machine = Machine {
            owner: "ns/m".to_owned(),
            host: "192.0.2.1".to_owned(),
            port: 22,
            user: user.to_owned(),
            planned: Some(Planned::Now(Arc::new(Plan::new(&parsed, &Policy::default()).unwrap()))),
            ..Machine::default()
        };
        let for_job = ForJob {
            owner: Owner::of(&object),
            name: "c-m".to_owned(),
            is_final: false,
            is_allowed: true,
            holder: "a test",
        };
        errand(
            &serde_json::from_value(provision_job).unwrap(),
            &machine,
            Mode::Apply,
            &for_job,
            "1",
        )
    }

    const DATA: &str = "#cloud-config\nruncmd: [\"true\"]\n";

    fn template() -> Value {
        let container = json!({ "name": "ssh", "image": "i" });
        json!({ "spec": { "template": { "spec": { "containers": [container] } } } })
    }

    #[test]
    fn commands_are_prefixes() {
        let errand = made(
            DATA,
            json!({ "sshCommand": "tsh ssh", "scpCommand": "tsh scp", "jobSpecTemplate": template() }),
            "ubuntu",
        )
        .unwrap();
        let data = errand.shaped.secret.data.unwrap();
        let text = String::from_utf8_lossy(&data.get("k0smotron-entrypoint.sh").unwrap().0).into_owned();
        assert!(text.contains("\ntsh ssh 'ubuntu@192.0.2.1' \"$@\"\n"), "{text}");
        assert!(text.contains("\ntsh scp '/var/lib/bootstrap-data/program' "), "{text}");
    }

    #[test]
    fn what_cannot_be_is_refused_by_what_it_is() {
        let large = format!("#cloud-config\nruncmd: [\"echo {}\"]\n", "x".repeat(1 << 20));
        for (data, job, user, reason, message) in [
            (
                DATA,
                json!({}),
                "root",
                "InvalidSpec",
                "spec.provisionJob.jobSpecTemplate is missing",
            ),
            (
                DATA,
                json!({ "jobSpecTemplate": template(), "sshCommand": " " }),
                "root",
                "InvalidSpec",
                "spec.provisionJob.sshCommand or scpCommand",
            ),
            (
                DATA,
                json!({ "jobSpecTemplate": template() }),
                "-oX",
                "InvalidSpec",
                "spec.user",
            ),
            (
                &large,
                json!({ "jobSpecTemplate": template() }),
                "root",
                "InvalidBootstrapData",
                "a Job gets no more than 1048576",
            ),
        ] {
            let refused = made(data, job, user).err().unwrap();
            assert_eq!(refused.reason, reason, "{}", refused.message);
            assert!(refused.message.contains(message), "{}", refused.message);
        }
    }

    #[test]
    fn what_only_a_connection_uses_is_left_out_and_told() {
        let spec =
            json!({ "sshKeyRef": { "name": "k" }, "hostKeys": ["SHA256:x"], "sudoPasswordRef": { "name": "p" }, "user": "u" });
        let (spec, notes) = without_login(serde_json::from_value(spec).unwrap());
        assert_eq!(json!(spec), json!({ "user": "u" }));
        let fields: Vec<&str> = notes.iter().map(|note| note.split(' ').next().unwrap()).collect();
        assert_eq!(fields, ["spec.sudoPasswordRef", "spec.hostKeys"]);
    }
}
