//! One replica works at a time: whoever holds a Lease. The others stand by.
//!
//! The rules are those of Kubernetes' own leader election: a Lease counts as held as long as it changes within its duration *as seen
//! from here*, so that clocks need not agree; every write carries the resourceVersion that was read, so that of two that try at once
//! one fails; who cannot renew it stops well before another may take it.
//! Source: <https://kubernetes.io/docs/concepts/architecture/leases/>

use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use kube::api::PostParams;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::api::{Api, ApiError};
use crate::manifest::Key;

/// Who competes for what.
#[derive(Clone)]
pub(crate) struct Election {
    api: Api,
    lease: Key,
    identity: String,
    duration: Duration,
}

/// What a Lease said when it was last seen to change, and when that was by our clock.
#[derive(Clone, Debug, PartialEq)]
struct Observed {
    spec: LeaseSpec,
    at: Instant,
}

/// What to do about a Lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// It is ours: say that we are still here.
    Renew,
    /// It is nobody's, or its holder has said nothing for too long.
    Take,
    /// It is somebody else's for at least this long.
    Wait(Duration),
}

/// What to do: pure.
fn step(observed: &Observed, identity: &str, now: Instant) -> Step {
    let spec = &observed.spec;
    let holder = spec.holder_identity.as_deref().unwrap_or_default();
    if holder == identity {
        return Step::Renew;
    }
    if holder.is_empty() {
        return Step::Take;
    }
    let seconds = u64::try_from(spec.lease_duration_seconds.unwrap_or_default()).unwrap_or_default();
    let free = observed.at + Duration::from_secs(seconds);
    match free.checked_duration_since(now).filter(|left| !left.is_zero()) {
        Some(left) => Step::Wait(left),
        None => Step::Take,
    }
}

impl Election {
    /// `identity` is nobody else's; `duration` is how long a holder may be silent.
    pub(crate) fn new(api: Api, lease: Key, identity: String, duration: Duration) -> Self {
        Self {
            api,
            lease,
            identity,
            duration,
        }
    }

    /// How long between two looks, and between two renewals.
    fn pause(&self) -> Duration {
        (self.duration / 5).clamp(Duration::from_millis(200), Duration::from_secs(2))
    }

    /// Returns once this replica is the leader; nothing if it is to stop.
    pub(crate) async fn win(&self, stop: &CancellationToken) -> Option<()> {
        let mut observed = None;
        let mut told = None;
        loop {
            match stop.run_until_cancelled(self.look(&mut observed)).await? {
                Ok(Step::Renew | Step::Take) => {
                    tracing::info!(lease = %self.lease, identity = self.identity, "this replica leads");
                    return Some(());
                }
                Ok(Step::Wait(_)) => {
                    let holder = observed
                        .as_ref()
                        .and_then(|seen: &Observed| seen.spec.holder_identity.clone());
                    if told != holder {
                        tracing::info!(lease = %self.lease, holder, "another replica leads; standing by");
                        told = holder;
                    }
                }
                Err(error) => tracing::warn!(lease = %self.lease, %error, "cannot compete for the lease; trying again"),
            }
            stop.run_until_cancelled(tokio::time::sleep(self.pause())).await?;
        }
    }

    /// Keeps the lease; returns when it is lost, which is before another replica may have it.
    pub(crate) async fn hold(&self) -> String {
        let mut observed = None;
        // Another waits for the whole duration after what it saw of us last.
        let patience = self.duration * 2 / 3;
        let mut renewed = Instant::now();
        loop {
            let began = Instant::now();
            let looked = tokio::time::timeout_at(renewed + patience, self.look(&mut observed)).await;
            match looked {
                Ok(Ok(Step::Renew)) => renewed = began,
                Ok(Ok(Step::Take | Step::Wait(_))) => return "another replica has taken it".to_owned(),
                Ok(Err(error)) => tracing::warn!(lease = %self.lease, %error, "the lease was not renewed; trying again"),
                Err(_) => {}
            }
            if renewed.elapsed() >= patience {
                return format!("it could not be renewed for {patience:?}");
            }
            tokio::time::sleep(self.pause()).await;
        }
    }

