//! Who looks at what is in a [`Queue`]: a bounded number of tasks for each controller.

use std::fmt::Display;
use std::hash::Hash;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, Span};

use super::api::ApiError;
use super::metrics::Metrics;
use super::queue::Queue;
use super::spans;

/// One look may take as long: a handful of requests, each of which has a deadline of its own.
const LIMIT: Duration = Duration::from_secs(60);

/// How long a look that is under way has to end, once all shall stop.
const GRACE: Duration = Duration::from_secs(2);

/// When to look again, besides when something changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Again {
    /// Only then.
    OnChange,
    /// After this long.
    After(Duration),
}

/// Looks at one thing, and does what there is to do about it. It may be stopped at any await.
pub(crate) trait Reconcile<K>: Send + Sync + 'static {
    /// Looks at `key`, which no other task is looking at.
    ///
    /// # Errors
    /// Where the API server did not do what it was asked for; then it is looked at again, later each time.
    fn reconcile(&self, key: &K) -> impl Future<Output = Result<Again, ApiError>> + Send;
}

/// Starts `concurrency` tasks that look at what is in `queue`, until `stop` is cancelled.
pub(crate) fn spawn<K, R>(
    tasks: &mut JoinSet<()>,
    name: &'static str,
    queue: &Queue<K>,
    reconciler: &Arc<R>,
    (concurrency, metrics, stop): (u16, &Metrics, &CancellationToken),
) where
    K: Clone + Ord + Hash + Display + Send + Sync + 'static,
    R: Reconcile<K>,
{
    for _ in 0..concurrency {
        let (queue, reconciler) = (queue.clone(), reconciler.clone());
        let (metrics, stop) = (metrics.clone(), stop.clone());
        tasks.spawn(async move {
            while let Some(key) = stop.run_until_cancelled(queue.next()).await {
                metrics.queue_length(name, queue.len());
                tokio::select! {
                    () = look(name, &queue, &*reconciler, &metrics, &key).instrument(spans::reconcile(name, &key)) => {}
                    () = late(&stop) => {}
                }
                queue.done(&key);
            }
        });
    }
}

async fn late(stop: &CancellationToken) {
    stop.cancelled().await;
    tokio::time::sleep(GRACE).await;
}

async fn look<K, R>(name: &'static str, queue: &Queue<K>, reconciler: &R, metrics: &Metrics, key: &K)
where
    K: Clone + Ord + Hash + Display,
    R: Reconcile<K>,
{
    let began = Instant::now();
    let looked = AssertUnwindSafe(reconciler.reconcile(key)).catch_unwind();
    let (result, is_conflict) = match tokio::time::timeout(LIMIT, looked).await {
        Ok(Ok(Ok(again))) => {
            queue.succeeded(key);
            if let Again::After(after) = again {
                queue.add_after(key.clone(), after);
            }
            metrics.reconciled(name, "ok", began.elapsed());
            spans::reconciled(&Span::current(), "ok");
            return;
        }
        Ok(Ok(Err(error))) => {
            let is_conflict = error.is_conflict();
            if is_conflict {
                tracing::debug!(controller = name, object = %key, %error, "looking again");
            } else {
                tracing::warn!(controller = name, object = %key, %error, "looking again later");
            }
            (if is_conflict { "conflict" } else { "error" }, is_conflict)
        }
        Ok(Err(_)) => {
            tracing::error!(controller = name, object = %key, "a reconcile panicked: this is a fault of this program");
            ("panic", false)
        }
        Err(_) => {
            tracing::error!(controller = name, object = %key, "a reconcile took longer than {LIMIT:?}");
            ("late", false)
        }
    };
    queue.failed(key, is_conflict);
    metrics.reconciled(name, result, began.elapsed());
    spans::reconciled(&Span::current(), result);
}
