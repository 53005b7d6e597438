//! What a watch has seen of one kind, overlaid by what this process wrote: [`Cache`].
//!
//! A write's answer is in the cache before the write returns, so that nobody decides on what was before it; the watch's older news of
//! the same object are ignored until it has caught up. Objects are compared by their resourceVersion as a number. An answer that comes
//! after the news that the object is gone does not bring it back. A list is believed over all that was known before it was asked for,
//! also where that was newer: the API server's store may have been restored from a backup.
//! Source: <https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions>

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, PoisonError, RwLock};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;

use crate::manifest::Key;

/// What kubectl keeps for itself on an object; it repeats all of it.
pub(crate) const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Called with the name of an object that has changed, what it was and what it is.
type Listener<K> = Box<dyn Fn(&Change<'_, K>) + Send + Sync>;

/// Of how many objects is known that they are gone: of more than there are writes under way.
const GONE: usize = 4096;

/// All objects of a kind that were seen.
pub(crate) struct Cache<K> {
    objects: RwLock<Objects<K>>,
    listeners: RwLock<Vec<Listener<K>>>,
}

struct Objects<K> {
    there: HashMap<Key, Arc<K>>,
    /// UIDs of those that went last: an API server gives none twice.
    gone: HashSet<String>,
    /// The same, in the order in which they went.
    went: VecDeque<String>,
    /// While a list is under way: those that a write has answered since it was asked for. The list may be older than that.
    answered: Option<HashSet<Key>>,
}

impl<K> Default for Objects<K> {
    fn default() -> Self {
        Self {
            there: HashMap::new(),
            gone: HashSet::new(),
            went: VecDeque::new(),
            answered: None,
        }
    }
}

impl<K> Objects<K> {
    fn remember_gone(&mut self, meta: &ObjectMeta) {
        let Some(uid) = &meta.uid else { return };
        if self.gone.insert(uid.clone()) {
            self.went.push_back(uid.clone());
        }
        if self.went.len() > GONE
            && let Some(first) = self.went.pop_front()
        {
            self.gone.remove(&first);
        }
    }

    fn is_gone(&self, meta: &ObjectMeta) -> bool {
        meta.uid.as_ref().is_some_and(|uid| self.gone.contains(uid))
    }

    fn forget_gone(&mut self, meta: &ObjectMeta) {
        if let Some(uid) = &meta.uid
            && self.gone.remove(uid)
        {
            self.went.retain(|went| went != uid);
        }
    }

    fn remember_answered(&mut self, key: &Key) {
        if let Some(answered) = &mut self.answered {
            answered.insert(key.clone());
        }
    }
}

/// An object came, changed or went.
#[derive(Debug)]
pub(crate) struct Change<'a, K> {
    /// Which one.
    pub(crate) key: &'a Key,
    /// What it was; nothing if it is new.
    pub(crate) before: Option<&'a Arc<K>>,
    /// What it is; nothing if it is gone.
    pub(crate) after: Option<&'a Arc<K>>,
}

impl<K> Default for Cache<K> {
    fn default() -> Self {
        Self {
            objects: RwLock::default(),
            listeners: RwLock::default(),
        }
    }
}

/// The namespace and name of an object.
pub(crate) fn key_of(meta: &ObjectMeta) -> Key {
    Key {
        namespace: meta.namespace.clone().unwrap_or_default(),
        name: meta.name.clone().unwrap_or_default(),
    }
}

/// Whether it is being deleted, and nothing keeps it: no finalizer, and no time to end, such as a Pod has.
fn is_let_go(meta: &ObjectMeta) -> bool {
    meta.deletion_timestamp.is_some()
        && meta.finalizers.as_ref().is_none_or(Vec::is_empty)
        && meta.deletion_grace_period_seconds.is_none_or(|seconds| seconds == 0)
}

/// Without what nobody here looks at, and what may be large.
pub(crate) fn trimmed<K: Resource>(mut object: K) -> K {
    let meta = object.meta_mut();
    meta.managed_fields = None;
    if let Some(annotations) = &mut meta.annotations {
        annotations.remove(LAST_APPLIED);
    }
    object
}

/// The resourceVersion as a number. One that is none, which no API server gives, is older than all others.
fn version(meta: &ObjectMeta) -> u128 {
    meta.resource_version
        .as_deref()
        .and_then(|version| version.parse().ok())
        .unwrap_or_default()
}

