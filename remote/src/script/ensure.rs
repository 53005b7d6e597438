//! The shell functions of cloud-init's modules and of the clean-up. A program holds only those that its plan calls.

use std::collections::HashSet;

use crate::plan::{Action, Plan, clean_up};

/// What the functions of all modules use.
const ENSURE_ALL: &str = include_str!("ensure/write_and_run.sh");

/// The functions that [`Ensure`] calls, each with the text that holds it. A program holds only those that its plan calls.
const ENSURE: &[(&[&str], &str)] = &[
    (
        &[
            "e_group",
            "e_ignition_group",
            "e_ignition_user",
            "e_members",
            "e_no_group",
            "e_user",
        ],
        include_str!("ensure/groups.sh"),
    ),
    (
        &[
            "e_authorized_keys",
            "e_ignition_user",
            "e_lock",
            "e_no_user",
            "e_password",
            "e_ssh_import",
            "e_ssh_pwauth",
        ],
        include_str!("ensure/login.sh"),
    ),
    (
        &["e_authorized_keys", "e_lock", "e_ssh_import", "e_ssh_pwauth"],
        include_str!("ensure/sshd_settings.sh"),
    ),
    (&["e_host_keys", "e_ssh_pwauth"], include_str!("ensure/sshd.sh")),
    (
        &["e_first_password", "e_ignition_user", "e_lock", "e_password", "e_user"],
        include_str!("ensure/shadow.sh"),
    ),
    (
        &["e_authorized_keys", "e_ssh_import"],
        include_str!("ensure/authorized_keys.sh"),
    ),
    (&["e_hostname", "e_etc_hosts"], include_str!("ensure/hostname.sh")),
    (
        &["e_first_password", "e_lock", "e_password"],
        include_str!("ensure/passwords.sh"),
    ),
    (&["e_doas", "e_sudoers"], include_str!("ensure/sudoers.sh")),
    (
        &["e_apt_file", "e_apt_source", "e_apt_key", "e_debconf"],
        include_str!("ensure/apt.sh"),
    ),
    (&["e_ca_certs"], include_str!("ensure/ca_certs.sh")),
    (
        &["e_final_message"],
        concat!(
            "A_VERSION=",
            env!("CARGO_PKG_VERSION"),
            "\n",
            include_str!("ensure/final_message.sh")
        ),
    ),
    (
        &[
            "e_ntp",
            "e_package_update",
            "e_package_upgrade",
            "e_packages",
            "e_packages_apt",
            "e_packages_snap",
        ],
        include_str!("ensure/packages.sh"),
    ),
    (&["e_keyboard"], include_str!("ensure/keyboard.sh")),
    (&["e_locale"], include_str!("ensure/locale.sh")),
    (
        &["e_file_system", "e_mounts", "e_no_partitions", "e_partitions", "e_swap"],
        include_str!("ensure/devices.sh"),
    ),
    (
        &["e_file_system", "e_no_partitions", "e_partitions"],
        include_str!("ensure/disks.sh"),
    ),
    (&["e_growpart", "e_resize_fs"], include_str!("ensure/growpart.sh")),
    (&["e_mounts", "e_swap"], include_str!("ensure/mounts.sh")),
    (&["e_ntp"], include_str!("ensure/ntp.sh")),
    (&["e_power_state"], include_str!("ensure/power_state.sh")),
    (&["e_given_host_key"], include_str!("ensure/host_keys.sh")),
    (&["e_phone_home"], include_str!("ensure/phone_home.sh")),
    (&["e_ssh_import"], include_str!("ensure/ssh_import_id.sh")),
    (&["e_random_seed", "e_seed_command"], include_str!("ensure/random_seed.sh")),
    (&["e_repository"], include_str!("ensure/repositories.sh")),
    (&["e_resolv_conf"], include_str!("ensure/resolv_conf.sh")),
    (&["e_rsyslog"], include_str!("ensure/rsyslog.sh")),
    (&["e_snap", "e_snap_ack"], include_str!("ensure/snap.sh")),
    (&["e_timezone"], include_str!("ensure/timezone.sh")),
    (&["e_ignition_user", "e_user"], include_str!("ensure/users.sh")),
    (
        &[
            "e_group_password",
            "e_ignition_group",
            "e_ignition_user",
            "e_no_group",
            "e_no_user",
        ],
        include_str!("ensure/passwd.sh"),
    ),
    (&["e_directory", "e_ignition_file", "e_link"], include_str!("ensure/nodes.sh")),
    (&["e_unit", "e_units_start"], include_str!("ensure/units.sh")),
    (&clean_up::TOOLS, include_str!("clean/tools.sh")),
    (&clean_up::LEFTOVERS, include_str!("clean/leftovers.sh")),
    (&clean_up::MOUNTS, include_str!("clean/mounts.sh")),
];

/// The functions that the steps of this plan call, and what those use.
pub(super) fn functions(plan: &Plan) -> impl Iterator<Item = &'static str> {
    let called: HashSet<&str> = plan
        .steps()
        .iter()
        .filter_map(|step| match &step.action {
            Action::Ensure(ensure) => Some(ensure.function),
            Action::WriteFile(_)
            | Action::CopyFile(_)
            | Action::Command(_)
            | Action::Script(_)
            | Action::Remove { .. }
            | Action::Expect { .. }
            | Action::Undo
            | Action::Prove => None,
        })
        .collect();
    let all = (!called.is_empty()).then_some(ENSURE_ALL);
    let modules = ENSURE
        .iter()
        .filter(move |(functions, _)| functions.iter().any(|function| called.contains(function)));
    all.into_iter().chain(modules.map(|(_, text)| *text))
}
