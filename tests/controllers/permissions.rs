//! What the manifests let a controller do that looks after one namespace and makes no Jobs: that is enough for it.

use serde_json::{Value, json};
use testbed::{Machine as Host, Shell, SudoRule};

use crate::controller_lab::{Controller, plane};
use crate::lab::{Lab, machine};
use crate::site::{COUNTS, Site};

/// The objects that `anywhere manifests` prints for a controller in this namespace and for it alone, as JSON by kubectl.
fn manifests(namespace: &str) -> Vec<Value> {
    let printed = Lab::new().run(&[
        "manifests",
        "--namespace",
        namespace,
        "--watch-namespace",
        namespace,
        "--provision-jobs=false",
    ]);
    let read = ["create", "--dry-run=client", "-o", "json", "-f", "-"];
    let objects = plane().kubectl_with(&read, &printed.expect(0).out).unwrap();
    let objects = serde_json::Deserializer::from_str(&objects).into_iter::<Value>();
    objects.map(Result::unwrap).collect()
}

#[test]
fn a_controller_of_one_namespace_needs_no_permission_elsewhere() {
    let site = Site::new("narrow");
    let objects = manifests(site.name());
    let of_kind = |kind: &'static str| objects.iter().filter(move |object| object["kind"] == kind);
    let is_of_controller = |object: &&Value| object["metadata"]["name"] != "anywhere-webhook";
    assert_eq!(of_kind("ClusterRole").find(is_of_controller), None);
    for kind in ["ServiceAccount", "Role", "RoleBinding"] {
        for object in of_kind(kind).filter(is_of_controller) {
            site.apply(object.clone());
        }
    }
    let deployment = of_kind("Deployment").find(is_of_controller).unwrap();
    let arguments = &deployment["spec"]["template"]["spec"]["containers"][0]["args"];
    let name = site.name();
    assert_eq!(
        arguments,
        &json!([
            "controller",
            "--leader-elect",
            format!("--namespace={name}"),
            "--provision-jobs=false"
        ])
    );

    let kubeconfig = plane().service_account_kubeconfig(name, "anywhere-controller").unwrap();
    let more = [
        "--leader-elect",
        "--leader-election-namespace",
        name,
        "--provision-jobs=false",
    ];
    let controller = Controller::start_as(&kubeconfig, name, &more);
    controller.until("the controllers work");
    site.cluster();
    let hosts: [Host; 2] = [(); 2].map(|()| machine(Shell::Dash, SudoRule::None));
    site.remote_machine("own", &hosts[0], COUNTS, &json!({}));
    let template = json!({ "spec": { "containers": [{ "name": "ssh", "image": "example.org/ssh:1" }] } });
    let job = json!({ "provisionJob": { "jobSpecTemplate": { "spec": { "template": template } } } });
    site.remote_machine("job", &hosts[1], COUNTS, &job);
    site.until("own", "Ready");
    let message = site.until("job", "InvalidSpec");
    assert!(message.contains("--provision-jobs=false"), "{message}");
    site.delete("own");
    site.delete("job");
    let (ended, _) = controller.stop();
    assert!(ended.success());
}
