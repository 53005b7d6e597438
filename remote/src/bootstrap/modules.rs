//! cloud-init's keys, and what happens to each: the one table that the parser and the documentation share.
//!
//! From cloud-init's module reference (<https://docs.cloudinit.io/en/latest/reference/modules.html>), base configuration
//! (<https://docs.cloudinit.io/en/latest/reference/base_config_reference.html>) and schema. That no key is missing, and that the
//! parser does what is said here, is tested (`remote/tests/support_table.rs`).

/// A top-level key of cloud-config.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// The key as written in a document.
    pub name: &'static str,
    /// The module of cloud-init that reads it, by cloud-init's own name, or [`BASE`].
    pub module: &'static str,
    /// What happens to it here.
    pub support: Support,
}

/// What happens to a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Support {
    /// It becomes part of the plan.
    Applied,
    /// It is listed as unsupported, and nothing is missing: what it is for there is not on a machine that is up. Why.
    Ignored(&'static str),
    /// It is listed as unsupported, and what it asks for is not done. Why, or what does it.
    Refused(&'static str),
}

/// The "module" of keys that configure cloud-init itself.
pub const BASE: &str = "base configuration";

const ITSELF: &str = "it configures cloud-init itself, which does not run here";
const CONSOLE: &str = "nothing about keys is written to the console here";
const AGENT: &str = "agents of other tools are not set up; `packages`, `write_files` and `runcmd` do it";
const SUBSCRIPTION: &str = "subscriptions are not registered; `runcmd` with the vendor's tool does it";
const REBOOT: &str =
    "a run is not interrupted by a reboot; `power_state` with the condition `test -e /run/reboot-required` does it at the end";

const fn applied(name: &'static str, module: &'static str) -> Key {
    Key {
        name,
        module,
        support: Support::Applied,
    }
}

const fn ignored(name: &'static str, module: &'static str, why: &'static str) -> Key {
    Key {
        name,
        module,
        support: Support::Ignored(why),
    }
}

const fn refused(name: &'static str, module: &'static str, why: &'static str) -> Key {
    Key {
        name,
        module,
        support: Support::Refused(why),
    }
}

/// All top-level keys, in alphabetical order.
pub const KEYS: &[Key] = &[
    ignored(
        "allow_public_ssh_keys",
        "cc_ssh",
        "there are no keys from a cloud's metadata here",
    ),
    ignored("allow_userdata", BASE, ITSELF),
    refused("ansible", "cc_ansible", AGENT),
    applied("apk_repos", "cc_apk_configure"),
    ignored("apply_network_config", BASE, ITSELF),
    applied("apt", "cc_apt_configure"),
    ignored(
        "apt_pipelining",
        "cc_apt_pipelining",
        "it works around mirrors of clouds; the host's own setting stays",
    ),
    refused("apt_reboot_if_required", "cc_package_update_upgrade_install", REBOOT),
    applied("apt_update", "cc_package_update_upgrade_install"),
    applied("apt_upgrade", "cc_package_update_upgrade_install"),
    ignored("authkey_hash", "cc_ssh_authkey_fingerprints", CONSOLE),
    ignored(
        "autoinstall",
        "cc_ubuntu_autoinstall",
        "it is for Ubuntu's installer; cloud-init ignores it as well",
    ),
    applied("bootcmd", "cc_bootcmd"),
    refused(
        "byobu_by_default",
        "cc_byobu",
        "`runcmd: [byobu-launcher-install]` as the user does it",
    ),
    applied("ca-certs", "cc_ca_certs"),
    applied("ca_certs", "cc_ca_certs"),
    refused("chef", "cc_chef", AGENT),
    applied("chpasswd", "cc_set_passwords"),
    ignored("cloud_config_modules", BASE, ITSELF),
    ignored("cloud_final_modules", BASE, ITSELF),
    ignored("cloud_init_modules", BASE, ITSELF),
    applied("create_hostname_file", "cc_set_hostname"),
    ignored("datasource", BASE, ITSELF),
    ignored("datasource_list", BASE, ITSELF),
    ignored("def_log_file", BASE, ITSELF),
    applied("device_aliases", "cc_disk_setup"),
    refused(
        "disable_ec2_metadata",
        "cc_disable_ec2_metadata",
        "no route is changed on a machine that is reached over the network; `runcmd: [ip route add prohibit 169.254.169.254/32]` does it",
    ),
    ignored("disable_network_activation", BASE, ITSELF),
    refused(
        "disable_piwiz",
        "cc_rpi_userdata",
        "it is for the first start of Raspberry Pi OS",
    ),
    applied("disable_root", "cc_ssh"),
    refused(
        "disable_root_opts",
        "cc_ssh",
        "keys that root has stay as they are: it may be root who is logged in",
    ),
    applied("disk_setup", "cc_disk_setup"),
    refused(
        "drivers",
        "cc_ubuntu_drivers",
        "drivers are not installed; `packages` and `runcmd: [ubuntu-drivers install]` do it",
    ),
    refused(
        "enable_rpi_connect",
        "cc_rpi_connect",
        "it is for the first start of Raspberry Pi OS",
    ),
    refused(
        "fan",
        "cc_fan",
        "Ubuntu's fan networking is not set up; `write_files` and `runcmd: [fanctl up -a]` do it",
    ),
    applied("final_message", "cc_final_message"),
    applied("fqdn", "cc_set_hostname"),
    applied("fs_setup", "cc_disk_setup"),
    applied("groups", "cc_users_groups"),
    applied("growpart", "cc_growpart"),
    ignored(
        "grub-dpkg",
        "cc_grub_dpkg",
        "the boot loader of a machine that exists already is where it is",
    ),
    ignored(
        "grub_dpkg",
        "cc_grub_dpkg",
        "the boot loader of a machine that exists already is where it is",
    ),
    applied("hostname", "cc_set_hostname"),
    applied("keyboard", "cc_keyboard"),
    refused("landscape", "cc_landscape", AGENT),
    ignored("launch-index", BASE, ITSELF),
    applied("locale", "cc_locale"),
    applied("locale_configfile", "cc_locale"),
    ignored("log_cfgs", BASE, ITSELF),
    refused(
        "lxd",
        "cc_lxd",
        "LXD is not set up; `snap` and `runcmd: [lxd init --preseed]` do it",
    ),
    applied("manage_etc_hosts", "cc_update_etc_hosts"),
    applied("manage_resolv_conf", "cc_resolv_conf"),
    ignored("manual_cache_clean", BASE, ITSELF),
    refused("mcollective", "cc_mcollective", AGENT),
    applied("merge_how", BASE),
    applied("merge_type", BASE),
    ignored("migrate", "cc_migrator", ITSELF),
    applied("mount_default_fields", "cc_mounts"),
    applied("mounts", "cc_mounts"),
    ignored(
        "network",
        BASE,
        "cloud-init reads no network configuration from user-data either; the network of a machine that is reached over it stays",
    ),
    ignored("no_ssh_fingerprints", "cc_ssh_authkey_fingerprints", CONSOLE),
    applied("ntp", "cc_ntp"),
    ignored("output", BASE, ITSELF),
    refused("package_reboot_if_required", "cc_package_update_upgrade_install", REBOOT),
    applied("package_update", "cc_package_update_upgrade_install"),
    applied("package_upgrade", "cc_package_update_upgrade_install"),
    applied("packages", "cc_package_update_upgrade_install"),
    applied("password", "cc_set_passwords"),
    applied("phone_home", "cc_phone_home"),
    applied("power_state", "cc_power_state_change"),
    applied("prefer_fqdn_over_hostname", "cc_set_hostname"),
    applied("preserve_hostname", "cc_set_hostname"),
    refused("puppet", "cc_puppet", AGENT),
    applied("random_seed", "cc_seed_random"),
    ignored("reporting", BASE, ITSELF),
    applied("resize_rootfs", "cc_resizefs"),
    ignored(
        "resize_rootfs_tmp",
        "cc_resizefs",
        "resizing needs no folder for temporary files here",
    ),
    applied("resolv_conf", "cc_resolv_conf"),
    refused("rh_subscription", "cc_rh_subscription", SUBSCRIPTION),
    refused("rpi", "cc_raspberry_pi", "it is for the first start of Raspberry Pi OS"),
    refused(
        "rpi_interfaces",
        "cc_rpi_interfaces",
        "it is for the first start of Raspberry Pi OS",
    ),
    refused(
        "rpi_userconf",
        "cc_rpi_userdata",
        "it is for the first start of Raspberry Pi OS",
    ),
    applied("rsyslog", "cc_rsyslog"),
    applied("runcmd", "cc_runcmd"),
    refused("salt_minion", "cc_salt_minion", AGENT),
    applied("snap", "cc_snap"),
    refused("spacewalk", "cc_spacewalk", SUBSCRIPTION),
    ignored("ssh", "cc_keys_to_console", CONSOLE),
    applied("ssh_authorized_keys", "cc_ssh"),
    refused(
        "ssh_deletekeys",
        "cc_ssh",
        "connections are checked against the host keys of a machine that exists already",
    ),
    ignored("ssh_fp_console_blacklist", "cc_keys_to_console", CONSOLE),
    applied("ssh_genkeytypes", "cc_ssh"),
    applied("ssh_import_id", "cc_ssh_import_id"),
    ignored("ssh_key_console_blacklist", "cc_keys_to_console", CONSOLE),
    applied("ssh_keys", "cc_ssh"),
    ignored("ssh_publish_hostkeys", "cc_ssh", "there is no cloud to publish host keys to"),
    applied("ssh_pwauth", "cc_set_passwords"),
    applied("ssh_quiet_keygen", "cc_ssh"),
    applied("swap", "cc_mounts"),
    ignored("syslog_fix_perms", BASE, ITSELF),
    ignored("system_info", BASE, ITSELF),
    applied("timezone", "cc_timezone"),
    refused("ubuntu-advantage", "cc_ubuntu_pro", SUBSCRIPTION),
    refused("ubuntu_advantage", "cc_ubuntu_pro", SUBSCRIPTION),
    refused("ubuntu_pro", "cc_ubuntu_pro", SUBSCRIPTION),
    ignored("unverified_modules", BASE, ITSELF),
    ignored("updates", "cc_install_hotplug", ITSELF),
    applied("user", "cc_users_groups"),
    applied("users", "cc_users_groups"),
    applied("vendor_data", "cc_scripts_vendor"),
    ignored("vendor_data2", BASE, ITSELF),
    ignored(
        "version",
        BASE,
        "it is the version of a network configuration, which cloud-init does not read from user-data",
    ),
    refused(
        "wireguard",
        "cc_wireguard",
        "tunnels are not set up; `packages`, `write_files` and `runcmd: [systemctl enable --now wg-quick@wg0]` do it",
    ),
    applied("write_files", "cc_write_files"),
    applied("yum_repo_dir", "cc_yum_add_repo"),
    applied("yum_repos", "cc_yum_add_repo"),
    applied("zypper", "cc_zypper_add_repo"),
];

/// Looks a top-level key up.
#[must_use]
pub fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// Keys within modules that are applied which are not applied themselves, in alphabetical order. `[]` stands for an item of a list, `*`
/// for a name that the document chooses.
pub const NOT_APPLIED_WITHIN: &[(&str, Support)] = &[
    (
        "apt.add_apt_repo_match",
        Support::Refused("PPAs are not supported, which it is for"),
    ),
    (
        "apt.disable_suites",
        Support::Refused("the host's own sources stay as they are; give `sources_list` without these suites"),
    ),
    (
        "apt.generate_mirrorlists",
        Support::Refused("lists of mirrors are not written"),
    ),
    (
        "apt.primary[].key",
        Support::Refused("only the `uri` of a mirror for the architecture `default` is used"),
    ),
    (
        "apt.primary[].keyid",
        Support::Refused("only the `uri` of a mirror for the architecture `default` is used"),
    ),
    (
        "apt.primary[].keyserver",
        Support::Refused("only the `uri` of a mirror for the architecture `default` is used"),
    ),
    (
        "apt.primary[].search",
        Support::Refused("only the `uri` of a mirror for the architecture `default` is used"),
    ),
    (
        "apt.primary[].search_dns",
        Support::Refused("only the `uri` of a mirror for the architecture `default` is used"),
    ),
    (
        "apt.security[].key",
        Support::Refused("only the `uri` of a mirror for the architecture `default` is used"),
    ),
    (
        "apt.security[].keyid",
        Support::Refused("only the `uri` of a mirror for the architecture `default` is used"),
    ),
    (
        "apt.security[].keyserver",
        Support::Refused("only the `uri` of a mirror for the architecture `default` is used"),
    ),
    (
        "apt.security[].search",
        Support::Refused("only the `uri` of a mirror for the architecture `default` is used"),
    ),
    (
        "apt.security[].search_dns",
        Support::Refused("only the `uri` of a mirror for the architecture `default` is used"),
    ),
    (
        "growpart.ignore_growroot_disabled",
        Support::Ignored("it is about a file that stops the first start of an image"),
    ),
    ("ntp.allow", Support::Refused("the host becomes a client only")),
    (
        "ntp.config",
        Support::Refused("packages, files and services are those of the host's distribution"),
    ),
    ("ntp.peers", Support::Refused("the host becomes a client only")),
    ("rsyslog.check_exe", Support::Ignored("the package is rsyslog")),
    ("rsyslog.packages", Support::Refused("the package is rsyslog")),
    (
        "ssh_keys.dsa_certificate",
        Support::Refused(
            "the server's settings would have to name it; write the file and a line in sshd_config.d with `write_files`",
        ),
    ),
    (
        "ssh_keys.ecdsa_certificate",
        Support::Refused(
            "the server's settings would have to name it; write the file and a line in sshd_config.d with `write_files`",
        ),
    ),
    (
        "ssh_keys.ed25519_certificate",
        Support::Refused(
            "the server's settings would have to name it; write the file and a line in sshd_config.d with `write_files`",
        ),
    ),
    (
        "ssh_keys.rsa_certificate",
        Support::Refused(
            "the server's settings would have to name it; write the file and a line in sshd_config.d with `write_files`",
        ),
    ),
    (
        "user.snapuser",
        Support::Refused("users of the snap store are not made; give the user a `name` and `ssh_authorized_keys`"),
    ),
    (
        "user.ssh-redirect-user",
        Support::Ignored("it is about keys from a cloud's metadata, and there are none here"),
    ),
    (
        "user.ssh_redirect_user",
        Support::Ignored("it is about keys from a cloud's metadata, and there are none here"),
    ),
    (
        "users[].snapuser",
        Support::Refused("users of the snap store are not made; give the user a `name` and `ssh_authorized_keys`"),
    ),
    (
        "users[].ssh-redirect-user",
        Support::Ignored("it is about keys from a cloud's metadata, and there are none here"),
    ),
    (
        "users[].ssh_redirect_user",
        Support::Ignored("it is about keys from a cloud's metadata, and there are none here"),
    ),
    ("zypper.config", Support::Refused("/etc/zypp/zypp.conf stays as it is")),
];

#[cfg(test)]
mod tests {
    use super::{KEYS, NOT_APPLIED_WITHIN};

    #[test]
    fn keys_are_sorted_and_unique() {
        assert!(KEYS.is_sorted_by(|a, b| a.name < b.name));
        assert!(NOT_APPLIED_WITHIN.is_sorted_by(|(a, _), (b, _)| a < b));
    }
}
