//! One wrong thing each, and what mends it.

use serde_json::{Value, json};

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

/// Fields whose every value of the right type is right, or says nothing of its own: what is wrong with these the API server says.
pub(super) const BY_TYPE: [&str; 15] = [
    // Somebody's choice.
    "commandsAsScript",
    "rerunInterrupted",
    // Any is too long or too short for somebody only; the two others end what takes too long.
    "timeouts.connectSeconds",
    // Any text; whoever sets it says that there is nothing to do.
    "providerID",
    // A closed list.
    "node.taints[].effect",
    // What is provisioned by a Job has conditions of its own.
    "provisionJob.jobSpecTemplate",
    "provisionJob.scpCommand",
    "provisionJob.sshCommand",
    // Of a login by key, these two are asked for one by one.
    "jumpHosts[].port",
    "jumpHosts[].user",
    "poolSelector.matchExpressions[].key",
    "poolSelector.matchExpressions[].values",
    "hostKeys[]",
    "cleanUpCommands[]",
    "hostCertificateAuthorities[]",
];

fn case(on: On, name: &'static str, fields: &'static [&'static str], reason: &'static str) -> Case {
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
    fn spec(self, wrong: Value, mend: Value) -> Self {
        Self { wrong, mend, ..self }
    }

    fn secret(self, wrong: Value, right: Value) -> Self {
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
    let mut all = ways_there();
    all.extend(proofs());
    all.extend(jump_hosts());
    all.extend(runs());
    all.extend(claims());
    all
}

const OTHER_HOST_KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";

/// Where the machine is.
fn ways_there() -> Vec<Case> {
    use On::Machine;
    let right = || json!({ "address": "@ADDRESS@", "port": 22 });
    vec![
        case(Machine, "user and address in one", &["address"], "InvalidSpec")
            .spec(json!({ "address": "root@@ADDRESS@" }), right()),
        case(Machine, "an address where nobody answers", &["address"], "Unreachable")
            .spec(json!({ "address": "127.33.0.9", "port": 9 }), right()),
        case(Machine, "a name that nobody knows", &["address"], "Unreachable")
            .spec(json!({ "address": "nobody-knows.invalid" }), right()),
        case(Machine, "a port where nobody listens", &["port"], "Unreachable").spec(json!({ "port": 9 }), right()),
        case(Machine, "another host key than given", &["hostKeys"], "HostKeyNotTrusted")
            .spec(json!({ "hostKeys": [OTHER_HOST_KEY] }), json!({ "hostKeys": ["@HOST_KEY@"] })),
        case(Machine, "a host key that is none", &["hostKeys"], "InvalidSpec")
            .spec(json!({ "hostKeys": ["ssh-ed25519 nonsense"] }), json!({ "hostKeys": null })),
        case(Machine, "no host keys at all", &["hostKeys"], "InvalidSpec")
            .spec(json!({ "hostKeys": [] }), json!({ "hostKeys": null })),
        case(
            Machine,
            "an authority that is none",
            &["hostCertificateAuthorities"],
            "InvalidSpec",
        )
        .spec(
            json!({ "hostCertificateAuthorities": ["nonsense"] }),
            json!({ "hostCertificateAuthorities": null }),
        ),
        case(
            Machine,
            "an authority that certifies another",
            &["hostCertificateAuthorities"],
            "HostKeyNotTrusted",
        )
        .spec(
            json!({ "hostCertificateAuthorities": [OTHER_HOST_KEY] }),
            json!({ "hostCertificateAuthorities": null }),
        ),
    ]
}

/// Who logs in there, and becomes root.
fn proofs() -> Vec<Case> {
    use On::{Alone, Machine};
    let key = || json!({ "value": "@KEY@" });
    let by_secret = || json!({ "sshKeyRef": { "name": "@NAME@" } });
    let admin = |more: Value| {
        let mut spec = json!({ "user": "admin", "useSudo": true, "sudoPasswordRef": { "name": "@NAME@" } });
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        spec
    };
    let password = || json!({ "value": "right" });
    vec![
        case(Machine, "a user that is not there", &["user"], "AuthenticationFailed")
            .spec(json!({ "user": "nobody-there" }), json!({ "user": "root" })),
        case(Machine, "an empty user", &["user"], "InvalidSpec").spec(json!({ "user": "" }), json!({ "user": "root" })),
        case(
            Machine,
            "no Secret with the key",
            &["sshKeyRef", "sshKeyRef.name"],
            "WaitingForSecret",
        )
        .spec(by_secret(), Value::Null)
        .secret(Value::Null, key()),
        case(Machine, "a Secret without value", &["sshKeyRef.name"], "InvalidSpec")
            .spec(by_secret(), Value::Null)
            .secret(json!({ "key": "x" }), key()),
        case(Machine, "a key that is none", &["sshKeyRef.name"], "InvalidCredentials")
            .spec(by_secret(), Value::Null)
            .secret(json!({ "value": "nonsense" }), key()),
        case(
            Machine,
            "a key that it does not take",
            &["sshKeyRef.name"],
            "AuthenticationFailed",
        )
        .spec(by_secret(), Value::Null)
        .secret(json!({ "value": "@OTHER_KEY@" }), key()),
        case(
            Machine,
            "a certificate that is none",
            &["sshCertificateRef.name"],
            "InvalidCredentials",
        )
        .spec(
            json!({ "sshCertificateRef": { "name": "@NAME@" } }),
            json!({ "sshCertificateRef": null }),
        )
        .secret(json!({ "value": "nonsense" }), json!({ "value": "nonsense" })),
        case(
            Alone,
            "a certificate without its key",
            &["sshCertificateRef.name"],
            "InvalidSpec",
        )
        .spec(
            json!({ "sshKeyRef": null, "sshCertificateRef": { "name": "@NAME@" }, "sshPasswordRef": { "name": "@NAME@" } }),
            json!({ "sshKeyRef": { "name": "key" }, "sshCertificateRef": null, "sshPasswordRef": null }),
        )
        .secret(json!({ "value": "x" }), json!({ "value": "x" })),
        case(
            Machine,
            "no Secret with the password",
            &["sshPasswordRef.name"],
            "WaitingForSecret",
        )
        .spec(json!({ "sshPasswordRef": { "name": "@NAME@" } }), Value::Null)
        .secret(Value::Null, password()),
        case(Machine, "an empty password", &["sshPasswordRef.name"], "InvalidSpec")
            .spec(json!({ "sshPasswordRef": { "name": "@NAME@" } }), Value::Null)
            .secret(json!({ "value": "" }), password()),
        case(
            Alone,
            "a password that it does not take",
            &["sshPasswordRef.name"],
            "AuthenticationFailed",
        )
        .spec(
            json!({ "sshKeyRef": null, "sshPasswordRef": { "name": "@NAME@" } }),
            json!({ "sshKeyRef": { "name": "key" } }),
        )
        .secret(json!({ "value": "wrong" }), json!({ "value": "wrong" })),
        case(Machine, "not root, and no sudo", &["useSudo"], "StepFailed")
            .spec(admin(json!({ "useSudo": false })), json!({ "useSudo": true }))
            .secret(password(), password()),
        case(
            Machine,
            "sudo asks for a password",
            &["sudoPasswordRef.name"],
            "PrivilegeFailed",
        )
        .spec(
            admin(json!({ "sudoPasswordRef": null })),
            json!({ "sudoPasswordRef": { "name": "@NAME@" } }),
        )
        .secret(password(), password()),
        case(
            Machine,
            "another password of sudo",
            &["sudoPasswordRef.name"],
            "PrivilegeFailed",
        )
        .spec(admin(json!({})), Value::Null)
        .secret(json!({ "value": "wrong" }), password()),
        case(
            Machine,
            "no Secret with the password of sudo",
            &["sudoPasswordRef.name"],
            "WaitingForSecret",
        )
        .spec(admin(json!({})), Value::Null)
        .secret(Value::Null, password()),
    ]
}

/// The way there.
fn jump_hosts() -> Vec<Case> {
    let through = |more: Value| {
        let mut jump = json!({ "address": "127.33.0.9", "port": 9 });
        jump.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "jumpHosts": [jump] })
    };
    let direct = || json!({ "jumpHosts": null });
    let jump = |name, fields, reason, more| case(On::Machine, name, fields, reason).spec(through(more), direct());
    vec![
        case(On::Machine, "no jump host in the list of them", &["jumpHosts"], "InvalidSpec")
            .spec(json!({ "jumpHosts": [] }), direct()),
        jump(
            "a jump host that does not answer",
            &["jumpHosts[].address"],
            "Unreachable",
            json!({}),
        ),
        jump(
            "a jump host that is no host",
            &["jumpHosts[].address"],
            "InvalidSpec",
            json!({ "address": "a b" }),
        ),
        jump(
            "a jump host that takes no such user",
            &["jumpHosts[].user"],
            "AuthenticationFailed",
            json!({ "address": "@ADDRESS@", "port": 22, "user": "nobody-there" }),
        ),
        jump(
            "no Secret with the key of a jump host",
            &["jumpHosts[].sshKeyRef.name"],
            "WaitingForSecret",
            json!({ "sshKeyRef": { "name": "nowhere" } }),
        ),
        jump(
            "a key of a jump host that is none",
            &["jumpHosts[].hostKeys"],
            "InvalidSpec",
            json!({ "hostKeys": ["nonsense"] }),
        ),
        jump(
            "another key of a jump host than given",
            &["jumpHosts[].hostKeys"],
            "HostKeyNotTrusted",
            json!({ "address": "@ADDRESS@", "port": 22, "hostKeys": [OTHER_HOST_KEY] }),
        ),
        jump(
            "an authority of a jump host that is none",
            &["jumpHosts[].hostCertificateAuthorities"],
            "InvalidSpec",
            json!({ "hostCertificateAuthorities": ["nonsense"] }),
        ),
    ]
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
