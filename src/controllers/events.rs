//! Events about objects, for people (`kubectl describe`): [`Events`].
//!
//! They are told to a bounded queue, which one task empties: a reconcile never waits for them, and if there are too many, some are
//! dropped and counted. What was said of an object is not said again within ten minutes. Only last words about an object that is let go
//! with its machine not clean are waited for: nobody would say them again after a crash.
//! Source: <https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/>

use std::collections::HashMap;
use std::time::Duration;

use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use k8s_openapi::jiff::Timestamp;
use kube::Resource;
use kube::api::PostParams;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::api::Api;
use super::metrics::Metrics;

/// How many may wait to be sent.
const WAITING: usize = 1024;
/// How long something is not said again.
const REMEMBERED: Duration = Duration::from_secs(600);
/// Of how many that is known.
const MOST_REMEMBERED: usize = 10_000;
/// The API server takes no longer note, in bytes.
const LONGEST_NOTE: usize = 1024;
/// How long last words are waited for.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// How long those that wait have, once all shall stop.
const GRACE: Duration = Duration::from_secs(1);

/// Whether an event is good to know, or something to see to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Weight {
    /// Good to know.
    Normal,
    /// Something to see to.
    Warning,
}

struct Told {
    about: ObjectReference,
    weight: Weight,
    reason: &'static str,
    note: String,
    /// Dropped when it was sent, or is not going to be.
    done: Option<oneshot::Sender<()>>,
}

/// See the module.
#[derive(Clone)]
pub(crate) struct Events {
    queue: mpsc::Sender<Told>,
    metrics: Metrics,
}

impl Events {
    /// Starts the task that sends them. It ends when the last clone is dropped.
    pub(crate) fn spawn(tasks: &mut JoinSet<()>, api: Api, instance: String, metrics: Metrics) -> Self {
        let (queue, told) = mpsc::channel(WAITING);
        tasks.spawn(send_all(told, api, instance, metrics.clone()));
        Self { queue, metrics }
    }

    /// Says that something happened to an object: `reason` is one word in CamelCase, `note` is for people.
    pub(crate) fn tell<K: Resource<DynamicType = ()>>(
        &self,
        about: &K,
        weight: Weight,
        reason: &'static str,
        note: impl Into<String>,
    ) {
        let told = told(about.object_ref(&()), (weight, reason, note.into()), None);
        if self.queue.try_send(told).is_err() {
            self.metrics.event("dropped");
        }
    }

    /// The same, and returns when it was sent: for what must not be lost by a crash, as its object is about to go. Who listens badly is
    /// not waited for longer than a few seconds.
    pub(crate) async fn tell_before<K: Resource<DynamicType = ()>>(
        &self,
        about: &K,
        weight: Weight,
        reason: &'static str,
        note: impl Into<String>,
    ) {
        let (done, sent) = oneshot::channel();
        let told = told(about.object_ref(&()), (weight, reason, note.into()), Some(done));
        let both = async {
            if self.queue.send(told).await.is_err() {
                self.metrics.event("dropped");
            }
            let _ = sent.await;
        };
        let _ = tokio::time::timeout(LAST_WORDS, both).await;
    }
}

