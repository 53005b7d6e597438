//! A MachineHealthCheck gives a sick machine's host back and takes another one.

use serde_json::json;
use testbed::stand_in_reference;

use crate::hosts::{expect, provisioned};
use crate::objects::{CLUSTER, CLUSTER_API, WORKERS, object};
use crate::scaling::{five, machine_of, scale};

#[test]
fn a_sick_machine_is_replaced() {
    let (site, hosts) = five(&json!({ "controlPlaneRef": stand_in_reference(CLUSTER) }));
    site.stand_in();
    scale(&site, 3);
    expect(&site, &hosts, 3);
    site.apply(&[object(
        CLUSTER_API,
        "MachineHealthCheck",
        WORKERS,
        &json!({ "spec": {
            "clusterName": CLUSTER,
            "selector": { "matchLabels": { "pool": WORKERS } },
            "checks": { "nodeStartupTimeoutSeconds": 3600 },
        } }),
    )]);
    let before = provisioned(&site);
    let (_, sick) = before.first_key_value().unwrap();
    site.kubectl(&[
        "annotate",
        "machine.v1beta2.cluster.x-k8s.io",
        &machine_of(&site, sick),
        "cluster.x-k8s.io/remediate-machine=",
    ]);
    site.until("the sick machine is gone", || {
        let now = provisioned(&site);
        if now.values().any(|name| name == sick) {
            Err(format!("{now:?}"))
        } else {
            Ok(())
        }
    });
    expect(&site, &hosts, 3);
    let after = provisioned(&site);
    assert_eq!(
        before.values().filter(|name| after.values().any(|its| its == *name)).count(),
        2,
        "the others stayed"
    );
    site.expect_no_refusal();
}
