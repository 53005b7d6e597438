//! What to do about a RemoteMachine: pure.

use std::sync::Arc;
use std::time::Duration;

use crds::infrastructure::remote_machine::v1beta2::RemoteMachine;
use k8s_openapi::jiff::Timestamp;
use pool::Retry;
use remote::script::Mode;

use super::words;
use crate::controllers::cluster_api::{self, Cluster, Machine};
use crate::controllers::pools;
use crate::controllers::work::{Ended, Report};

/// The original's, so that its objects are taken over.
pub(super) const FINALIZER: &str = "remotemachine.k0smotron.io/finalizer";
/// Set before the first byte goes to the host.
pub(super) const BEGUN: &str = "anywhere.k0smotron.io/begun";
/// Lets a deleted RemoteMachine go without its host having been cleaned.
pub(super) const SKIP_CLEAN_UP: &str = "anywhere.k0smotron.io/skip-clean-up";

/// When failed work is tried again.
const RETRY: Retry = Retry {
    first: Duration::from_secs(10),
    longest: Duration::from_secs(600),
};

/// Nothing is said of work for so long, unless its host answers before, as most do: that is said then, and needs one write, not two.
const NEWS: Duration = Duration::from_secs(2);

/// All that was seen of a RemoteMachine's surroundings.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    /// Itself.
    pub(super) object: Arc<RemoteMachine>,
    /// The Machine that owns it.
    pub(super) machine: Owner,
    /// The Cluster of that.
    pub(super) cluster: Option<Arc<Cluster>>,
    /// What stands between a claim and its pool's entry; nothing for a machine with an address of its own.
    pub(super) claim: Option<Claim>,
    /// The work on its host.
    pub(super) work: Option<Report>,
    /// What is remembered of attempts.
    pub(super) attempt: Attempt,
}

/// The Machine that owns a RemoteMachine.
#[derive(Clone, Debug)]
pub(super) enum Owner {
    /// There is no such owner reference.
    None,
    /// There is, but no such Machine.
    Missing(String),
    /// This one.
    There(Arc<Machine>),
}

/// How a claim of a pool stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Claim {
    /// It waits: why, in a word and in words.
    Waits(&'static str, String),
    /// Its entry's host may be provisioned.
    Provision,
    /// It has its entry's host as it was; the entry was edited since, and speaks of another one.
    Moved,
    /// Its host is another's now, or its entry is gone, though it had begun there.
    Lost,
    /// Its entry is gone: its host is cleaned as if there had never been one.
    CleanAlone,
    /// Nothing of it is on any host, or what is left to do is the entry's.
    LetGo,
}

/// What is remembered of attempts, while this process lives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Attempt {
    /// How often in a row work has failed.
    pub(super) failures: u32,
    /// Why no work could be begun with what was read, which stays so until that changes.
    pub(super) refused: Option<Refused>,
    /// Whether what was read for it has changed since.
    pub(super) is_changed: bool,
    /// Whether no work that was begun for it so far has got through to its host, the last one aside.
    pub(super) is_untouched: bool,
}

/// Why no work can be begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::controllers) struct Refused {
    /// In a word.
    pub(in crate::controllers) reason: &'static str,
    /// In words.
    pub(in crate::controllers) message: String,
    /// Whether nothing is wrong, and something is only not there yet.
    pub(in crate::controllers) is_wait: bool,
}

impl Refused {
    /// As it is said of this one.
    pub(super) fn standing(&self, object: &RemoteMachine) -> Standing {
        let mut message = self.message.clone();
        // Its author has written none of that.
        if let Some(entry) = entry_of(object).filter(|_| self.reason != "InvalidBootstrapData") {
            message.push_str("\nit has that from ");
            message.push_str(&words::spec_of(Some(entry)));
            message.push_str(": mend it there");
        }
        if self.is_wait {
            Standing::Waiting(self.reason, message)
        } else {
            Standing::Failed(self.reason, message)
        }
    }
}

/// What to do, and what to say.
#[derive(Clone, Debug)]
pub(super) struct Decision {
    /// What to do.
    pub(super) action: Action,
    /// What to say.
    pub(super) standing: Standing,
    /// When to look again, if nothing changes before.
    pub(super) at: Option<Timestamp>,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Nothing.
    None,
    /// Put our finalizer on it.
    AddFinalizer,
    /// Begin to provision the host; our finalizer is on it before that.
    Provision,
    /// Take back that it was begun: nothing has got through to its host.
    TakeBack,
    /// See whether what is under way is still what is wanted.
    Compare,
    /// Begin to clean the host.
    Clean,
    /// Have the work under way stopped.
    Stop,
    /// Say on the Machine and in the spec that the host is provisioned.
    Finish,
    /// Let it be deleted.
    LetGo(Why),
}

