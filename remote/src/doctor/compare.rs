//! What machines have in common that they must not: pure.

use std::collections::BTreeMap;

use super::{Diagnosis, Examination};

/// What the machines of a folder say about each other, each with the place of the machine that it is about. The names are those by
/// which people know them; one that could not be examined takes no part.
#[must_use]
pub fn compare(machines: &[(&str, Option<&Examination>)]) -> Vec<(usize, Diagnosis)> {
    let mut found = Vec::new();
    let same = |value: fn(&Examination) -> Vec<String>| groups(machines, value);
    for group in same(|machine| {
        machine
            .status
            .facts
            .iter()
            .filter_map(|facts| facts.machine_id.clone())
            .collect()
    }) {
        let boot = |index: &usize| {
            let facts = machines.get(*index)?.1?.status.facts.as_ref()?;
            facts.boot_id.clone()
        };
        for index in &group {
            let twins: Vec<_> = group.iter().copied().filter(|other| other != index).collect();
            let is_one = twins.iter().any(|twin| boot(twin).is_some() && boot(twin) == boot(index));
            let text = if is_one {
                format!(
                    "it is the same machine as {}, by another address: two nodes cannot be one; leave one of them out",
                    names(machines, &twins)
                )
            } else {
                format!(
                    "it has the machine-id of {}: both were made from one image; give each its own (rm /etc/machine-id; systemd-machine-id-setup) and reboot",
                    names(machines, &twins)
                )
            };
            found.push((*index, Diagnosis::failure("machine-id", text)));
        }
    }
    tell(
        machines,
        &mut found,
        &same(|machine| machine.host_key.iter().cloned().collect()),
        |twins| {
            Diagnosis::failure(
                "host key",
                format!(
                    "it has the SSH host key of {twins}: whoever has the one can pretend to be the other; give each its own (rm /etc/ssh/ssh_host_*; ssh-keygen -A)"
                ),
            )
        },
    );
    tell(
        machines,
        &mut found,
        &same(|machine| {
            machine
                .status
                .facts
                .iter()
                .filter_map(|facts| facts.hostname.clone())
                .collect()
        }),
        |twins| {
            Diagnosis::failure(
                "hostname",
                format!(
                    "it has the host name of {twins}, and nodes are named by theirs: give each its own (hostnamectl set-hostname)"
                ),
            )
        },
    );
    tell(
        machines,
        &mut found,
        &same(|machine| {
            let links = machine.status.facts.iter().flat_map(|facts| &facts.links);
            links.map(|link| link.mac.clone()).collect()
        }),
        |twins| {
            Diagnosis::warning(
                "mac",
                format!("it has a hardware address of {twins}: in one network, only one of them is heard"),
            )
        },
    );
    found
}

fn tell(
    machines: &[(&str, Option<&Examination>)],
    found: &mut Vec<(usize, Diagnosis)>,
    groups: &[Vec<usize>],
    about: impl Fn(&str) -> Diagnosis,
) {
    for group in groups {
        for index in group {
            let twins: Vec<_> = group.iter().copied().filter(|other| other != index).collect();
            let diagnosis = about(&names(machines, &twins));
            if !found.contains(&(*index, diagnosis.clone())) {
                found.push((*index, diagnosis));
            }
        }
    }
}

/// The first few names, and how many more there are.
fn names(machines: &[(&str, Option<&Examination>)], indexes: &[usize]) -> String {
    const SHOWN: usize = 3;
    let shown: Vec<_> = indexes
        .iter()
        .take(SHOWN)
        .filter_map(|index| Some(machines.get(*index)?.0))
        .collect();
    match indexes.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// The machines that share a value, by value.
fn groups(machines: &[(&str, Option<&Examination>)], value: fn(&Examination) -> Vec<String>) -> Vec<Vec<usize>> {
    let mut groups = BTreeMap::<String, Vec<usize>>::new();
    for (index, (_, machine)) in machines.iter().enumerate() {
        for value in machine.iter().flat_map(|machine| value(machine)) {
            let group = groups.entry(value).or_default();
            if group.last() != Some(&index) {
                group.push(index);
            }
        }
    }
    groups.into_values().filter(|group| group.len() > 1).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Status;
    use crate::facts::{Facts, Link};

    fn machine(machine_id: &str, boot_id: &str, hostname: &str, mac: &str, key: &str) -> Examination {
        let facts = Facts {
            machine_id: Some(machine_id.to_owned()),
            boot_id: Some(boot_id.to_owned()),
            hostname: Some(hostname.to_owned()),
            links: vec![Link {
                name: "eth0".to_owned(),
                mac: mac.to_owned(),
            }],
            ..Facts::default()
        };
        Examination {
            status: Status {
                facts: Some(facts),
                ..Status::default()
            },
            host_key: Some(key.to_owned()),
            ..Examination::default()
        }
    }

    fn told(machines: &[Examination]) -> Vec<(usize, &'static str)> {
        let names = ["a", "b", "c"];
        let named: Vec<_> = names.into_iter().zip(machines.iter().map(Some)).collect();
        let found = compare(&named);
        found.iter().map(|(index, diagnosis)| (*index, diagnosis.about)).collect()
    }

    #[test]
    fn what_two_machines_must_not_share() {
        let one = machine("m1", "b1", "h1", "x1", "k1");
        assert_eq!(told(&[one.clone(), machine("m2", "b2", "h2", "x2", "k2")]), []);
        for (other, about) in [
            (machine("m1", "b2", "h2", "x2", "k2"), "machine-id"),
            (machine("m2", "b2", "h1", "x2", "k2"), "hostname"),
            (machine("m2", "b2", "h2", "x1", "k2"), "mac"),
            (machine("m2", "b2", "h2", "x2", "k1"), "host key"),
        ] {
            let apart = machine("m3", "b3", "h3", "x3", "k3");
            assert_eq!(told(&[one.clone(), apart, other]), [(0, about), (2, about)]);
        }
    }

    #[test]
    fn one_machine_under_two_addresses_is_told_from_a_clone() {
        let (one, clone) = (machine("m1", "b1", "h", "x", "k"), machine("m1", "b2", "h", "x", "k"));
        let text = |other: &Examination| {
            let found = compare(&[("a", Some(&one)), ("b", Some(other)), ("c", None)]);
            found.first().map(|(_, diagnosis)| diagnosis.text.clone()).unwrap_or_default()
        };
        assert!(text(&one).starts_with("it is the same machine as b, by another address"));
        assert!(text(&clone).starts_with("it has the machine-id of b"));
    }
}
