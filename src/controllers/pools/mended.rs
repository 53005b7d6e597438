//! Quarantined entries whose machine is reached with something else since: their spec, a Secret that it names, or what the machine is
//! remembered by has changed. They are tried again at once. Of an entry that was mended while nobody looked, nothing is known here: it
//! is tried again when it is due.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use crds::infrastructure::pooled_remote_machine::v1beta2::PooledRemoteMachine;
use crds::infrastructure::remote_machine::v1beta2::RemoteMachineSpec;

use crate::controllers::Context;
use crate::machine::secret_names;
use crate::manifest::Key;

/// See the module: by their UIDs.
#[derive(Default)]
pub(super) struct Mended(Mutex<HashSet<String>>);

impl Mended {
    /// Whether this one is.
    pub(super) fn is(&self, entry: &PooledRemoteMachine) -> bool {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entry.metadata.uid.as_ref().is_some_and(|uid| all.contains(uid))
    }

    fn set(&self, entry: &PooledRemoteMachine, is: bool) {
        let Some(uid) = &entry.metadata.uid else { return };
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if is {
            all.insert(uid.clone());
        } else {
            all.remove(uid);
        }
    }
}

/// Learns of what changes.
pub(super) fn wake(context: &Arc<Context>, mended: &Arc<Mended>) {
    let to = mended.clone();
    // Before the pass is woken: listeners are called in the order in which they came.
    context.seen.pooled_remote_machines.on_change(move |change| {
        match (change.before.filter(|entry| is_quarantined(entry)), change.after) {
            (Some(before), Some(after)) if is_quarantined(after) => {
                if reached_with(before) != reached_with(after) {
                    to.set(after, true);
                }
            }
            // It has gone on.
            (Some(entry), _) => to.set(entry, false),
            (None, _) => {}
        }
    });
    let (weak, to) = (Arc::downgrade(context), mended.clone());
    context.seen.secrets.on_change(move |secret| {
        let Some(context) = weak.upgrade() else { return };
        let is_of_interest = |entry: &PooledRemoteMachine| {
            let is_here = entry.metadata.namespace.as_deref() == Some(&secret.namespace);
            is_here && is_quarantined(entry) && names(entry, secret)
        };
        let entries = context.seen.pooled_remote_machines.list(is_of_interest);
        entries.iter().for_each(|entry| to.set(entry, true));
        if !entries.is_empty() {
            context.board.look(&secret.namespace);
        }
    });
}

fn is_quarantined(entry: &PooledRemoteMachine) -> bool {
    let state = entry.status.as_ref().and_then(|status| status.state.as_deref());
    state == Some("Quarantined")
}

fn reached_with(entry: &PooledRemoteMachine) -> impl PartialEq + use<> {
    let remembered = entry.status.as_ref().and_then(|status| status.remembered_hosts.clone());
    (entry.spec.as_ref().map(|spec| spec.machine.clone()), remembered)
}

fn names(entry: &PooledRemoteMachine, secret: &Key) -> bool {
    entry.spec.as_ref().is_some_and(|spec| {
        let spec = RemoteMachineSpec::default().with_machine(spec.machine.clone());
        secret_names(&spec).any(|(_, name)| name == secret.name)
    })
}
