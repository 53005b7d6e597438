//! Of how a machine is reached: one wrong thing each, and what mends it.

use serde_json::{Value, json};

use super::cases::{Case, On, case};

const OTHER_HOST_KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";

/// Where the machine is.
pub(super) fn ways_there() -> Vec<Case> {
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
pub(super) fn proofs() -> Vec<Case> {
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
pub(super) fn jump_hosts() -> Vec<Case> {
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
            &["jumpHosts[].address", "jumpHosts[].port"],
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