fn told(
    about: ObjectReference,
    (weight, reason, note): (Weight, &'static str, String),
    done: Option<oneshot::Sender<()>>,
) -> Told {
    let told = Told {
        about,
        weight,
        reason,
        note: bounded(note),
        done,
    };
    tracing::info!(
        kind = told.about.kind,
        namespace = told.about.namespace,
        name = told.about.name,
        reason,
        warning = weight == Weight::Warning,
        note = told.note,
        "event"
    );
    told
}

async fn send_all(mut told: mpsc::Receiver<Told>, api: Api, instance: String, metrics: Metrics) {
    let mut said: HashMap<(Option<String>, &'static str, String), Instant> = HashMap::new();
    while let Some(mut told) = told.recv().await {
        // Whatever becomes of it: dropped at the end of this turn.
        let _done = told.done.take();
        let now = Instant::now();
        if said.len() >= MOST_REMEMBERED {
            said.retain(|_, when| now.duration_since(*when) < REMEMBERED);
            if said.len() >= MOST_REMEMBERED {
                said.clear();
            }
        }
        let what = (told.about.uid.clone(), told.reason, told.note.clone());
        if said.get(&what).is_some_and(|when| now.duration_since(*when) < REMEMBERED) {
            continue;
        }
        said.insert(what.clone(), now);
        let namespace = told.about.namespace.clone().unwrap_or_else(|| "default".to_owned());
        let events: kube::Api<Event> = kube::Api::namespaced(api.client().clone(), &namespace);
        let event = event(told, &instance, Timestamp::now());
        let sent = api
            .within(
                "create",
                "Event",
                "Event".to_owned(),
                events.create(&PostParams::default(), &event),
            )
            .await;
        match sent {
            Ok(_) => metrics.event("sent"),
            Err(error) => {
                metrics.event("failed");
                said.remove(&what);
                tracing::debug!(%error, "an event was not taken");
            }
        }
    }
}

fn event(told: Told, instance: &str, now: Timestamp) -> Event {
    let Told {
        about,
        weight,
        reason,
        note,
        done: _,
    } = told;
    Event {
        metadata: ObjectMeta {
            namespace: about.namespace.clone(),
            generate_name: Some(format!("{}-", about.name.clone().unwrap_or_default())),
            ..ObjectMeta::default()
        },
        event_time: Some(MicroTime(now)),
        reporting_controller: Some("k0smotron.io/anywhere".to_owned()),
        reporting_instance: Some(instance.to_owned()),
        action: Some(reason.to_owned()),
        reason: Some(reason.to_owned()),
        note: Some(note),
        type_: Some(
            match weight {
                Weight::Normal => "Normal",
                Weight::Warning => "Warning",
            }
            .to_owned(),
        ),
        regarding: Some(about),
        ..Event::default()
    }
}

fn bounded(note: String) -> String {
    if note.len() <= LONGEST_NOTE {
        return note;
    }
    let end = (0..=LONGEST_NOTE - 3)
        .rev()
        .find(|end| note.is_char_boundary(*end))
        .unwrap_or_default();
    format!("{}...", note.get(..end).unwrap_or_default())
}

/// Waits for the task that sends them, which ends once nobody can tell any more.
pub(crate) async fn flush(tasks: &mut JoinSet<()>) {
    let _ = tokio::time::timeout(GRACE, async { while tasks.join_next().await.is_some() {} }).await;
    tasks.shutdown().await;
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test that cannot be set up fails
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::Router;
    use axum::http::StatusCode;
    use k8s_openapi::api::core::v1::Secret;

    use super::*;

    /// An API server that refuses the first Event; and how many it was sent.
    async fn says(times: usize) -> usize {
        let asked = Arc::new(AtomicUsize::new(0));
        let counted = asked.clone();
        let answer = move |body: String| async move {
            match counted.fetch_add(1, Ordering::Relaxed) {
                0 => (StatusCode::INTERNAL_SERVER_ERROR, String::new()),
                _ => (StatusCode::CREATED, body),
            }
        };
        let client = kube::Client::new(Router::new().fallback(answer), "n");
        let metrics = Metrics::new();
        let (mut tasks, api) = (JoinSet::new(), Api::new(client, metrics.clone()));
        let events = Events::spawn(&mut tasks, api, "a test".to_owned(), metrics);
        for _ in 0..times {
            let about = Secret::default();
            events.tell_before(&about, Weight::Normal, "Reason", "what happened").await;
        }
        drop(events);
        flush(&mut tasks).await;
        asked.load(Ordering::Relaxed)
    }

    #[tokio::test]
    async fn what_was_not_taken_is_said_again_and_what_was_taken_is_not() {
        for (times, asked) in [(1, 1), (2, 2), (3, 2), (9, 2)] {
            assert_eq!(says(times).await, asked, "said {times} times");
        }
    }
}
