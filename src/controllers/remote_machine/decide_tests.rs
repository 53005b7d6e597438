//! What is decided, case by case.
#![allow(clippy::unwrap_used, clippy::panic)] // a test that cannot be set up fails

use remote::engine::{Error, Failure, Finish};
use remote::ssh::Traffic;
use serde_json::{Value, json};

use super::*;
use crate::controllers::work::{Progress, WorkError};

const PATIENCE: Duration = Duration::from_secs(600);

fn now() -> Timestamp {
    "2026-11-21T01:00:00Z".parse().unwrap()
}

fn ago(seconds: i64) -> Timestamp {
    Timestamp::from_second(now().as_second() - seconds).unwrap()
}

/// With all there has to be, and changed by a merge patch.
fn object(patch: Value) -> Arc<RemoteMachine> {
    let mut object = json!({
        "apiVersion": "infrastructure.cluster.x-k8s.io/v1beta2", "kind": "RemoteMachine",
        "metadata": { "name": "r", "namespace": "d", "uid": "u", "finalizers": [FINALIZER] },
        "spec": { "address": "10.0.0.1", "sshKeyRef": { "name": "key" } },
    });
    merge(&mut object, patch);
    Arc::new(serde_json::from_value(object).unwrap())
}

fn merge(to: &mut Value, patch: Value) {
    match (to, patch) {
        (Value::Object(to), Value::Object(patch)) => {
            for (key, value) in patch {
                merge(to.entry(key).or_insert(Value::Null), value);
            }
        }
        (to, patch) => *to = patch,
    }
}

fn merged(mut one: Value, other: Value) -> Value {
    merge(&mut one, other);
    one
}

fn machine(data: Option<&str>) -> Owner {
    Owner::There(Arc::new(
        serde_json::from_value(json!({
            "metadata": { "name": "m", "namespace": "d" },
            "spec": { "clusterName": "c", "bootstrap": { "dataSecretName": data, "configRef": { "kind": "KubeadmConfig", "name": "k" } } },
        }))
        .unwrap(),
    ))
}

fn cluster(paused: bool, ready: bool) -> Option<Arc<Cluster>> {
    let cluster = json!({
        "metadata": { "name": "c" }, "spec": { "paused": paused },
        "status": { "initialization": { "infrastructureProvisioned": ready } },
    });
    Some(Arc::new(serde_json::from_value(cluster).unwrap()))
}

/// A RemoteMachine that nothing stands in the way of.
fn seen(patch: Value) -> Seen {
    Seen {
        object: object(patch),
        machine: machine(Some("data")),
        cluster: cluster(false, true),
        claim: None,
        work: None,
        attempt: Attempt::default(),
    }
}

fn work(mode: Mode, ended: Option<Result<(), Error>>) -> Option<Report> {
    let finish = Finish {
        unchanged: false,
        steps_run: 1,
        connections: 1,
        traffic: Traffic::default(),
    };
    Some(Report {
        id: "a".to_owned(),
        mode,
        since: ago(60),
        progress: Progress::default(),
        ended: ended.map(|result| Ended {
            at: ago(5),
            result: result.map(|()| finish).map_err(|error| Arc::new(WorkError::Run(error))),
        }),
    })
}

fn step_failed() -> Error {
    Error::Step(Failure {
        number: 2,
        of: 3,
        name: "runcmd[1]".to_owned(),
        status: 7,
        said: vec!["no".to_owned()],
    })
}

fn decided(seen: &Seen) -> Decision {
    decide(seen, PATIENCE, now())
}

fn deleted(patch: Value) -> Value {
    let mut all = json!({ "metadata": { "deletionTimestamp": ago(30).to_string() } });
    merge(&mut all, patch);
    all
}

fn begun() -> Value {
    json!({ "metadata": { "annotations": { BEGUN: "true" } } })
}