/// Why a RemoteMachine is let go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// Nothing of it is on its host.
    NotBegun,
    /// Its host is proven clean.
    Cleaned,
    /// Its host carries another owner's run, and nothing of this one.
    NotIts,
    /// Somebody said so.
    Skipped,
    /// It took too long.
    GaveUp,
}

/// How a RemoteMachine stands, for its conditions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nothing new is said.
    AsBefore,
    /// It is left alone.
    Paused(String),
    /// It waits for something.
    Waiting(&'static str, String),
    /// Its host is being provisioned.
    Running(String),
    /// Provisioning its host failed, or cannot be begun.
    Failed(&'static str, String),
    /// Its host is provisioned.
    Provisioned,
    /// It is going.
    Deleting(&'static str, String),
}

impl Decision {
    fn say(standing: Standing) -> Self {
        Self::act(Action::None, standing)
    }

    fn act(action: Action, standing: Standing) -> Self {
        Self {
            action,
            standing,
            at: None,
        }
    }

    fn at(self, at: Option<Timestamp>) -> Self {
        Self { at, ..self }
    }
}

/// What to do about a RemoteMachine. A deleted one is let go `patience` after its deletion at the latest.
pub(super) fn decide(seen: &Seen, patience: Duration, now: Timestamp) -> Decision {
    let meta = &seen.object.metadata;
    let has_finalizer = meta.finalizers.iter().flatten().any(|name| name == FINALIZER);
    let is_deleted = meta.deletion_timestamp.is_some();
    if is_deleted && !has_finalizer {
        return Decision::act(Action::Stop, Standing::AsBefore);
    }
    if let Some(why) = paused(seen) {
        return Decision::act(Action::Stop, Standing::Paused(why));
    }
    if is_deleted {
        return deleting(seen, patience, now);
    }
    if !has_finalizer && cluster_api::is_being_made(meta) {
        return Decision::act(Action::None, Standing::AsBefore);
    }
    if !has_finalizer {
        let next = alive(seen, now);
        // Whoever begins on a host of its own writes that and our finalizer at once. A claim gets no entry without it.
        let is_written_along = next.action == Action::Provision && seen.claim.is_none() && !has_begun(&seen.object);
        return if is_written_along {
            next
        } else {
            Decision::act(Action::AddFinalizer, Standing::AsBefore)
        };
    }
    alive(seen, now)
}

fn paused(seen: &Seen) -> Option<String> {
    let annotations = seen.object.metadata.annotations.as_ref();
    if annotations.is_some_and(|annotations| annotations.contains_key(cluster_api::PAUSED)) {
        return Some(format!("it has the annotation {}", cluster_api::PAUSED));
    }
    let cluster = seen.cluster.as_ref().filter(|cluster| cluster.is_paused())?;
    let name = cluster.metadata.name.as_deref().unwrap_or_default();
    Some(format!("Cluster {name} has spec.paused"))
}

/// Whether its host is provisioned, as its status says.
pub(super) fn is_provisioned(object: &RemoteMachine) -> bool {
    let initialization = object.status.as_ref().and_then(|status| status.initialization.as_ref());
    initialization.is_some_and(|initialization| initialization.provisioned == Some(true))
}

/// Whether it has an annotation that says `true`.
pub(super) fn says_true(object: &RemoteMachine, annotation: &str) -> bool {
    let annotations = object.metadata.annotations.as_ref();
    annotations
        .and_then(|all| all.get(annotation))
        .is_some_and(|text| text == "true")
}

/// Whether something of it may be on the host: we have begun there, or the original has.
pub(super) fn has_begun(object: &RemoteMachine) -> bool {
    let conditions = object.status.iter().filter_map(|status| status.conditions.as_ref()).flatten();
    // The original gives this reason to whatever failed, and says nothing before.
    let failed_there = |condition: &k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition| {
        condition.type_ == super::report::BOOTSTRAP && condition.reason == "InternalError"
    };
    says_true(object, BEGUN) || is_provisioned(object) || conditions.into_iter().any(failed_there)
}

fn alive(seen: &Seen, now: Timestamp) -> Decision {
    let spec = seen.object.spec.as_ref();
    if is_provisioned(&seen.object) {
        return Decision::say(Standing::Provisioned);
    }
    // Ours, where the process ended before the status said so, or where the status was lost; or its author's, who says that there is
    // nothing to do.
    if spec
        .and_then(|spec| spec.provider_id.as_ref())
        .is_some_and(|id| !id.is_empty())
    {
        return Decision::act(Action::Finish, Standing::Provisioned);
    }
    let under_way = |report: &&Report| report.mode == Mode::Apply && report.ended.is_none();
    if let Some(report) = seen
        .work
        .as_ref()
        .filter(under_way)
        .filter(|_| seen.claim != Some(Claim::Lost))
    {
        if is_to_move(seen) {
            return Decision::act(Action::Stop, Standing::Running(words::running(&report.progress)));
        }
        return worked(seen, report, now);
    }
    if let Some((reason, message)) = waits_for(seen) {
        return Decision::say(Standing::Waiting(reason, message));
    }
    if seen.claim == Some(Claim::Lost) {
        let message = "the pool's entry is another's now, or was taken away, after this RemoteMachine had begun on its host: look at \
                       the host, then delete this RemoteMachine";
        return Decision::act(Action::Stop, Standing::Failed("PoolEntryLost", message.to_owned()));
    }
    if is_to_move(seen) {
        return Decision::act(Action::TakeBack, Standing::AsBefore);
    }
    match &seen.work {
        Some(report) if report.mode == Mode::Apply => worked(seen, report, now),
        Some(_) | None => match &seen.attempt.refused {
            Some(refused) if !seen.attempt.is_changed => Decision::say(refused.standing(&seen.object)),
            Some(_) | None => Decision::act(Action::Provision, Standing::AsBefore),
        },
    }
}

/// Whether it is to follow its entry to another host: it is known that nothing has got through to the one that it has.
fn is_to_move(seen: &Seen) -> bool {
    let not_reached = |report: &Report| report.mode == Mode::Apply && !report.progress.has_connected;
    let is_untouched = seen.attempt.is_untouched && seen.work.as_ref().is_some_and(not_reached);
    seen.claim == Some(Claim::Moved) && is_untouched
}

/// What a RemoteMachine waits for before anything is read or touched, in this order.
fn waits_for(seen: &Seen) -> Option<(&'static str, String)> {
    let machine = match &seen.machine {
        Owner::None => {
            let what =
                "no Machine owns it yet: Cluster API sets the owner reference once a Machine names it as its infrastructureRef";
            return Some(("WaitingForMachine", what.to_owned()));
        }
        Owner::Missing(name) => return Some(("WaitingForMachine", format!("its owner, Machine {name}, is not there"))),
        Owner::There(machine) => machine,
    };
    let cluster_name = &machine.spec.cluster_name;
    let Some(cluster) = &seen.cluster else {
        return Some(("WaitingForCluster", format!("Cluster {cluster_name} is not there")));
    };
    if !cluster.has_infrastructure() {
        let what = format!("Cluster {cluster_name} has no infrastructure yet (its condition InfrastructureReady)");
        return Some(("WaitingForClusterInfrastructure", what));
    }
    if machine.spec.bootstrap.data_secret_name.is_none() {
        let name = machine.metadata.name.as_deref().unwrap_or_default();
        let provider = match &machine.spec.bootstrap.config_ref {
            Some(reference) => format!(" {} {} is to make it", reference.kind, reference.name),
            None => String::new(),
        };
        let what = format!("Machine {name} has no bootstrap data yet (spec.bootstrap.dataSecretName):{provider}");
        return Some(("WaitingForBootstrapData", what.trim_end_matches(':').to_owned()));
    }
    match &seen.claim {
        Some(Claim::Waits(reason, message)) => Some((reason, message.clone())),
        Some(Claim::Provision | Claim::Moved | Claim::Lost | Claim::CleanAlone | Claim::LetGo) | None => None,
    }
}

/// What is done about work that is under way.
fn compared(seen: &Seen) -> Action {
    if seen.attempt.is_changed {
        Action::Compare
    } else {
        Action::None
    }
}

/// The host is being provisioned, or was.
fn worked(seen: &Seen, report: &Report, now: Timestamp) -> Decision {
    let Some(Ended { at, result }) = &report.ended else {
        let shown = report.since.checked_add(NEWS).unwrap_or(now);
        if !report.progress.has_connected && now < shown {
            return Decision::act(compared(seen), Standing::AsBefore).at(Some(shown));
        }
        return Decision::act(compared(seen), Standing::Running(words::running(&report.progress)));
    };
    let error = match result {
        Ok(_) => return Decision::act(Action::Finish, Standing::Provisioned),
        Err(error) => error,
    };
    if error.is_stopped() || seen.attempt.is_changed {
        return Decision::act(Action::Provision, Standing::AsBefore);
    }
    if let Some(refused) = &seen.attempt.refused {
        return Decision::say(refused.standing(&seen.object));
    }
    let retry_at = words::is_worth_retrying(error)
        .then(|| retry_at(seen.attempt.failures, *at))
        .flatten();
    match retry_at {
        Some(due) if due <= now => Decision::act(Action::Provision, Standing::AsBefore),
        due => {
            let message = words::failed(error, &seen.object, seen.attempt.failures, due);
            Decision::say(Standing::Failed(words::reason(error), message)).at(due)
        }
    }
}

/// The entry of a pool that the machine is from.
pub(super) fn entry_of(object: &RemoteMachine) -> Option<&str> {
    let annotations = object.metadata.annotations.as_ref()?;
    let name = annotations.get(pools::POOL_ENTRY)?;
    object.spec.as_ref()?.pool.as_ref().map(|_| name.as_str())
}

fn retry_at(failures: u32, ended: Timestamp) -> Option<Timestamp> {
    Timestamp::try_from(RETRY.after(failures.max(1), ended.into())?).ok()
}

fn deleting(seen: &Seen, patience: Duration, now: Timestamp) -> Decision {
    let let_go = |why| Decision::act(Action::LetGo(why), Standing::AsBefore);
    if let Some(report) = seen
        .work
        .as_ref()
        .filter(|report| report.ended.is_none() && report.mode == Mode::Apply)
    {
        let what = format!("stopping what runs on the host ({})", words::running(&report.progress));
        return Decision::act(Action::Stop, Standing::Deleting("StoppingWork", what));
    }
    if says_true(&seen.object, SKIP_CLEAN_UP) {
        return let_go(Why::Skipped);
    }
    let is_late = deadline(&seen.object, patience).is_some_and(|deadline| deadline <= now);
    match &seen.claim {
        Some(Claim::LetGo) => return let_go(Why::NotBegun),
        // The entry has what is left to do.
        Some(Claim::Waits(..) | Claim::Provision | Claim::Moved | Claim::Lost) if is_late => return let_go(Why::NotBegun),
        Some(Claim::Waits(_, message)) => {
            let standing = Standing::Deleting("WaitingForPoolEntry", message.clone());
            return Decision::say(standing).at(deadline(&seen.object, patience));
        }
        Some(Claim::Provision | Claim::Moved | Claim::Lost) => {
            let what = "the pool's entry is to be released".to_owned();
            let standing = Standing::Deleting("WaitingForPoolEntry", what);
            return Decision::say(standing).at(deadline(&seen.object, patience));
        }
        Some(Claim::CleanAlone) | None => {}
    }
    let has_address = |spec: &crds::infrastructure::remote_machine::v1beta2::RemoteMachineSpec| {
        spec.address.as_ref().is_some_and(|address| !address.is_empty())
    };
    if !has_begun(&seen.object) || !seen.object.spec.as_ref().is_some_and(has_address) {
        return let_go(Why::NotBegun);
    }
    let deadline = deadline(&seen.object, patience);
    if deadline.is_some_and(|deadline| deadline <= now) {
        return let_go(Why::GaveUp);
    }
    let say = |reason, message| Decision::say(Standing::Deleting(reason, message));
    // It may turn out that it cannot be begun, and nothing may ever change: the deadline is kept all the same.
    let clean = |standing| Decision::act(Action::Clean, standing).at(deadline);
    let Some(report) = seen.work.as_ref().filter(|report| report.mode == Mode::Reset) else {
        return match &seen.attempt.refused {
            Some(refused) if !seen.attempt.is_changed => say(refused.reason, refused.message.clone()).at(deadline),
            Some(_) | None => clean(Standing::Deleting("Cleaning", "cleaning the host".to_owned())),
        };
    };
    match &report.ended {
        None => {
            let what = format!("cleaning the host: {}", words::running(&report.progress));
            Decision::act(compared(seen), Standing::Deleting("Cleaning", what)).at(deadline)
        }
        Some(Ended { result: Ok(_), .. }) => let_go(Why::Cleaned),
        Some(Ended { result: Err(error), .. }) if error.owner().is_some() => let_go(Why::NotIts),
        Some(Ended { at, result: Err(error) }) => {
            if seen.attempt.is_changed || error.is_stopped() {
                return clean(Standing::AsBefore);
            }
            if let Some(refused) = &seen.attempt.refused {
                return say(refused.reason, refused.message.clone()).at(deadline);
            }
            let due = retry_at(seen.attempt.failures, *at);
            if due.is_some_and(|due| due <= now) {
                return clean(Standing::AsBefore);
            }
            let message = words::not_cleaned(error, deadline);
            say(words::reason(error), message).at(due.min(deadline).or(deadline))
        }
    }
}

/// When a deleted RemoteMachine is let go at the latest.
pub(super) fn deadline(object: &RemoteMachine, patience: Duration) -> Option<Timestamp> {
    object.metadata.deletion_timestamp.as_ref()?.0.checked_add(patience).ok()
}

#[cfg(test)]
#[path = "decide_tests.rs"]
mod tests;
