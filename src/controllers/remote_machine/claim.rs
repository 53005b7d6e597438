//! Between a RemoteMachine that claims a machine of a pool, and the entry that it gets: what the claim is to do.

use std::sync::Arc;

use crds::infrastructure::remote_machine::v1beta2::RemoteMachine;

use super::decide::Claim;
use crate::controllers::Context;
use crate::controllers::queue::Queue;
use crate::manifest::Key;

/// Has claims looked at when their entries change.
pub(super) fn wake(_context: &Arc<Context>, _queue: &Queue<Key>) {}

/// How a RemoteMachine's claim stands; nothing if it names no pool.
pub(super) fn seen(_context: &Context, object: &RemoteMachine) -> Option<Claim> {
    let pool = object.spec.as_ref()?.pool.as_ref()?;
    Some(if object.metadata.deletion_timestamp.is_some() {
        Claim::LetGo
    } else {
        Claim::Waits("WaitingForPoolEntry", format!("no machine of pool {pool} is assigned"))
    })
}
