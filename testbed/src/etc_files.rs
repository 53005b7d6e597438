//! The texts of a machine's files in `/etc`. Pure: the host's files come in as text, the machine's go out as text.

use crate::spec::{HostKeyType, MachineSpec, SudoRule};
use std::fmt::Write as _;
use std::net::Ipv4Addr;

/// First UID for people on Debian (adduser.conf(5), FIRST_UID); below are the accounts of packages.
const FIRST_PERSON: u32 = 1000;
/// `nobody` and `nogroup`.
const NOBODY: u32 = 65534;

/// An account of the machine, in the terms of passwd(5) and shadow(5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) name: String,
    /// UID and GID: every person has a group of its own.
    pub(crate) id: u32,
    pub(crate) home: String,
    pub(crate) shell: String,
    /// The second field of shadow(5). `*` means no password, but (unlike `!`) not a locked account for sshd(8).
    pub(crate) password_hash: String,
}

/// root, `admin` and the users of the specification; `hash` makes a crypt(5) hash of a password.
pub(crate) fn accounts<E>(spec: &MachineSpec, hash: impl Fn(&str) -> Result<String, E>) -> Result<Vec<Account>, E> {
    let shell = spec.login_shell.clone().unwrap_or_else(|| "/bin/sh".to_owned());
    let field = |password: Option<&str>| password.map_or_else(|| Ok("*".to_owned()), &hash);
    let admin_password = match &spec.sudo {
        SudoRule::None | SudoRule::NoPassword => None,
        SudoRule::Password(password) => Some(password.as_str()),
    };
    let root = Account {
        name: "root".to_owned(),
        id: 0,
        home: "/root".to_owned(),
        shell: shell.clone(),
        password_hash: field(spec.root_password.as_deref())?,
    };
    let admin = Account {
        name: "admin".to_owned(),
        id: FIRST_PERSON,
        home: "/home/admin".to_owned(),
        shell,
        password_hash: field(admin_password)?,
    };
    let others = spec.users.iter().zip(FIRST_PERSON + 1..).map(|(user, id)| {
        Ok(Account {
            name: user.name.clone(),
            id,
            home: format!("/home/{}", user.name),
            shell: user.login_shell.clone().unwrap_or_else(|| "/bin/sh".to_owned()),
            password_hash: field(user.password.as_deref())?,
        })
    });
    [Ok(root), Ok(admin)].into_iter().chain(others).collect()
}

/// The accounts and groups of packages in a passwd(5) or group(5) file: every line but root's and people's.
fn of_packages(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| {
        let id = line.split(':').nth(2).and_then(|id| id.parse::<u32>().ok());
        id.is_some_and(|id| id != 0 && (id < FIRST_PERSON || id == NOBODY))
    })
}

/// passwd(5).
pub(crate) fn passwd(host: &str, accounts: &[Account]) -> String {
    let mut text = String::new();
    for Account {
        name, id, home, shell, ..
    } in accounts
    {
        let _ = writeln!(text, "{name}:x:{id}:{id}:{name}:{home}:{shell}");
    }
    of_packages(host).for_each(|line| {
        let _ = writeln!(text, "{line}");
    });
    text
}

/// group(5). Nobody is a member of a package's group.
pub(crate) fn group(host: &str, accounts: &[Account]) -> String {
    let mut text = String::new();
    for Account { name, id, .. } in accounts {
        let _ = writeln!(text, "{name}:x:{id}:");
    }
    for line in of_packages(host) {
        let fields: Vec<&str> = line.split(':').take(3).collect();
        let _ = writeln!(text, "{}:", fields.join(":"));
    }
    text
}

/// shadow(5) for every account of the given passwd(5) text. The password was last changed long ago and never expires.
pub(crate) fn shadow(passwd: &str, accounts: &[Account]) -> String {
    let mut text = String::new();
    for name in passwd.lines().filter_map(|line| line.split(':').next()) {
        let hash = accounts
            .iter()
            .find(|account| account.name == name)
            .map_or("*", |account| &account.password_hash);
        let _ = writeln!(text, "{name}:{hash}:19000:0:99999:7:::");
    }
    text
}

/// gshadow(5) for every group of the given group(5) text.
pub(crate) fn gshadow(group: &str) -> String {
    let names = group.lines().filter_map(|line| line.split(':').next());
    names.map(|name| format!("{name}:*::\n")).collect()
}

