//! What a machine has to give, from what it said of itself, in the words of Kubernetes. Pure.

use std::collections::BTreeMap;

use crds::shared::NodeInfo;
use remote::facts::Facts;
use serde_json::{Value, json};

/// Where a kubelet keeps what pods write (`/var/lib/kubelet`), and container runtimes their images.
/// Source: <https://kubernetes.io/docs/concepts/storage/ephemeral-storage/>
const KUBELET: &str = "/var";

/// Capacity and kind of a machine; nothing of what it did not say.
pub(super) fn of(facts: &Facts) -> (Option<BTreeMap<String, Value>>, Option<NodeInfo>) {
    let kibibytes = |bytes: u64| json!(format!("{}Ki", bytes / 1024));
    // One that has nothing is not believed: what it says counts for all machines of its pool.
    let some = |amount: &u64| *amount >= 1024;
    let disk = facts.file_systems.iter().find(|system| system.path == KUBELET);
    let capacity: BTreeMap<String, Value> = [
        (
            "cpu",
            facts.cpus.filter(|count| *count > 0).map(|count| json!(count.to_string())),
        ),
        ("memory", facts.memory_bytes.filter(some).map(kibibytes)),
        (
            "ephemeral-storage",
            disk.map(|system| system.bytes).filter(some).map(kibibytes),
        ),
    ]
    .into_iter()
    .filter_map(|(name, amount)| Some((name.to_owned(), amount?)))
    .collect();
    let kind = NodeInfo {
        architecture: facts.architecture.as_deref().and_then(architecture).map(str::to_owned),
        // Nothing else runs what is sent there, and has a release of this kind.
        operating_system: facts.kernel.as_ref().map(|_| "linux".to_owned()),
    };
    let is_known = kind != NodeInfo::default();
    ((!capacity.is_empty()).then_some(capacity), is_known.then_some(kind))
}

/// What uname(1) calls it, in the words of Go, which kubelets use (<https://go.dev/doc/install/source#environment>).
fn architecture(machine: &str) -> Option<&'static str> {
    Some(match machine {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "armv6l" | "armv7l" | "armv8l" => "arm",
        "i386" | "i486" | "i586" | "i686" => "386",
        "ppc64le" => "ppc64le",
        "s390x" => "s390x",
        "riscv64" => "riscv64",
        "loongarch64" => "loong64",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

    use super::*;

    #[test]
    fn what_a_machine_said_is_in_the_words_of_kubernetes() {
        let system = json!({ "path": "/var", "mountedOn": "/", "bytes": 31_457_280_000_u64, "freeBytes": 1, "readOnly": false, "noexec": false });
        let facts = json!({
            "os": {}, "kernel": "6.1.0", "architecture": "aarch64", "cpus": 4, "memoryBytes": 8_234_000_384_u64, "fileSystems": [system],
        });
        let (capacity, kind) = of(&serde_json::from_value(facts).unwrap());
        assert_eq!(
            json!(capacity),
            json!({ "cpu": "4", "memory": "8041016Ki", "ephemeral-storage": "30720000Ki" })
        );
        assert_eq!(json!(kind), json!({ "architecture": "arm64", "operatingSystem": "linux" }));
        assert_eq!(of(&Facts::default()), (None, None));
        let none = json!({ "os": {}, "cpus": 0, "memoryBytes": 0, "fileSystems": [{
            "path": "/var", "mountedOn": "/", "bytes": 0, "freeBytes": 0, "readOnly": false, "noexec": false,
        }] });
        assert_eq!(of(&serde_json::from_value(none).unwrap()), (None, None));
    }
}
