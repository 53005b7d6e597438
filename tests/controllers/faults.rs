//! What goes wrong around the controller: on a control plane of its own, as others would suffer from it.

use serde_json::json;
use testbed::{ControlPlane, ControlPlaneOptions, Part, Shell, SudoRule};

use crate::controller_lab::{Controller, install};
use crate::lab::{machine, sh, wait_until};
use crate::site::{COUNTS, Site};

#[test]
fn neither_the_api_server_nor_its_store_has_to_be_there_while_a_host_is_worked_on() {
    // It ends with this process.
    let plane: &ControlPlane = Box::leak(Box::new(
        ControlPlane::start(&ControlPlaneOptions::with_controllers()).unwrap(),
    ));
    install(plane);
    let site = Site::on(plane, "faults");
    site.cluster();
    let controller = Controller::start_as(&plane.kubeconfig(), site.name(), &[]);
    let host = machine(Shell::Dash, SudoRule::NoPassword);
    let data = format!("{COUNTS}- touch /root/begun\n- while [ ! -e /root/go ]; do sleep 0.1; done\n- touch /root/ended\n");
    site.remote_machine("f", &host, &data, &json!({}));
    wait_until(&host, "[ -e /root/begun ]");
    plane.stop_part(Part::ApiServer).unwrap();
    controller.until("a watch broke");
    sh(&host, "touch /root/go");
    wait_until(&host, "[ -e /root/ended ]");
    plane.start_part(Part::ApiServer).unwrap();
    site.until("f", "Ready");
    assert_eq!(sh(&host, "wc -l < /root/counted").trim(), "1");

    // The store comes back as it was; what had been watched is begun anew.
    plane.stop_part(Part::Etcd).unwrap();
    plane.start_part(Part::Etcd).unwrap();
    let other = machine(Shell::Dash, SudoRule::NoPassword);
    site.remote_machine("g", &other, COUNTS, &json!({}));
    site.until("g", "Ready");
    site.delete("f");
    sh(&host, "[ ! -e /var/lib/anywhere ]");
    assert!(!controller.has_said("panicked"));
    assert!(controller.stop().0.success());
}
