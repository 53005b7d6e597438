//! What there is to say about work on a host: pure.

use crds::infrastructure::remote_machine::v1beta2::RemoteMachine;
use k8s_openapi::jiff::Timestamp;
use remote::engine::{Error, Failure};
use remote::ssh::ConnectError;

use super::decide::entry_of;
use crate::controllers::jobs::JobError;
use crate::controllers::work::{Phase, Progress, WorkError};

/// What work under way is at: `step 7 of 12: runcmd[3]`.
pub(super) fn running(progress: &Progress) -> String {
    let step = || match &progress.step {
        Some((number, name)) if progress.steps > 0 => format!("step {number} of {}: {name}", progress.steps),
        Some((number, name)) => format!("step {number}: {name}"),
        None => "connected".to_owned(),
    };
    match &progress.phase {
        Phase::Waiting => "waiting for its turn: as many hosts are being worked on as --max-hosts allows".to_owned(),
        Phase::Connecting => "connecting".to_owned(),
        Phase::Running => step(),
        Phase::Reconnecting(reason) => format!("{}; the connection was lost ({reason}), connecting again", step()),
        Phase::Job(what) => what.clone(),
    }
}

/// Why work failed, in a word: named by what is to be seen to.
pub(in crate::controllers) fn reason(error: &WorkError) -> &'static str {
    let error = match error {
        WorkError::Job(JobError::NameTaken { .. }) => return "JobNameTaken",
        WorkError::Job(JobError::NotMade(_)) => return "JobNotMade",
        WorkError::Job(JobError::Deleted(_)) => return "JobDeleted",
        WorkError::Job(JobError::Failed(_) | JobError::Late { .. }) => return "JobFailed",
        WorkError::Run(error) => error,
    };
    match error {
        Error::Connect(error) => match error {
            ConnectError::Unreachable { .. } | ConnectError::Stalled { .. } => "Unreachable",
            ConnectError::HostKey { .. } => "HostKeyNotTrusted",
            ConnectError::Authentication(_) => "AuthenticationFailed",
            ConnectError::ForwardingProhibited { .. } | ConnectError::NotSsh { .. } | ConnectError::Protocol { .. } => {
                "ConnectionFailed"
            }
            ConnectError::Cancelled => "Stopped",
        },
        Error::Exec(_) | Error::GaveUp { .. } | Error::Lost(_) => "ConnectionLost",
        Error::Privilege(_) => "PrivilegeFailed",
        Error::Plan(_) => "InvalidBootstrapData",
        Error::Step(_) => "StepFailed",
        Error::Interrupted { .. } => "StepInterrupted",
        Error::OtherMachine { .. } => "HostReplaced",
        Error::Owned { .. } => "HostOwned",
        Error::Held { .. } => "HostHeld",
        Error::NoSpace(_) | Error::NoInodes(_) | Error::ReadOnly(_) | Error::Unfit(_) | Error::NoProgram(_) => "HostUnfit",
        Error::Content(_) => "ContentUnavailable",
        Error::Hostile(_) | Error::Version(_) | Error::Endless(_) => "HostNotUnderstood",
        Error::Deadline(_) => "RunTimedOut",
        Error::Stopped => "Stopped",
    }
}

/// Whether the same work may end otherwise without anything having changed in the cluster.
pub(super) fn is_worth_retrying(error: &WorkError) -> bool {
    let error = match error {
        WorkError::Job(_) => return true,
        WorkError::Run(error) => error,
    };
    match error {
        // It would say the same until somebody looks at it.
        Error::Interrupted { .. } => false,
        Error::Connect(_)
        | Error::Exec(_)
        | Error::GaveUp { .. }
        | Error::Lost(_)
        | Error::Privilege(_)
        // What it fetches may be there later; and the machine may tell something else.
        | Error::Plan(_)
        | Error::Step(_)
        | Error::OtherMachine { .. }
        | Error::Owned { .. }
        | Error::Held { .. }
        | Error::NoSpace(_)
        | Error::NoInodes(_)
        | Error::ReadOnly(_)
        | Error::Unfit(_)
        | Error::NoProgram(_)
        | Error::Content(_)
        | Error::Hostile(_)
        | Error::Version(_)
        | Error::Endless(_)
        | Error::Deadline(_)
        | Error::Stopped => true,
    }
}