/// sudoers(5) as Debian has it, plus the rule for `admin`, and the specification's own lines.
pub(crate) fn sudoers(spec: &MachineSpec) -> String {
    let admin = match spec.sudo {
        SudoRule::None => "",
        SudoRule::NoPassword => "admin ALL=(ALL:ALL) NOPASSWD: ALL\n",
        SudoRule::Password(_) => "admin ALL=(ALL:ALL) ALL\n",
    };
    let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    let lines: String = spec.sudoers.iter().map(|line| format!("{line}\n")).collect();
    format!("Defaults env_reset\nDefaults secure_path=\"{path}\"\nroot ALL=(ALL:ALL) ALL\n{admin}{lines}")
}

/// sshd_config(5). The specification's lines come first because the first value of a keyword wins.
pub(crate) fn sshd_config(spec: &MachineSpec, address: Ipv4Addr) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "ListenAddress {address}\nPort {}", spec.port);
    for key in &spec.host_keys {
        let _ = writeln!(text, "HostKey {}", host_key_file(*key));
    }
    for line in &spec.sshd_config {
        let _ = writeln!(text, "{line}");
    }
    // MaxStartups: the default of 10 would refuse a test that opens many connections at once.
    text.push_str(
        "PidFile /run/sshd.pid\nUseDNS no\nUsePAM no\nPasswordAuthentication no\nPermitRootLogin prohibit-password\n\
         MaxStartups 1000\nMaxSessions 100\nPrintMotd no\nAcceptEnv LANG LC_*\nSubsystem sftp internal-sftp\n",
    );
    text
}

/// Where the SSH server's private key is.
pub(crate) fn host_key_file(key: HostKeyType) -> String {
    format!("/etc/ssh/ssh_host_{}_key", key.name())
}

/// hosts(5).
pub(crate) fn hosts(hostname: &str, address: Ipv4Addr) -> String {
    format!("127.0.0.1 localhost\n{address} {hostname}\n")
}

/// A hostname that says which address it is, for example `m-127-70-3-9`.
pub(crate) fn hostname_for(address: Ipv4Addr) -> String {
    format!("m-{}", address.to_string().replace('.', "-"))
}

/// fstab(5) of what enter.sh mounts over the machine's disk. `bound_files` are files of the host that appear under the
/// same path on the machine, read-only.
pub(crate) fn fstab(spec: &MachineSpec, bound_files: &[String]) -> String {
    let run_size = spec.run_bytes.map(|bytes| format!(",size={bytes}")).unwrap_or_default();
    let mut text = format!(
        "proc /mnt/root/proc proc nosuid,nodev,noexec 0 0\n\
         /proc/sys /mnt/root/proc/sys none bind,ro 0 0\n\
         /mnt/boot_id /mnt/root/proc/sys/kernel/random/boot_id none bind,ro 0 0\n\
         sysfs /mnt/root/sys sysfs ro,nosuid,nodev,noexec 0 0\n\
         dev /mnt/root/dev tmpfs mode=0755,nosuid 0 0\n\
         devpts /mnt/root/dev/pts devpts newinstance,ptmxmode=0666,mode=0620,gid=5,X-mount.mkdir 0 0\n\
         shm /mnt/root/dev/shm tmpfs mode=1777,nosuid,nodev,X-mount.mkdir 0 0\n\
         run /mnt/root/run tmpfs mode=0755,nosuid,nodev{run_size} 0 0\n\
         tmp /mnt/root/tmp tmpfs mode=1777,nosuid,nodev 0 0\n"
    );
    for file in bound_files {
        let _ = writeln!(text, "{file} /mnt/root{file} none bind,ro 0 0");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "root:x:0:0:root:/root:/bin/bash\nsshd:x:101:65534::/run/sshd:/usr/sbin/nologin\n\
        someone:x:1000:1000::/home/someone:/bin/bash\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n";

    #[test]
    fn people_of_the_host_are_not_on_the_machine() {
        let accounts = accounts(&MachineSpec::default(), |_| Err(())).unwrap();
        let text = passwd(HOST, &accounts);
        let names: Vec<&str> = text.lines().filter_map(|line| line.split(':').next()).collect();
        assert_eq!(names, ["root", "admin", "sshd", "nobody"]);
        assert!(shadow(&text, &accounts).contains("sshd:*:"));
    }

    #[test]
    fn lines_of_the_specification_come_before_the_defaults() {
        let spec = MachineSpec {
            sshd_config: vec!["UseDNS yes".to_owned()],
            ..MachineSpec::default()
        };
        let text = sshd_config(&spec, Ipv4Addr::new(127, 64, 1, 1));
        assert!(text.find("UseDNS yes") < text.find("UseDNS no"));
    }

    #[test]
    fn members_of_groups_are_dropped() {
        assert_eq!(group("root:x:0:\nsudo:x:27:someone\nsomeone:x:1000:\n", &[]), "sudo:x:27:\n");
    }
}