fn reason(standing: &Standing) -> &'static str {
    match standing {
        Standing::Waiting(reason, _) | Standing::Failed(reason, _) | Standing::Deleting(reason, _) => reason,
        Standing::AsBefore => "as before",
        Standing::Paused(_) => "paused",
        Standing::Running(_) => "running",
        Standing::Provisioned => "provisioned",
    }
}

#[test]
fn what_is_waited_for_comes_in_order() {
    let all = seen(json!({}));
    let cases = [
        (
            Seen {
                machine: Owner::None,
                ..all.clone()
            },
            "WaitingForMachine",
        ),
        (
            Seen {
                machine: Owner::Missing("m".to_owned()),
                ..all.clone()
            },
            "WaitingForMachine",
        ),
        (
            Seen {
                cluster: None,
                ..all.clone()
            },
            "WaitingForCluster",
        ),
        (
            Seen {
                cluster: cluster(false, false),
                ..all.clone()
            },
            "WaitingForClusterInfrastructure",
        ),
        (
            Seen {
                machine: machine(None),
                ..all.clone()
            },
            "WaitingForBootstrapData",
        ),
        (
            Seen {
                claim: Some(Claim::Waits("WaitingForPoolEntry", String::new())),
                ..all.clone()
            },
            "WaitingForPoolEntry",
        ),
    ];
    for (seen, expected) in cases {
        // For as long as it may take, nothing is done and no timer runs: what is waited for is what wakes it.
        for waited in [0, 3600] {
            let decision = decide(&seen, PATIENCE, now() + Duration::from_secs(waited));
            assert_eq!((decision.action, reason(&decision.standing)), (Action::None, expected));
            assert_eq!(decision.at, None, "{expected}");
        }
    }
    assert_eq!(decided(&all).action, Action::Provision);
    assert_eq!(
        decided(&Seen {
            claim: Some(Claim::Provision),
            ..all
        })
        .action,
        Action::Provision
    );
}

#[test]
fn a_claim_follows_its_entry_only_from_a_host_that_was_never_reached() {
    let untouched = Attempt {
        is_untouched: true,
        ..Attempt::default()
    };
    let failed = || work(Mode::Apply, Some(Err(Error::Lost(String::new()))));
    let moved = Seen {
        claim: Some(Claim::Moved),
        work: failed(),
        attempt: untouched,
        ..seen(begun())
    };
    assert_eq!(decided(&moved).action, Action::TakeBack);
    let under_way = Seen {
        work: work(Mode::Apply, None),
        ..moved.clone()
    };
    assert_eq!(decided(&under_way).action, Action::Stop);
    let mut reached = failed();
    reached.as_mut().unwrap().progress.has_connected = true;
    for stays in [
        Seen {
            work: reached,
            ..moved.clone()
        },
        // Nothing is known of what was done there before.
        Seen {
            attempt: Attempt::default(),
            ..moved.clone()
        },
        Seen {
            work: None,
            ..moved.clone()
        },
        Seen {
            claim: Some(Claim::Provision),
            ..moved
        },
    ] {
        assert_ne!(decided(&stays).action, Action::TakeBack);
    }
}

#[test]
fn an_object_is_ours_once_it_has_our_finalizer() {
    let bare = json!({ "metadata": { "finalizers": [] } });
    // What begins at once says both in one write, but for a claim, which gets no entry before.
    assert_eq!(decided(&seen(bare.clone())).action, Action::Provision);
    for (patch, claim, data) in [
        (bare.clone(), Some(Claim::Provision), Some("data")),
        (bare.clone(), None, None),
        (merged(begun(), bare.clone()), None, Some("data")),
    ] {
        let seen = Seen {
            claim,
            machine: machine(data),
            ..seen(patch)
        };
        assert_eq!(decided(&seen).action, Action::AddFinalizer);
    }
    let decision = decided(&seen(deleted(bare)));
    assert_eq!((decision.action, decision.standing), (Action::Stop, Standing::AsBefore));
}

