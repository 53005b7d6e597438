//! Everything deleted at once, in any order: Clusters, Machines, RemoteMachines at each point of their lives, entries of pools, templates
//! and Secrets. Whatever goes first, all of it goes, soon, and each host is clean or somebody is told that it is not.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use testbed::{Faults, Machine as Host, MachineSpec, Namespace, Proxy};

use crate::api::{Api, Kind, until};
use crate::controller_lab::{Controller, plane};
use crate::seed::{Choices, is_exhaustive, number, seed};
use crate::silent::Silent;
use crate::world::{Ground, World};

/// How many orders are tried, and how many of them side by side.
const SEEDS: u64 = 20;
const ALL_SEEDS: u64 = 1000;
const AT_ONCE: u64 = 20;

/// Seconds after which a RemoteMachine lets go of a host that cannot be cleaned.
const CLEAN_TIMEOUT: &str = "5";
/// So many writes are made for an object on the average, all of its life and its Events included.
const WRITES: f64 = 12.0;

/// What all batches came to.
#[derive(Default, Debug)]
struct Totals {
    objects: usize,
    hosts: usize,
    dirty: usize,
    kills: usize,
    writes: f64,
    slowest: Duration,
}

fn writes(controller: &Controller) -> f64 {
    ["patch", "patch-status", "create"]
        .map(|verb| controller.metric(&format!("anywhere_api_requests_total{{verb=\"{verb}\"")))
        .iter()
        .sum()
}

fn start(label: &str) -> Controller {
    let controller = Controller::start_everywhere(&["--watch-filter", label, "--clean-timeout", CLEAN_TIMEOUT]);
    controller.until("the controllers work");
    controller
}

/// Some seeds side by side, with one controller for all of them.
fn batch(seeds: std::ops::Range<u64>, namespaces: &[Namespace<'_>], ground: &Ground, totals: &mut Totals) {
    let label = format!("seed-{}", seeds.start);
    let mut choices = Choices::new(seeds.start);
    let mut hosts = hosts(2 * (seeds.end - seeds.start));
    let mut controller = start(&label);
    let mut worlds: Vec<World<'_>> = Vec::new();
    let mut before = BTreeMap::new();
    for (seed, namespace) in seeds.zip(namespaces) {
        let api = Api::new(&plane().kubeconfig(), namespace.name());
        let mut world = World {
            seed,
            api,
            choices: Choices::new(seed),
            ground,
            label: label.clone(),
            objects: Vec::new(),
            hosts: Vec::new(),
            ports: 1000,
        };
        world.fill(&mut hosts);
        if let Some(claim) = world.quarantine() {
            before.insert(worlds.len(), claim);
        }
        worlds.push(world);
    }
    let state = |world: &World<'_>, state: &str| {
        let entry = world.api.find(Kind::PooledRemoteMachine, &world.name("kept"));
        entry.is_some_and(|entry| entry["status"]["state"] == state)
    };
    for (index, claim) in &before {
        let world = &worlds[*index];
        world.api.until("bound", || state(world, "Bound"));
        world.api.delete(Kind::RemoteMachine, claim);
    }
    for (index, world) in worlds.iter().enumerate() {
        if before.contains_key(&index) {
            world.api.until("quarantined", || state(world, "Quarantined"));
        }
        world.api.until("everybody is where they are to be", || world.is_set());
    }

    let mut orders: Vec<Vec<(Kind, String)>> = Vec::new();
    for world in &mut worlds {
        let mut order = world.objects.clone();
        world.choices.shuffle(&mut order);
        orders.push(order);
        totals.objects += world.objects.len();
        totals.hosts += world.hosts.len();
    }
    let all: usize = orders.iter().map(Vec::len).sum();
    // In every other batch the controller dies on the way, and is back somewhat later.
    let dies = choices.happens(50).then(|| choices.below(all as u64) as usize);
    let returns = dies.map(|dies| dies + choices.below(all as u64 / 4) as usize);
    let began = Instant::now();
    let mut deleted = 0;
    let mut dead = None;
    let longest = orders.iter().map(Vec::len).max().unwrap_or_default();
    for place in 0..longest {
        for (world, order) in worlds.iter().zip(&orders) {
            let Some((kind, name)) = order.get(place) else { continue };
            world.api.delete(*kind, name);
            deleted += 1;
            if dies == Some(deleted) {
                totals.writes += writes(&controller);
                totals.kills += 1;
                dead = Some(());
                controller.die();
            }
            if dead.is_some() && returns.is_some_and(|returns| returns <= deleted) {
                dead = None;
                controller = start(&label);
            }
        }
    }
    if dead.is_some() {
        controller = start(&label);
    }
    for world in &worlds {
        until(
            &format!("all of seed {} is gone", world.seed),
            || world.left().is_empty(),
            || format!("{:?}\n{}", world.left(), world.api.shown()),
        );
    }
    totals.slowest = totals.slowest.max(began.elapsed());
    totals.writes += writes(&controller);
    assert!(!controller.has_said("panicked"));
    assert!(controller.stop().0.success());
    for world in &worlds {
        totals.dirty += world.check();
        world.api.delete_all(Kind::Event);
    }
}

fn hosts(count: u64) -> Vec<Host> {
    let specs: Vec<MachineSpec> = (0..count).map(|_| MachineSpec::default()).collect();
    Host::start_many(&specs).into_iter().map(Result::unwrap).collect()
}

#[test]
fn whatever_is_deleted_in_whatever_order_all_of_it_goes() {
    let first = seed() * 1000;
    let all = number("ANYWHERE_SEEDS").unwrap_or(if is_exhaustive() { ALL_SEEDS } else { SEEDS });
    let namespaces: Vec<_> = (0..AT_ONCE.min(all)).map(|_| plane().namespace("order").unwrap()).collect();
    let nowhere = std::net::SocketAddr::from(([127, 0, 0, 1], 9));
    let ground = Ground {
        dead: Proxy::start(
            nowhere,
            Faults {
                refuse: true,
                ..Faults::default()
            },
        )
        .unwrap(),
        silent: Silent::start(),
        key: std::fs::read_to_string(crate::lab::key()).unwrap(),
    };
    let mut totals = Totals::default();
    let mut next = first;
    while next < first + all {
        let end = (next + AT_ONCE).min(first + all);
        println!("seeds {next} to {}", end - 1);
        batch(next..end, &namespaces, &ground, &mut totals);
        next = end;
    }
    let each = totals.writes / totals.objects as f64;
    println!("{all} orders: {totals:?}, {each:.1} writes for an object");
    assert!(each < WRITES, "{each:.1} writes for an object");
}