/// What went wrong, for whoever has a cluster and no command line.
pub(super) fn what(error: &WorkError) -> String {
    let error = match error {
        WorkError::Job(error) => return error.to_string(),
        WorkError::Run(error) => error,
    };
    match error {
        Error::Step(Failure {
            number,
            of,
            name,
            status,
            said,
        }) => {
            let mut text = format!("step {number} of {of}, {name}: exit status {status}");
            said.iter().for_each(|line| text.push_str(&format!("\n  | {line}")));
            text
        }
        Error::Interrupted { name, by } => format!(
            "{name} was under way when {}; whether it had its effect is unknown. See to it, then set spec.rerunInterrupted to have it \
             run again",
            by.in_words()
        ),
        Error::OtherMachine { remembered, here, .. } => format!(
            "what this host remembers is another machine's (machine-id {remembered}, this one has {}): it was made from an image or a \
             backup of that one. Reset it (anywhere reset)",
            here.as_deref().unwrap_or("none")
        ),
        Error::Owned { owner } => {
            format!("the host carries a run of {owner}: delete that one, or reset the host (anywhere reset --owner '{owner}')")
        }
        Error::Lost(why) if why.is_empty() => "the run was lost on the host".to_owned(),
        Error::Lost(why) => format!("the run was lost on the host: {why}"),
        Error::GaveUp { attempts, last } => {
            format!(
                "gave up after {attempts} connections without progress: {last}; what was begun goes on on the host, and is followed"
            )
        }
        Error::Stopped => "stopped; nothing runs on the host after the step under way".to_owned(),
        error @ (Error::Connect(_)
        | Error::Exec(_)
        | Error::Privilege(_)
        | Error::Plan(_)
        | Error::Held { .. }
        | Error::NoSpace(_)
        | Error::NoInodes(_)
        | Error::ReadOnly(_)
        | Error::Unfit(_)
        | Error::NoProgram(_)
        | Error::Content(_)
        | Error::Hostile(_)
        | Error::Version(_)
        | Error::Endless(_)
        | Error::Deadline(_)) => error.to_string(),
    }
}

/// What went wrong, and the fields to see to, which are in `spec`. Steps did not run as root, but as `user`, if that is given.
pub(in crate::controllers) fn what_and_where(error: &WorkError, spec: &str, user: Option<&str>) -> String {
    let what = what(error);
    let error = match error {
        WorkError::Job(_) => return what,
        WorkError::Run(error) => error,
    };
    if let (Error::Step(Failure { status, .. }), Some(user)) = (error, user)
        && *status != TIMED_OUT
    {
        return format!("{what}\nsteps run as {user}, not as root: see to user and useSudo in {spec} if they need more");
    }
    match fields(error) {
        Some(fields) => format!("{what}\nsee to {fields} in {spec}"),
        None => what,
    }
}

/// The exit status of a step that took longer than it may; timeout(1) has the same.
const TIMED_OUT: i32 = 124;

/// The user that steps run as, where that is not root.
fn unprivileged(object: &RemoteMachine) -> Option<&str> {
    let spec = object.spec.as_ref()?;
    (spec.user() != "root" && spec.use_sudo != Some(true)).then(|| spec.user())
}

/// The fields that say what has failed.
fn fields(error: &Error) -> Option<&'static str> {
    match error {
        Error::Connect(error) => match error {
            ConnectError::Unreachable { .. } | ConnectError::Stalled { .. } | ConnectError::NotSsh { .. } => {
                Some("address, port and jumpHosts")
            }
            ConnectError::HostKey { .. } => Some("hostKeys and hostCertificateAuthorities, where they are given,"),
            ConnectError::Authentication(_) => Some("user, sshKeyRef, sshCertificateRef, sshPasswordRef and jumpHosts"),
            ConnectError::ForwardingProhibited { .. } => Some("jumpHosts"),
            ConnectError::Protocol { .. } | ConnectError::Cancelled => None,
        },
        Error::Privilege(_) => Some("user, useSudo and sudoPasswordRef"),
        Error::Deadline(_) => Some("timeouts.runSeconds"),
        Error::Step(Failure { status: TIMED_OUT, .. }) => Some("timeouts.stepSeconds and timeouts.runSeconds"),
        Error::Exec(_)
        | Error::GaveUp { .. }
        | Error::Plan(_)
        | Error::Step(_)
        | Error::Interrupted { .. }
        | Error::OtherMachine { .. }
        | Error::Owned { .. }
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
        | Error::Endless(_)
        | Error::Stopped => None,
    }
}

/// Where it is said how a machine is reached: in the entry that it is from, if it is from a pool.
pub(super) fn spec_of(entry: Option<&str>) -> String {
    match entry {
        Some(entry) => format!("spec.machine of PooledRemoteMachine {entry}"),
        None => "spec".to_owned(),
    }
}

/// Why provisioning failed, what to see to, and when it is tried again.
pub(super) fn failed(error: &WorkError, object: &RemoteMachine, attempt: u32, retry_at: Option<Timestamp>) -> String {
    let what = what_and_where(error, &spec_of(entry_of(object)), unprivileged(object));
    match retry_at {
        Some(at) => format!(
            "attempt {attempt}: {what}\ntried again at {}, or when something changes",
            seconds(at)
        ),
        None => format!("{what}\ntried again when something changes"),
    }
}

/// Why a host is not clean, and until when that is tried.
pub(super) fn not_cleaned(error: &WorkError, deadline: Option<Timestamp>) -> String {
    let until = deadline.map(|at| format!(" until {}", seconds(at))).unwrap_or_default();
    format!(
        "the host is not clean: {}\ntried again{until}; then it is let go as it is",
        what_and_where(error, "spec", None)
    )
}

/// To the second: `2026-11-21T00:50:00Z`.
fn seconds(at: Timestamp) -> String {
    Timestamp::from_second(at.as_second()).unwrap_or(at).to_string()
}