#[test]
fn what_is_paused_is_left_alone() {
    let annotated = json!({ "metadata": { "annotations": { "cluster.x-k8s.io/paused": "" } } });
    let cases = [
        seen(annotated.clone()),
        seen(deleted(annotated)),
        Seen {
            cluster: cluster(true, true),
            ..seen(json!({ "metadata": { "finalizers": [] } }))
        },
        Seen {
            cluster: cluster(true, true),
            work: work(Mode::Apply, None),
            ..seen(json!({}))
        },
    ];
    for seen in cases {
        let decision = decided(&seen);
        assert_eq!((decision.action, reason(&decision.standing)), (Action::Stop, "paused"));
    }
}

#[test]
fn what_is_provisioned_stays_so() {
    let provisioned = json!({ "status": { "initialization": { "provisioned": true } } });
    for seen in [
        seen(provisioned.clone()),
        // Objects of the original, and such whose Machine or Cluster cannot be seen.
        Seen {
            machine: Owner::None,
            cluster: None,
            ..seen(provisioned)
        },
    ] {
        let decision = decided(&seen);
        assert_eq!((decision.action, decision.standing), (Action::None, Standing::Provisioned));
    }
    // The process ended in between, or the status was lost.
    let named = json!({ "spec": { "providerID": "remote-machine://10.0.0.1:22" } });
    assert_eq!(decided(&seen(named)).action, Action::Finish);
}

#[test]
fn of_work_that_has_just_begun_nothing_is_said_until_its_host_answers() {
    let begun = |seconds, has_connected| {
        let mut report = work(Mode::Apply, None).unwrap();
        report.since = ago(seconds);
        report.progress.has_connected = has_connected;
        let seen = Seen {
            work: Some(report),
            ..seen(begun())
        };
        let decision = decided(&seen);
        (reason(&decision.standing), decision.at)
    };
    assert_eq!(begun(0, false), ("as before", Some(now() + NEWS)));
    assert_eq!(begun(0, true), ("running", None));
    assert_eq!(begun(2, false), ("running", None));
}

#[test]
fn work_is_followed_and_its_end_is_told() {
    let running = Seen {
        work: work(Mode::Apply, None),
        ..seen(begun())
    };
    let decision = decided(&running);
    assert_eq!((decision.action, reason(&decision.standing)), (Action::None, "running"));
    let changed = Attempt {
        is_changed: true,
        ..Attempt::default()
    };
    assert_eq!(
        decided(&Seen {
            attempt: changed,
            ..running
        })
        .action,
        Action::Compare
    );
    let done = Seen {
        work: work(Mode::Apply, Some(Ok(()))),
        ..seen(begun())
    };
    assert_eq!(decided(&done).action, Action::Finish);
}

#[test]
fn failed_work_is_tried_again_later_or_at_once_when_something_has_changed() {
    let failed = |failures, is_changed| Seen {
        work: work(Mode::Apply, Some(Err(step_failed()))),
        attempt: Attempt {
            failures,
            refused: None,
            is_changed,
            is_untouched: false,
        },
        ..seen(begun())
    };
    let decision = decided(&failed(1, false));
    assert_eq!((decision.action, reason(&decision.standing)), (Action::None, "StepFailed"));
    assert_eq!(decision.at, Some(ago(-5)));
    assert_eq!(decided(&failed(3, false)).at, Some(ago(-35)));
    assert_eq!(decided(&failed(1, true)).action, Action::Provision);
    let due = decide(&failed(1, false), PATIENCE, ago(-5));
    assert_eq!(due.action, Action::Provision);
    let stopped = Seen {
        work: work(Mode::Apply, Some(Err(Error::Stopped))),
        ..seen(begun())
    };
    assert_eq!(decided(&stopped).action, Action::Provision);
    let refused = Seen {
        work: work(
            Mode::Apply,
            Some(Err(Error::Interrupted {
                name: "runcmd[0]".to_owned(),
                by: remote::engine::Interruption::Reboot,
            })),
        ),
        ..seen(begun())
    };
    let decision = decided(&refused);
    assert_eq!(
        (decision.action, decision.at, reason(&decision.standing)),
        (Action::None, None, "StepInterrupted")
    );
}

