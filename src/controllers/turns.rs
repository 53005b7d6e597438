//! Controllers of this process that write the same object take turns: [`Turns`]. The API server would refuse the later one of two
//! writes at once (409), and both would begin anew.

use std::hash::{DefaultHasher, Hash, Hasher};

use tokio::sync::{Mutex, MutexGuard};

use crate::manifest::Key;

/// Objects share one of as many: who writes two at once must not wait for a second turn while it has one.
const PLACES: usize = 64;

/// Who writes what.
pub(crate) struct Turns([Mutex<()>; PLACES]);

impl Default for Turns {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Mutex::default()))
    }
}

impl Turns {
    /// Waits until nobody else here writes this object. From then on what the cache has of it is what was written last.
    pub(crate) async fn take(&self, key: &Key) -> MutexGuard<'_, ()> {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        let place = usize::try_from(hasher.finish() % PLACES as u64).unwrap_or_default();
        let [first, ..] = &self.0;
        self.0.get(place).unwrap_or(first).lock().await
    }
}
