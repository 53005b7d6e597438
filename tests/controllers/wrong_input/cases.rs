//! One wrong thing each, and what mends it.

use serde_json::{Value, json};

use super::machines;

/// What has the wrong thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum On {
    /// A RemoteMachine with an address of its own, and the same in an entry of a pool that another one claims.
    Machine,
    /// A RemoteMachine with an address of its own.
    Alone,
    /// A RemoteMachine that claims an entry.
    Claim,
    /// An entry, beside its machine.
    Entry,
    /// The Secret with the bootstrap data: `wrong` and `mend` are what is in it.
    Data,
}

/// See the module. In all texts, `@NAME@` stands for the case's Secret, `@ADDRESS@` and `@HOST_KEY@` for those of the host, `@KEY@` and
/// `@OTHER_KEY@` for a private key that it takes and one that it does not.
pub(super) struct Case {
    /// What is wrong, in words.
    pub(super) name: &'static str,
    pub(super) on: On,
    /// The fields that the case is about.
    pub(super) fields: &'static [&'static str],
    /// What is laid over a spec that is right.
    pub(super) wrong: Value,
    /// The patch of that spec that mends it; null, where the Secret does.
    pub(super) mend: Value,
    /// What is in the Secret `@NAME@` at first, and then; null, where there is none.
    pub(super) secret: Option<[Value; 2]>,
    /// The bootstrap data, where that matters.
    pub(super) data: Option<&'static str>,
    /// The reason of the condition Ready.
    pub(super) reason: &'static str,
}

/// Fields whose every value of the right type is right: what is wrong with these the API server says.
pub(super) const BY_TYPE: [&str; 9] = [
    // Somebody's choice.
    "commandsAsScript",
    "rerunInterrupted",
    // Any is too long or too short for somebody only.
    "timeouts.connectSeconds",
    // Any text; whoever sets it says that there is nothing to do.
    "providerID",
    // A closed list.
    "node.taints[].effect",
    // What is provisioned by a Job has conditions of its own.
    "provisionJob.jobSpecTemplate",
    "provisionJob.scpCommand",
    "provisionJob.sshCommand",
    // One that no entry has is told like any other label.
    "poolSelector.matchExpressions[].key",
];