#[test]
fn what_was_refused_waits_for_a_change() {
    let refused = |is_wait, is_changed| Seen {
        attempt: Attempt {
            failures: 0,
            refused: Some(Refused {
                reason: "Why",
                message: "so".to_owned(),
                is_wait,
            }),
            is_changed,
            is_untouched: false,
        },
        ..seen(json!({}))
    };
    assert_eq!(
        decided(&refused(false, false)).standing,
        Standing::Failed("Why", "so".to_owned())
    );
    assert_eq!(
        decided(&refused(true, false)).standing,
        Standing::Waiting("Why", "so".to_owned())
    );
    assert_eq!(decided(&refused(true, true)).action, Action::Provision);
}

#[test]
fn what_has_not_begun_goes_at_once() {
    let gone = |seen: Seen| Seen {
        machine: Owner::None,
        cluster: None,
        ..seen
    };
    for (seen, expected) in [
        (gone(seen(deleted(json!({})))), Action::LetGo(Why::NotBegun)),
        (
            Seen {
                claim: Some(Claim::LetGo),
                ..seen(deleted(begun()))
            },
            Action::LetGo(Why::NotBegun),
        ),
        (gone(seen(deleted(begun()))), Action::Clean),
        (
            Seen {
                claim: Some(Claim::CleanAlone),
                ..seen(deleted(begun()))
            },
            Action::Clean,
        ),
        (
            gone(seen(deleted(
                json!({ "status": { "initialization": { "provisioned": true } } }),
            ))),
            Action::Clean,
        ),
    ] {
        assert_eq!(decided(&seen).action, expected);
    }
    let mut skipped = begun();
    merge(
        &mut skipped,
        json!({ "metadata": { "annotations": { SKIP_CLEAN_UP: "true" } } }),
    );
    assert_eq!(decided(&seen(deleted(skipped))).action, Action::LetGo(Why::Skipped));
}

#[test]
fn a_host_is_cleaned_until_it_is_clean_or_patience_ends() {
    let cleaning = |work| Seen {
        work,
        ..seen(deleted(begun()))
    };
    let decision = decided(&cleaning(work(Mode::Apply, None)));
    assert_eq!((decision.action, reason(&decision.standing)), (Action::Stop, "StoppingWork"));
    // Also where it cannot be begun, as a Secret is missing, and its status says so already.
    let decision = decided(&cleaning(work(Mode::Apply, Some(Ok(())))));
    assert_eq!((decision.action, decision.at), (Action::Clean, Some(ago(-570))));
    let decision = decided(&cleaning(work(Mode::Reset, None)));
    assert_eq!(
        (decision.action, reason(&decision.standing), decision.at),
        (Action::None, "Cleaning", Some(ago(-570)))
    );
    // A Job that cannot begin may have another image by now.
    let mut changed = cleaning(work(Mode::Reset, None));
    changed.attempt.is_changed = true;
    let decision = decided(&changed);
    assert_eq!((decision.action, decision.at), (Action::Compare, Some(ago(-570))));
    assert_eq!(
        decided(&cleaning(work(Mode::Reset, Some(Ok(()))))).action,
        Action::LetGo(Why::Cleaned)
    );
    let owned = Error::Owned {
        owner: "other".to_owned(),
    };
    assert_eq!(
        decided(&cleaning(work(Mode::Reset, Some(Err(owned))))).action,
        Action::LetGo(Why::NotIts)
    );
    let failed = cleaning(work(Mode::Reset, Some(Err(step_failed()))));
    assert_eq!(decided(&failed).at, Some(ago(-5)));
    let decision = decide(&failed, PATIENCE, ago(-6));
    assert_eq!((decision.action, decision.at), (Action::Clean, Some(ago(-570))));
    assert_eq!(decide(&failed, PATIENCE, ago(-570)).action, Action::LetGo(Why::GaveUp));
    assert_eq!(
        decide(&cleaning(work(Mode::Reset, None)), PATIENCE, ago(-571)).action,
        Action::LetGo(Why::GaveUp)
    );
}
