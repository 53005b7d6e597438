//! cloud-init's top-level keys, and which of them are applied: the one table that the parser and the documentation share.
//!
//! From cloud-init's module reference (<https://docs.cloudinit.io/en/latest/reference/modules.html>) and base configuration
//! (<https://docs.cloudinit.io/en/latest/reference/base_config_reference.html>).

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
    /// It is listed as unsupported, with the reason why it is not meant for a machine that exists already.
    Listed,
    /// It is listed as unsupported.
    NotYet,
}

/// The "module" of keys that configure cloud-init itself.
pub const BASE: &str = "base configuration";

const fn applied(name: &'static str, module: &'static str) -> Key {
    Key {
        name,
        module,
        support: Support::Applied,
    }
}

const fn listed(name: &'static str, module: &'static str) -> Key {
    Key {
        name,
        module,
        support: Support::Listed,
    }
}

const fn not_yet(name: &'static str, module: &'static str) -> Key {
    Key {
        name,
        module,
        support: Support::NotYet,
    }
}

/// All keys, in alphabetical order.
pub const KEYS: &[Key] = &[
    listed("allow_public_ssh_keys", "cc_ssh"),
    not_yet("allow_userdata", BASE),
    not_yet("ansible", "cc_ansible"),
    applied("apk_repos", "cc_apk_configure"),
    not_yet("apply_network_config", BASE),
    applied("apt", "cc_apt_configure"),
    not_yet("apt_pipelining", "cc_apt_pipelining"),
    not_yet("apt_reboot_if_required", "cc_package_update_upgrade_install"),
    applied("apt_update", "cc_package_update_upgrade_install"),
    applied("apt_upgrade", "cc_package_update_upgrade_install"),
    not_yet("authkey_hash", "cc_ssh_authkey_fingerprints"),
    not_yet("autoinstall", "cc_ubuntu_autoinstall"),
    applied("bootcmd", "cc_bootcmd"),
    not_yet("byobu_by_default", "cc_byobu"),
    applied("ca-certs", "cc_ca_certs"),
    applied("ca_certs", "cc_ca_certs"),
    not_yet("chef", "cc_chef"),
    applied("chpasswd", "cc_set_passwords"),
    not_yet("cloud_config_modules", BASE),
    not_yet("cloud_final_modules", BASE),
    not_yet("cloud_init_modules", BASE),
    applied("create_hostname_file", "cc_set_hostname"),
    not_yet("datasource", BASE),
    not_yet("datasource_list", BASE),
    not_yet("def_log_file", BASE),
    applied("device_aliases", "cc_disk_setup"),
    not_yet("disable_ec2_metadata", "cc_disable_ec2_metadata"),
    not_yet("disable_network_activation", BASE),
    applied("disable_root", "cc_ssh"),
    listed("disable_root_opts", "cc_ssh"),
    applied("disk_setup", "cc_disk_setup"),
    not_yet("drivers", "cc_ubuntu_drivers"),
    not_yet("fan", "cc_fan"),
    applied("final_message", "cc_final_message"),
    applied("fqdn", "cc_set_hostname"),
    applied("fs_setup", "cc_disk_setup"),
    applied("groups", "cc_users_groups"),
    applied("growpart", "cc_growpart"),
    not_yet("grub-dpkg", "cc_grub_dpkg"),
    not_yet("grub_dpkg", "cc_grub_dpkg"),
    applied("hostname", "cc_set_hostname"),
    applied("keyboard", "cc_keyboard"),
    not_yet("landscape", "cc_landscape"),
    not_yet("launch-index", BASE),
    applied("locale", "cc_locale"),
    applied("locale_configfile", "cc_locale"),
    not_yet("log_cfgs", BASE),
    not_yet("lxd", "cc_lxd"),
    applied("manage_etc_hosts", "cc_update_etc_hosts"),
    applied("manage_resolv_conf", "cc_resolv_conf"),
    not_yet("manual_cache_clean", BASE),
    not_yet("mcollective", "cc_mcollective"),
    applied("merge_how", BASE),
    applied("merge_type", BASE),
    not_yet("migrate", "cc_migrator"),
    applied("mount_default_fields", "cc_mounts"),
    applied("mounts", "cc_mounts"),
    not_yet("network", BASE),
    not_yet("no_ssh_fingerprints", "cc_ssh_authkey_fingerprints"),
    applied("ntp", "cc_ntp"),
    not_yet("output", BASE),
    not_yet("package_reboot_if_required", "cc_package_update_upgrade_install"),
    applied("package_update", "cc_package_update_upgrade_install"),
    applied("package_upgrade", "cc_package_update_upgrade_install"),
    applied("packages", "cc_package_update_upgrade_install"),
    applied("password", "cc_set_passwords"),
    not_yet("phone_home", "cc_phone_home"),
    applied("power_state", "cc_power_state_change"),
    applied("prefer_fqdn_over_hostname", "cc_set_hostname"),
    applied("preserve_hostname", "cc_set_hostname"),
    not_yet("puppet", "cc_puppet"),
    applied("random_seed", "cc_seed_random"),
    not_yet("reporting", BASE),
    applied("resize_rootfs", "cc_resizefs"),
    not_yet("resize_rootfs_tmp", "cc_resizefs"),
    applied("resolv_conf", "cc_resolv_conf"),
    not_yet("rh_subscription", "cc_rh_subscription"),
    not_yet("rpi", "cc_raspberry_pi"),
    applied("rsyslog", "cc_rsyslog"),
    applied("runcmd", "cc_runcmd"),
    not_yet("salt_minion", "cc_salt_minion"),
    applied("snap", "cc_snap"),
    not_yet("spacewalk", "cc_spacewalk"),
    not_yet("ssh", "cc_keys_to_console"),
    applied("ssh_authorized_keys", "cc_ssh"),
    listed("ssh_deletekeys", "cc_ssh"),
    not_yet("ssh_fp_console_blacklist", "cc_keys_to_console"),
    applied("ssh_genkeytypes", "cc_ssh"),
    not_yet("ssh_import_id", "cc_ssh_import_id"),
    not_yet("ssh_key_console_blacklist", "cc_keys_to_console"),
    listed("ssh_keys", "cc_ssh"),
    listed("ssh_publish_hostkeys", "cc_ssh"),
    applied("ssh_pwauth", "cc_set_passwords"),
    applied("ssh_quiet_keygen", "cc_ssh"),
    applied("swap", "cc_mounts"),
    not_yet("syslog_fix_perms", BASE),
    not_yet("system_info", BASE),
    applied("timezone", "cc_timezone"),
    not_yet("ubuntu-advantage", "cc_ubuntu_pro"),
    not_yet("ubuntu_advantage", "cc_ubuntu_pro"),
    not_yet("ubuntu_pro", "cc_ubuntu_pro"),
    not_yet("unverified_modules", BASE),
    not_yet("updates", "cc_install_hotplug"),
    applied("user", "cc_users_groups"),
    applied("users", "cc_users_groups"),
    applied("vendor_data", "cc_scripts_vendor"),
    not_yet("vendor_data2", BASE),
    not_yet("wireguard", "cc_wireguard"),
    applied("write_files", "cc_write_files"),
    applied("yum_repo_dir", "cc_yum_add_repo"),
    applied("yum_repos", "cc_yum_add_repo"),
    applied("zypper", "cc_zypper_add_repo"),
];

/// Looks a key up.
#[must_use]
pub fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

#[cfg(test)]
mod tests {
    use super::KEYS;

    #[test]
    fn keys_are_sorted_and_unique() {
        assert!(KEYS.is_sorted_by(|a, b| a.name < b.name));
    }
}
