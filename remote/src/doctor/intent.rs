//! What a plan makes of a machine, as far as its texts tell: pure.

use crate::plan::{Action, Body, Plan};

/// What the node that a plan makes will need.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Intent {
    /// TCP ports, and who listens there.
    pub ports: Vec<(u16, &'static str)>,
    /// Programs that must be there by then: the plan may bring them.
    pub tools: Vec<&'static str>,
    /// Whether a Kubernetes node is made at all, as far as can be told.
    pub is_node: bool,
}

const KUBELET: (u16, &str) = (10250, "kubelet");
const API_SERVER: (u16, &str) = (6443, "API server");
const ETCD: [(u16, &str); 2] = [(2379, "etcd"), (2380, "etcd")];

impl Intent {
    /// Of a plan; of none, nothing is known.
    #[must_use]
    pub fn of(plan: Option<&Plan>) -> Self {
        let mut intent = Self::default();
        for step in plan.map_or(&[][..], Plan::steps) {
            match &step.action {
                Action::Command(command) => intent.read(&String::from_utf8_lossy(command.text.expose())),
                Action::Script(script) => {
                    if let Body::Inline(text) = &script.body {
                        intent.read(&String::from_utf8_lossy(text.expose()));
                    }
                }
                Action::WriteFile(file) if file.content.expose().starts_with(b"#!") => {
                    intent.read(&String::from_utf8_lossy(file.content.expose()));
                }
                Action::WriteFile(_)
                | Action::CopyFile(_)
                | Action::Ensure(_)
                | Action::Remove { .. }
                | Action::Expect { .. }
                | Action::Undo
                | Action::Prove => {}
            }
        }
        intent.ports.sort_unstable();
        intent.ports.dedup();
        intent.tools.sort_unstable();
        intent.tools.dedup();
        intent
    }

    /// A text of commands. The words that start a node are few, and stand beside each other.
    fn read(&mut self, text: &str) {
        for line in text.lines() {
            let words: Vec<_> = line
                .split(|c: char| c.is_whitespace() || "'\";&|()".contains(c))
                .filter(|word| !word.is_empty())
                .map(|word| word.rsplit('/').next().unwrap_or(word))
                .collect();
            let has = |word: &str| words.contains(&word);
            for (index, program) in words.iter().enumerate() {
                let next = words
                    .iter()
                    .skip(index + 1)
                    .find(|word| !word.starts_with('-') && **word != "install");
                match (*program, next.copied()) {
                    ("kubeadm", Some("init")) => self.kubeadm(true),
                    ("kubeadm", Some("join")) => self.kubeadm(has("--control-plane")),
                    ("k0s", Some("controller")) => {
                        self.needs(&[API_SERVER, (9443, "k0s API"), (8132, "konnectivity"), (2380, "etcd")]);
                        if has("--single") || has("--enable-worker") {
                            self.needs(&[KUBELET]);
                        }
                    }
                    ("k0s", Some("worker")) | ("k3s", Some("agent")) => self.needs(&[KUBELET]),
                    ("k3s", Some("server")) => self.needs(&[API_SERVER, KUBELET]),
                    _ => {}
                }
            }
        }
    }

    fn kubeadm(&mut self, is_control_plane: bool) {
        self.needs(&[KUBELET]);
        if is_control_plane {
            self.needs(&ETCD);
            self.needs(&[API_SERVER, (10257, "controller manager"), (10259, "scheduler")]);
        }
        self.tools.extend(["kubeadm", "kubelet", "mount"]);
    }

    fn needs(&mut self, ports: &[(u16, &'static str)]) {
        self.ports.extend(ports);
        self.is_node = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_commands_start() {
        for (text, ports, kubeadm) in [
            ("echo hello", &[][..], false),
            ("kubeadm join 10.0.0.1:6443 --token x", &[10250], true),
            (
                "sudo /usr/bin/kubeadm -v5 init --config /run/kubeadm.yaml && echo",
                &[2379, 2380, 6443, 10250, 10257, 10259],
                true,
            ),
            (
                "kubeadm join --control-plane x",
                &[2379, 2380, 6443, 10250, 10257, 10259],
                true,
            ),
            (
                "/usr/local/bin/k0s install worker --token-file /etc/k0s.token",
                &[10250],
                false,
            ),
            (
                "'k0s' 'install' 'controller' '--single'",
                &[2380, 6443, 8132, 9443, 10250],
                false,
            ),
            ("k3s server --disable=traefik; k3s agent", &[6443, 10250], false),
            ("k0s version", &[], false),
        ] {
            let mut intent = Intent::default();
            intent.read(text);
            let mut found: Vec<_> = intent.ports.iter().map(|(port, _)| *port).collect();
            found.sort_unstable();
            found.dedup();
            assert_eq!(found, ports, "{text}");
            assert_eq!(intent.tools.contains(&"kubeadm"), kubeadm, "{text}");
        }
    }
}
