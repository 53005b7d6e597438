//! A moment of a run: when the n-th chunk goes by between the controller and a host.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, channel};

use testbed::Proxy;

/// See the module.
pub(crate) struct Moment {
    passed: Arc<AtomicU64>,
    come: Receiver<()>,
}

impl Moment {
    /// From now on chunks count; `then` is done before the n-th of them goes on its way.
    pub(crate) fn at(n: u64, proxy: &Proxy, then: impl FnOnce() + Send + 'static) -> Self {
        let passed = Arc::new(AtomicU64::new(0));
        let (has_come, come) = channel();
        let count = passed.clone();
        let mut then = Some(then);
        proxy.at_each_chunk(move |_| {
            if count.fetch_add(1, Ordering::Relaxed) + 1 < n {
                return;
            }
            if let Some(then) = then.take() {
                then();
                // Nobody may be interested any more.
                let _ = has_come.send(());
            }
        });
        Self { passed, come }
    }

    /// Whether it has come, which is said once.
    pub(crate) fn has_come(&self) -> bool {
        self.come.try_recv().is_ok()
    }

    /// From now on it does not come any more. Says whether it had not come, either, since that was asked last.
    pub(crate) fn is_too_late(&self, proxy: &Proxy) -> bool {
        proxy.at_each_chunk(|_| {});
        !self.has_come()
    }

    /// How many chunks went by so far.
    pub(crate) fn passed(&self) -> u64 {
        self.passed.load(Ordering::Relaxed)
    }
}