pub(super) fn case(on: On, name: &'static str, fields: &'static [&'static str], reason: &'static str) -> Case {
    Case {
        name,
        on,
        fields,
        wrong: json!({}),
        mend: Value::Null,
        secret: None,
        data: None,
        reason,
    }
}

impl Case {
    pub(super) fn spec(self, wrong: Value, mend: Value) -> Self {
        Self { wrong, mend, ..self }
    }

    pub(super) fn secret(self, wrong: Value, right: Value) -> Self {
        let secret = Some([wrong, right]);
        Self { secret, ..self }
    }

    fn data(self, data: &'static str) -> Self {
        let data = Some(data);
        Self { data, ..self }
    }
}

/// All of them.
pub(super) fn cases() -> Vec<Case> {
    let mut all = machines::ways_there();
    all.extend(machines::proofs());
    all.extend(machines::jump_hosts());
    all.extend(runs());
    all.extend(claims());
    all
}

const SLOW: &str =
    "#cloud-config\nruncmd:\n- sleep 5\n- mkdir -p /run/cluster-api\n- touch /run/cluster-api/bootstrap-success.complete\n";

/// What is done there.
fn runs() -> Vec<Case> {
    use On::{Data, Machine};
    let node = |wrong: Value| (json!({ "node": wrong }), json!({ "node": null }));
    let of_node = |name, fields, wrong| {
        let (wrong, mend) = node(wrong);
        case(Machine, name, fields, "InvalidSpec").spec(wrong, mend)
    };
    let right = || json!({ "value": crate::site::COUNTS, "format": "cloud-config" });
    vec![
        case(Machine, "a folder that is relative", &["workingDir"], "InvalidSpec").spec(
            json!({ "workingDir": "k0smotron" }),
            json!({ "workingDir": "/etc/k0smotron" }),
        ),
        case(
            Machine,
            "a command of the clean-up that is none",
            &["cleanUpCommands"],
            "InvalidSpec",
        )
        .spec(
            json!({ "cleanUpCommands": ["echo a\u{0}b"] }),
            json!({ "cleanUpCommands": null }),
        ),
        case(
            Machine,
            "a step that takes longer than it may",
            &["timeouts.stepSeconds"],
            "StepFailed",
        )
        .spec(
            json!({ "timeouts": { "stepSeconds": 2 } }),
            json!({ "timeouts": { "stepSeconds": 60 } }),
        )
        .data(SLOW),
        case(
            Machine,
            "a run that takes longer than it may",
            &["timeouts.runSeconds"],
            "StepFailed",
        )
        .spec(
            json!({ "timeouts": { "runSeconds": 3 } }),
            json!({ "timeouts": { "runSeconds": 60 } }),
        )
        .data(SLOW),
        of_node(
            "a label that is none",
            &["node.labels"],
            json!({ "labels": { "a b": "c", "d": "e/f" } }),
        ),
        of_node(
            "an annotation that is none",
            &["node.annotations"],
            json!({ "annotations": { "-a": "b" } }),
        ),
        of_node(
            "a taint that is none",
            &["node.taints", "node.taints[].key", "node.taints[].value"],
            json!({ "taints": [{ "key": "a/b/c", "value": "a b", "effect": "NoExecute" }] }),
        ),
        case(Data, "no Secret with the bootstrap data", &[], "WaitingForSecret").spec(Value::Null, right()),
        case(Data, "a Secret without bootstrap data", &[], "InvalidBootstrapData")
            .spec(json!({ "format": "cloud-config" }), right()),
        case(Data, "an unsupported format", &[], "InvalidBootstrapData")
            .spec(json!({ "value": "<powershell>", "format": "powershell" }), right()),
        case(Data, "a user-data of no known kind", &[], "InvalidBootstrapData")
            .spec(json!({ "value": "hello", "format": "cloud-config" }), right()),
        case(Data, "a module given wrongly", &[], "InvalidBootstrapData").spec(
            json!({ "value": "#cloud-config\nruncmd: 7\n", "format": "cloud-config" }),
            right(),
        ),
    ]
}

/// Which machine of which pool.
fn claims() -> Vec<Case> {
    use On::{Claim, Entry};
    let selector = |wrong: Value| json!({ "poolSelector": wrong });
    let any = || json!({ "poolSelector": null });
    vec![
        case(Claim, "a pool without entries", &["pool"], "WaitingForPoolEntry")
            .spec(json!({ "pool": "nowhere" }), json!({ "pool": "@NAME@" })),
        case(
            Claim,
            "labels that no entry has",
            &["poolSelector.matchLabels"],
            "WaitingForPoolEntry",
        )
        .spec(selector(json!({ "matchLabels": { "disk": "fast" } })), any()),
        case(
            Claim,
            "an operator that is none",
            &["poolSelector.matchExpressions", "poolSelector.matchExpressions[].operator"],
            "PoolSelectorInvalid",
        )
        .spec(
            selector(json!({ "matchExpressions": [{ "key": "disk", "operator": "Is" }] })),
            any(),
        ),
        case(
            Claim,
            "an operator without values",
            &["poolSelector.matchExpressions[].values"],
            "PoolSelectorInvalid",
        )
        .spec(
            selector(json!({ "matchExpressions": [{ "key": "disk", "operator": "In" }] })),
            any(),
        ),
        case(
            Claim,
            "a failure domain without entries",
            &["failureDomain"],
            "WaitingForPoolEntry",
        )
        .spec(json!({ "failureDomain": "rack-7" }), json!({ "failureDomain": "rack-1" })),
        case(Entry, "a pool that nobody claims from", &["pool"], "WaitingForPoolEntry")
            .spec(json!({ "pool": "nowhere" }), json!({ "pool": "@NAME@" })),
        case(Entry, "another failure domain", &["failureDomain"], "WaitingForPoolEntry")
            .spec(json!({ "failureDomain": "rack-7" }), json!({ "failureDomain": "rack-1" })),
    ]
}
