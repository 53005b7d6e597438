//! Read by the types and written back, an object is what it was: no field more, none less.

use crate::arbitrary;

use crds::bootstrap::{k0s_controller_config, k0s_worker_config, k0s_worker_config_template};
use crds::controlplane::{
    k0s_control_plane, k0s_control_plane_template, k0smotron_control_plane, k0smotron_control_plane_template,
};
use crds::infrastructure::{
    pooled_remote_machine, remote_cluster, remote_cluster_template, remote_machine, remote_machine_template,
};
use crds::k0smotron::{cluster, join_token_request};
use crds::object::{Object, Spec};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

fn reads_and_writes<S: Spec>() {
    let config = ProptestConfig {
        cases: 60,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let result = TestRunner::new(config).run(&arbitrary::object(S::DEFINITION, S::VERSION), |object| {
        let read: Object<S> =
            serde_json::from_value(object.clone()).map_err(|error| TestCaseError::fail(format!("{error}: {object}")))?;
        prop_assert_eq!(serde_json::to_value(read).unwrap(), object);
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{} {}: {error}", S::DEFINITION.kind, S::VERSION.name()));
}

/// Both versions of a kind.
macro_rules! reads_and_writes {
    ($($test:ident: $spec:ident;)*) => {
        $(
            #[test]
            fn $test() {
                reads_and_writes::<$test::v1beta1::$spec>();
                reads_and_writes::<$test::v1beta2::$spec>();
            }
        )*
    };
}

reads_and_writes! {
    remote_machine: RemoteMachineSpec;
    remote_machine_template: RemoteMachineTemplateSpec;
    pooled_remote_machine: PooledRemoteMachineSpec;
    remote_cluster: RemoteClusterSpec;
    remote_cluster_template: RemoteClusterTemplateSpec;
    k0s_controller_config: K0sControllerConfigSpec;
    k0s_worker_config: K0sWorkerConfigSpec;
    k0s_worker_config_template: K0sWorkerConfigTemplateSpec;
    k0s_control_plane: K0sControlPlaneSpec;
    k0s_control_plane_template: K0sControlPlaneTemplateSpec;
    k0smotron_control_plane: K0smotronControlPlaneSpec;
    k0smotron_control_plane_template: K0smotronControlPlaneTemplateSpec;
    cluster: ClusterSpec;
    join_token_request: JoinTokenRequestSpec;
}

#[test]
fn another_kind_is_not_taken_for_this_one() {
    type RemoteMachine = remote_machine::v1beta2::RemoteMachine;
    let object =
        serde_json::json!({ "apiVersion": "infrastructure.cluster.x-k8s.io/v1beta1", "kind": "RemoteMachine", "metadata": {} });
    let error = serde_json::from_value::<RemoteMachine>(object).unwrap_err().to_string();
    assert!(
        error.contains("is infrastructure.cluster.x-k8s.io/v1beta1, where infrastructure.cluster.x-k8s.io/v1beta2 is expected"),
        "{error}"
    );
}