    /// Lets others have it at once.
    pub(crate) async fn release(&self) {
        let released = async {
            let Some(lease) = self.api.confirm::<Lease>(&self.lease).await? else {
                return Ok(());
            };
            let spec = lease.spec.clone().unwrap_or_default();
            if spec.holder_identity.as_deref() != Some(self.identity.as_str()) {
                return Ok(());
            }
            let free = LeaseSpec {
                holder_identity: Some(String::new()),
                lease_duration_seconds: Some(1),
                renew_time: Some(MicroTime(Timestamp::now())),
                ..spec
            };
            self.write(lease, free).await.map(drop)
        };
        let released: Result<(), ApiError> = released.await;
        match released {
            Ok(()) => tracing::info!(lease = %self.lease, "the lease is free for others"),
            Err(error) => {
                tracing::warn!(lease = %self.lease, %error, "the lease could not be released; others wait until it has run out")
            }
        }
    }

    /// Looks at the lease and does what there is to do; [`Step::Wait`] if it is somebody else's. [`Step::Take`] and
    /// [`Step::Renew`] if it is ours now.
    async fn look(&self, observed: &mut Option<Observed>) -> Result<Step, ApiError> {
        let now = Instant::now();
        let Some(lease) = self.api.confirm::<Lease>(&self.lease).await? else {
            let mut lease = Lease::default();
            lease.metadata.name = Some(self.lease.name.clone());
            lease.spec = Some(self.spec(&LeaseSpec::default(), Step::Take));
            let made = self
                .api
                .within(
                    "create",
                    "Lease",
                    self.what(),
                    self.leases().create(&PostParams::default(), &lease),
                )
                .await?;
            *observed = Some(Observed {
                spec: made.spec.unwrap_or_default(),
                at: now,
            });
            return Ok(Step::Take);
        };
        let spec = lease.spec.clone().unwrap_or_default();
        let seen = match observed.take() {
            Some(seen) if seen.spec == spec => seen,
            Some(_) | None => Observed { spec, at: now },
        };
        let step = step(&seen, &self.identity, now);
        if let Step::Wait(_) = step {
            *observed = Some(seen);
            return Ok(step);
        }
        let spec = self.spec(&seen.spec, step);
        *observed = Some(seen);
        match self.write(lease, spec).await {
            Ok(written) => {
                *observed = Some(Observed {
                    spec: written.spec.unwrap_or_default(),
                    at: now,
                });
                Ok(step)
            }
            Err(error) => Err(error),
        }
    }

    fn spec(&self, before: &LeaseSpec, step: Step) -> LeaseSpec {
        let now = MicroTime(Timestamp::now());
        let seconds = i32::try_from(self.duration.as_secs()).unwrap_or(i32::MAX);
        let is_new = step == Step::Take;
        LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: Some(seconds),
            acquire_time: if is_new {
                Some(now.clone())
            } else {
                before.acquire_time.clone()
            },
            renew_time: Some(now),
            lease_transitions: Some(before.lease_transitions.unwrap_or_default().saturating_add(i32::from(is_new))),
            ..before.clone()
        }
    }

    async fn write(&self, mut lease: Lease, spec: LeaseSpec) -> Result<Lease, ApiError> {
        // Its resourceVersion goes with it.
        lease.spec = Some(spec);
        lease.metadata.managed_fields = None;
        let leases = self.leases();
        let parameters = PostParams::default();
        let request = leases.replace(&self.lease.name, &parameters, &lease);
        self.api.within("update", "Lease", self.what(), request).await
    }

    fn leases(&self) -> kube::Api<Lease> {
        kube::Api::namespaced(self.api.client().clone(), &self.lease.namespace)
    }

    fn what(&self) -> String {
        format!("Lease {}", self.lease)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observed(holder: Option<&str>, seconds: i32, at: Instant) -> Observed {
        Observed {
            spec: LeaseSpec {
                holder_identity: holder.map(str::to_owned),
                lease_duration_seconds: Some(seconds),
                ..LeaseSpec::default()
            },
            at,
        }
    }

    #[test]
    fn a_lease_is_taken_when_it_is_nobodys_or_silent_for_too_long() {
        let at = Instant::now();
        let after = |seconds| at + Duration::from_secs(seconds);
        for (holder, now, expected) in [
            (None, after(0), Step::Take),
            (Some(""), after(0), Step::Take),
            (Some("me"), after(99), Step::Renew),
            (Some("other"), after(0), Step::Wait(Duration::from_secs(15))),
            (Some("other"), after(14), Step::Wait(Duration::from_secs(1))),
            (Some("other"), after(15), Step::Take),
        ] {
            assert_eq!(step(&observed(holder, 15, at), "me", now), expected, "{holder:?}");
        }
    }
}