impl<K: Resource<DynamicType = ()>> Cache<K> {
    /// The object of this name.
    pub(crate) fn get(&self, key: &Key) -> Option<Arc<K>> {
        let objects = self.objects.read().unwrap_or_else(PoisonError::into_inner);
        objects.there.get(key).cloned()
    }

    /// All objects that this is true of, in no order.
    pub(crate) fn list(&self, is_wanted: impl Fn(&K) -> bool) -> Vec<Arc<K>> {
        let objects = self.objects.read().unwrap_or_else(PoisonError::into_inner);
        objects.there.values().filter(|object| is_wanted(object)).cloned().collect()
    }

    /// The names of all objects, in no order.
    pub(crate) fn keys(&self) -> Vec<Key> {
        let objects = self.objects.read().unwrap_or_else(PoisonError::into_inner);
        objects.there.keys().cloned().collect()
    }

    /// From now on calls `listener` for each change, in the task that saw it: it may do no more than put a name into a queue.
    pub(crate) fn on_change(&self, listener: impl Fn(&Change<'_, K>) + Send + Sync + 'static) {
        let mut listeners = self.listeners.write().unwrap_or_else(PoisonError::into_inner);
        listeners.push(Box::new(listener));
    }

    /// The watch has seen this object, or a write has answered it. Older than what is known or already gone, it is ignored. One that is being
    /// deleted and that nothing holds any more is gone with the write that says so, and the watch may have said that before the write was
    /// answered. It is kept [`trimmed`].
    pub(crate) fn apply(&self, object: K) -> Arc<K> {
        let key = key_of(object.meta());
        let object = Arc::new(trimmed(object));
        if is_let_go(object.meta()) {
            self.delete(object.meta());
            return object;
        }
        let before = {
            let mut objects = self.objects.write().unwrap_or_else(PoisonError::into_inner);
            if objects.is_gone(object.meta()) {
                return object;
            }
            objects.remember_answered(&key);
            match objects.there.get(&key) {
                Some(known) if version(known.meta()) >= version(object.meta()) => return known.clone(),
                Some(_) | None => objects.there.insert(key.clone(), object.clone()),
            }
        };
        self.tell(&key, before.as_ref(), Some(&object));
        object
    }

    /// The watch has seen that this object is gone, or the API server has said so of an object as it was seen last.
    pub(crate) fn delete(&self, meta: &ObjectMeta) {
        self.remove(meta, Objects::remember_gone);
    }

    /// The object is there, but cannot be read for now.
    pub(crate) fn hide(&self, meta: &ObjectMeta) {
        self.remove(meta, |_, _| {});
    }

    fn remove(&self, meta: &ObjectMeta, remember: impl FnOnce(&mut Objects<K>, &ObjectMeta)) {
        let key = key_of(meta);
        let before = {
            let mut objects = self.objects.write().unwrap_or_else(PoisonError::into_inner);
            remember(&mut objects, meta);
            objects.remember_answered(&key);
            match objects.there.get(&key) {
                // Another one was made under its name, and is known already.
                Some(known) if known.meta().uid != meta.uid && version(known.meta()) > version(meta) => None,
                Some(_) => objects.there.remove(&key),
                None => None,
            }
        };
        if before.is_some() {
            self.tell(&key, before.as_ref(), None);
        }
    }

    /// The watch begins anew: all objects are about to be asked for.
    pub(crate) fn begin_list(&self) {
        let mut objects = self.objects.write().unwrap_or_else(PoisonError::into_inner);
        objects.answered = Some(HashSet::new());
    }

    /// These were all objects that there were at some time after [`Cache::begin_list`].
    pub(crate) fn replace(&self, listed: Vec<K>) {
        let names: HashSet<Key> = listed.iter().map(|object| key_of(object.meta())).collect();
        let mut changes = Vec::new();
        let answered: Vec<K> = {
            let mut objects = self.objects.write().unwrap_or_else(PoisonError::into_inner);
            let since = objects.answered.take().unwrap_or_default();
            let gone: Vec<_> = objects.there.extract_if(|key, _| !names.contains(key)).collect();
            for (key, object) in gone {
                // Of one that was written meanwhile, the watch tells next if it is newer than the list.
                if !since.contains(&key) {
                    objects.remember_gone(object.meta());
                }
                changes.push((key, Some(object), None));
            }
            let (answered, known_before): (Vec<K>, Vec<K>) =
                listed.into_iter().partition(|object| since.contains(&key_of(object.meta())));
            for object in known_before.into_iter().filter(|object| !is_let_go(object.meta())) {
                objects.forget_gone(object.meta());
                let key = key_of(object.meta());
                let is_same =
                    |known: &Arc<K>| known.meta().uid == object.meta().uid && version(known.meta()) == version(object.meta());
                if !objects.there.get(&key).is_some_and(is_same) {
                    let object = Arc::new(trimmed(object));
                    let before = objects.there.insert(key.clone(), object.clone());
                    changes.push((key, before, Some(object)));
                }
            }
            answered
        };
        for (key, before, after) in &changes {
            self.tell(key, before.as_ref(), after.as_ref());
        }
        for object in answered {
            self.apply(object);
        }
    }

    fn tell(&self, key: &Key, before: Option<&Arc<K>>, after: Option<&Arc<K>>) {
        let change = Change { key, before, after };
        let listeners = self.listeners.read().unwrap_or_else(PoisonError::into_inner);
        listeners.iter().for_each(|listener| listener(&change));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test that cannot be set up fails
mod tests {
    use std::sync::Mutex;

    use k8s_openapi::api::core::v1::ConfigMap;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, Time};
    use k8s_openapi::jiff::Timestamp;

    use super::*;

    fn object(name: &str, uid: &str, version: &str) -> ConfigMap {
        ConfigMap {
            metadata: ObjectMeta {
                namespace: Some("a".to_owned()),
                name: Some(name.to_owned()),
                uid: Some(uid.to_owned()),
                resource_version: Some(version.to_owned()),
                ..ObjectMeta::default()
            },
            ..ConfigMap::default()
        }
    }

    fn key(name: &str) -> Key {
        Key {
            namespace: "a".to_owned(),
            name: name.to_owned(),
        }
    }

    fn told(cache: &Cache<ConfigMap>) -> Arc<Mutex<Vec<String>>> {
        let told = Arc::new(Mutex::new(Vec::new()));
        let to = told.clone();
        cache.on_change(move |change| {
            let version = |object: Option<&Arc<ConfigMap>>| {
                object.map_or("-".to_owned(), |object| object.metadata.resource_version.clone().unwrap())
            };
            let text = format!("{} {} {}", change.key.name, version(change.before), version(change.after));
            to.lock().unwrap().push(text);
        });
        told
    }

    #[test]
    fn what_was_written_stays_until_the_watch_has_caught_up() {
        let cache = Cache::default();
        let told = told(&cache);
        cache.apply(object("x", "1", "9"));
        // The write's answer, then the watch's news of before and of the write itself.
        cache.apply(object("x", "1", "11"));
        cache.apply(object("x", "1", "10"));
        cache.apply(object("x", "1", "11"));
        assert_eq!(cache.get(&key("x")).unwrap().metadata.resource_version.as_deref(), Some("11"));
        cache.apply(object("x", "1", "100"));
        assert_eq!(*told.lock().unwrap(), ["x - 9", "x 9 11", "x 11 100"]);
    }

    #[test]
    fn what_others_wrote_and_when_is_not_kept() {
        let cache = Cache::default();
        let mut object = object("x", "1", "9");
        object.metadata.managed_fields = Some(vec![ManagedFieldsEntry::default()]);
        let annotations = [(LAST_APPLIED, "{}"), ("a", "b")];
        object.metadata.annotations = Some(annotations.map(|(key, value)| (key.to_owned(), value.to_owned())).into());
        let kept = cache.apply(object);
        assert_eq!(kept.metadata.managed_fields, None);
        let names: Vec<_> = kept
            .metadata
            .annotations
            .iter()
            .flatten()
            .map(|(name, _)| name.as_str())
            .collect();
        assert_eq!(names, ["a"]);
    }

    #[test]
    fn the_end_of_an_object_is_not_that_of_its_successor() {
        let cache = Cache::default();
        cache.apply(object("x", "1", "5"));
        cache.apply(object("x", "2", "8"));
        cache.delete(&object("x", "1", "7").metadata);
        assert!(cache.get(&key("x")).is_some());
        cache.delete(&object("x", "2", "9").metadata);
        assert!(cache.get(&key("x")).is_none());
    }

    #[test]
    fn what_was_let_go_does_not_come_back_with_the_answer_to_that() {
        let cache = Cache::default();
        let mut held = object("x", "1", "5");
        held.metadata.deletion_timestamp = Some(Time(Timestamp::UNIX_EPOCH));
        held.metadata.finalizers = Some(vec!["ours".to_owned()]);
        cache.apply(held.clone());
        assert!(cache.get(&key("x")).is_some());
        let mut let_go = held;
        let_go.metadata.resource_version = Some("6".to_owned());
        let_go.metadata.finalizers = None;
        cache.delete(&object("x", "1", "7").metadata);
        cache.apply(let_go);
        assert!(cache.get(&key("x")).is_none());
    }

    #[test]
    fn an_answer_does_not_bring_back_what_is_gone() {
        let cache = Cache::default();
        cache.apply(object("x", "1", "5"));
        cache.delete(&object("x", "1", "9").metadata);
        // That of a write before the end, and that of the write that ended it.
        cache.apply(object("x", "1", "7"));
        cache.apply(object("x", "1", "9"));
        assert!(cache.get(&key("x")).is_none());
        // Its successor is another one.
        cache.apply(object("x", "2", "11"));
        assert!(cache.get(&key("x")).is_some());

        let mut last = object("x", "2", "14");
        last.metadata.deletion_timestamp = Some(Time(Timestamp::UNIX_EPOCH));
        cache.apply(last);
        assert!(cache.get(&key("x")).is_none(), "nothing keeps it");
        cache.replace(vec![object("y", "3", "15")]);
        cache.replace(Vec::new());
        cache.apply(object("y", "3", "16"));
        assert!(cache.keys().is_empty());
    }

    #[test]
    fn a_new_list_takes_away_what_is_not_in_it() {
        let cache = Cache::default();
        cache.apply(object("x", "1", "5"));
        cache.apply(object("y", "2", "6"));
        let told = told(&cache);
        cache.replace(vec![object("y", "2", "6"), object("z", "3", "9")]);
        assert_eq!(*told.lock().unwrap(), ["x 5 -", "z - 9"]);
        let mut names: Vec<_> = cache.keys().into_iter().map(|key| key.name).collect();
        names.sort();
        assert_eq!(names, ["y", "z"]);
    }

    #[test]
    fn a_list_from_a_restored_store_is_believed_over_what_was_newer() {
        let cache = Cache::default();
        cache.apply(object("x", "1", "50"));
        cache.apply(object("y", "2", "51"));
        cache.delete(&object("y", "2", "52").metadata);
        let told = told(&cache);
        cache.begin_list();
        cache.replace(vec![object("x", "1", "30"), object("y", "2", "31")]);
        assert_eq!(*told.lock().unwrap(), ["x 50 30", "y - 31"]);
        cache.apply(object("x", "1", "32"));
        assert_eq!(cache.get(&key("x")).unwrap().metadata.resource_version.as_deref(), Some("32"));
    }

    #[test]
    fn what_was_written_while_the_list_was_under_way_is_believed_over_it() {
        let cache = Cache::default();
        cache.apply(object("x", "1", "5"));
        cache.apply(object("y", "2", "6"));
        cache.begin_list();
        cache.apply(object("x", "1", "8"));
        cache.delete(&object("y", "2", "9").metadata);
        cache.apply(object("z", "3", "10"));
        cache.replace(vec![object("x", "1", "5"), object("y", "2", "6")]);
        assert_eq!(cache.get(&key("x")).unwrap().metadata.resource_version.as_deref(), Some("8"));
        assert!(cache.get(&key("y")).is_none());
        // Whether it went before the list or came after it, the watch says next.
        cache.apply(object("z", "3", "10"));
        assert!(cache.get(&key("z")).is_some());
    }

    #[test]
    fn what_has_time_to_end_is_there_until_then() {
        let cache = Cache::default();
        let mut ending = object("x", "1", "5");
        ending.metadata.deletion_timestamp = Some(Time(Timestamp::UNIX_EPOCH));
        ending.metadata.deletion_grace_period_seconds = Some(30);
        cache.apply(ending.clone());
        assert!(cache.get(&key("x")).is_some());
        (
            ending.metadata.deletion_grace_period_seconds,
            ending.metadata.resource_version,
        ) = (Some(0), Some("6".to_owned()));
        cache.apply(ending);
        assert!(cache.get(&key("x")).is_none());
    }
}
