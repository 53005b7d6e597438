//! Somebody else who writes the same objects all the time: the controller's writes are refused (409) again and again.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use crate::api::{Api, Kind};
use crate::controller_lab::Controller;
use crate::scene::{COUNTS, Scene};

/// How many machines come and go.
const ROUNDS: usize = 5;
/// How many writes of ours are refused and taken for one of them.
const REFUSED: f64 = 100.0;
const TAKEN: f64 = 60.0;

fn writes(controller: &Controller, result: &str) -> f64 {
    let page = controller.metrics();
    let lines = page.lines().filter(|line| {
        line.starts_with("anywhere_api_requests_total{verb=\"patch") && line.contains(&format!("result=\"{result}\""))
    });
    lines
        .map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap())
        .sum()
}

/// Writes all of them, one after the other, until it is told to stop.
fn touch(api: &Api, stop: &AtomicBool) -> u64 {
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        number += 1;
        let patch = json!({ "metadata": { "annotations": { "example.com/touched": number.to_string() } } });
        for (kind, name) in [
            (Kind::RemoteMachine, "m"),
            (Kind::PooledRemoteMachine, "e0"),
            (Kind::PooledRemoteMachine, "e1"),
            (Kind::Machine, "m"),
        ] {
            api.patch(kind, name, &patch);
        }
    }
    number
}

#[test]
fn a_second_writer_changes_nothing_and_everything_is_done_once() {
    let mut scene = Scene::new("contended");
    let mut controller = scene.controller();
    let (api, stop) = (scene.api.clone(), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let toucher = scope.spawn(|| touch(&api, &stop));
        // Also where a check fails: the scope waits for the other.
        let _stop = StopAtEnd(&stop);
        for round in 0..ROUNDS {
            let context = format!("round {round}");
            let provision = |api: &Api| api.machine("m", COUNTS, &json!({ "pool": "edge" }));
            scene.undisturbed(&mut controller, provision, |scene| scene.is_ready("m"));
            let number = scene.check_provisioned("m", &context);
            let release = |api: &Api| api.delete(Kind::RemoteMachine, "m");
            scene.undisturbed(&mut controller, release, |scene| scene.is_released("m"));
            scene.check_released(number, &context);
            scene.forget("m");
        }
        stop.store(true, Ordering::Relaxed);
        println!("{} times touched", toucher.join().unwrap());
    });
    let [refused, taken] = ["conflict", "ok"].map(|result| writes(&controller, result) / ROUNDS as f64);
    println!("{refused} writes refused and {taken} taken for a machine that comes and goes");
    assert!(refused > 0.0, "nobody was in the way");
    assert!(refused < REFUSED && taken < TAKEN, "{refused} {taken}");
    assert!(!controller.has_said("panicked"));
    assert!(controller.stop().0.success());
}

struct StopAtEnd<'a>(&'a AtomicBool);

impl Drop for StopAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
