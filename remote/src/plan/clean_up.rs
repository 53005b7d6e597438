//! The built-in clean-up of a host, as steps: pure. What they do is in `remote/src/script/clean/`.
//!
//! Each distribution of Kubernetes is cleaned with its own tool, if that is there; then what those tools are known to leave. A step
//! may be repeated, and finds nothing to do then.

use super::{Action, Ensure};

/// The functions of `clean/tools.sh`.
pub(crate) const TOOLS: [&str; 5] = ["c_find", "c_k0s", "c_kubeadm", "c_k3s", "c_rke2"];

/// The functions of `clean/leftovers.sh`.
pub(crate) const LEFTOVERS: [&str; 8] = [
    "c_units",
    "c_processes",
    "c_mounts",
    "c_netns",
    "c_links",
    "c_tables",
    "c_paths",
    "c_cgroups",
];

/// The functions of `clean/mounts.sh`.
pub(crate) const MOUNTS: [&str; 1] = ["c_fstab"];

/// Name, function, and what it does in words.
const STEPS: [(&str, &str, &str); 12] = [
    ("k0s", "c_k0s", "no k0s: k0s etcd leave, stopping its service, k0s reset"),
    (
        "kubeadm",
        "c_kubeadm",
        "no node of kubeadm: kubeadm reset, stopping the kubelet",
    ),
    ("k3s", "c_k3s", "no k3s: its uninstall script, or k3s-killall.sh"),
    ("rke2", "c_rke2", "no rke2: its uninstall script, or rke2-killall.sh"),
    ("left units", "c_units", "no units of node components"),
    ("left processes", "c_processes", "no processes of pods"),
    ("left mounts", "c_mounts", "no mounts below the folders of nodes"),
    ("left network namespaces", "c_netns", "no network namespaces of pods"),
    ("left links", "c_links", "no network links of CNI plugins"),
    ("left chains", "c_tables", "no packet filter chains of node components"),
    ("left paths", "c_paths", "no data of nodes"),
    ("left cgroups", "c_cgroups", "no cgroups of pods"),
];

/// Looks for folders that were chosen for the data of a node; always the first step, as later ones need it.
pub(super) fn find() -> (String, Action) {
    ensure(
        "folders of nodes",
        "c_find",
        "the folders that nodes were told to use are known",
    )
}

/// Undoes what the modules `mounts` and `swap` did; on every reset.
pub(super) fn mounts() -> (String, Action) {
    ensure(
        "mounts and swap",
        "c_fstab",
        "no mounts, lines of fstab and swap files of runs",
    )
}

/// The steps of the built-in clean-up, in their order.
pub(super) fn built_in() -> impl Iterator<Item = (String, Action)> {
    STEPS.iter().map(|(name, function, summary)| ensure(name, function, summary))
}

fn ensure(name: &str, function: &'static str, summary: &str) -> (String, Action) {
    let ensure = Ensure {
        summary: summary.to_owned(),
        function,
        arguments: Vec::new(),
        private: false,
    };
    (name.to_owned(), Action::Ensure(ensure))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_has_a_text() {
        for (_, function, _) in STEPS {
            assert!(TOOLS.contains(&function) || LEFTOVERS.contains(&function), "{function}");
        }
    }
}
