//! Lines `NAME VALUE` to [`Facts`]: pure, total, bounded.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Disk, Facts, FileSystem, Link, MAX_ENTRIES, MAX_TEXT, Moment, Skew};

/// Facts as they come, line by line.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    facts: Facts,
    /// The number of each disk, in their order.
    numbers: Vec<String>,
    /// Numbers and names of devices that are mounted or hold swap.
    used: Vec<String>,
    vendor: Option<String>,
    product: Option<String>,
}

impl Reading {
    /// Takes one fact; nothing, or one that makes no sense, changes nothing. `moment` is when the machine was asked.
    pub fn take(&mut self, name: &str, value: &str, moment: Moment) {
        let Self { facts, .. } = self;
        match name {
            "os" => self.os(value),
            "kernel" => facts.kernel = text(value),
            "architecture" => facts.architecture = text(value),
            "init" => facts.init = text(value),
            "hostname" => facts.hostname = text(value),
            "machine-id" => facts.machine_id = id(value, 32),
            "boot-id" => facts.boot_id = id(value, 36),
            "container" => facts.virtualization = text(value),
            "hypervisor" if facts.virtualization.is_none() => facts.virtualization = text(value),
            "vendor" => self.vendor = text(value),
            "product" => self.product = text(value),
            "cpus" => facts.cpus = count(value),
            "memory" => facts.memory_bytes = kibibytes(value),
            "swap" => facts.swap_bytes = kibibytes(value),
            "uptime" => facts.uptime_seconds = value.split('.').next().and_then(|seconds| seconds.parse().ok()),
            "clock" => {
                facts.clock = value.parse().ok();
                facts.skew = facts.clock.map(|clock| Skew::of(clock, moment));
            }
            "disk" => self.disk(value),
            "swap-device" | "mounted" => push(&mut self.used, text(value), MAX_ENTRIES * 4),
            "space" => push(&mut facts.file_systems, file_system(value), MAX_ENTRIES),
            "link" => push(&mut facts.links, link(value), MAX_ENTRIES),
            "address" => push(&mut facts.addresses, address(value), MAX_ENTRIES),
            "address6" => push(&mut facts.addresses, address6(value), MAX_ENTRIES),
            _ => {}
        }
    }

    /// What was told.
    #[must_use]
    pub fn finish(mut self) -> Facts {
        for (disk, number) in self.facts.disks.iter_mut().zip(&self.numbers) {
            let file = format!("/dev/{}", disk.name);
            disk.in_use |= self.used.iter().any(|used| used == number || *used == file);
        }
        if self.facts.virtualization.is_none() {
            let (vendor, product) = (self.vendor.unwrap_or_default(), self.product.unwrap_or_default());
            self.facts.virtualization = machine_kind(&vendor, &product).map(str::to_owned);
        }
        self.facts
    }

    /// A line of os-release(5).
    fn os(&mut self, value: &str) {
        let Some((name, value)) = value.split_once('=') else { return };
        let value = text(&unquoted(value));
        let os = &mut self.facts.os;
        match name {
            "ID" => os.id = value,
            "ID_LIKE" => os.like = value,
            "VERSION" => os.version = value,
            "VERSION_ID" => os.version_id = value,
            "VERSION_CODENAME" => os.codename = value,
            "PRETTY_NAME" => os.name = value,
            _ => {}
        }
    }

    fn disk(&mut self, value: &str) {
        let mut words = value.split(' ');
        let disk = (|| {
            let name = text(words.next()?)?;
            // The kernel counts in units of 512 bytes here, whatever the disk's own sectors are.
            let bytes = words.next()?.parse::<u64>().ok()?.checked_mul(512)?;
            let number = text(words.next()?)?;
            let in_use = words.next()? != "free";
            Some((Disk { name, bytes, in_use }, number))
        })();
        // A drive without a medium has no size.
        if let Some((disk, number)) = disk.filter(|(disk, _)| disk.bytes > 0 && self.numbers.len() < MAX_ENTRIES) {
            self.facts.disks.push(disk);
            self.numbers.push(number);
        }
    }
}

fn push<T>(list: &mut Vec<T>, entry: Option<T>, most: usize) {
    if list.len() < most {
        list.extend(entry);
    }
}

/// Printable text that is not too long; nothing if it is empty.
fn text(value: &str) -> Option<String> {
    let is_shown = |c: &char| !c.is_control();
    let text: String = value.trim().chars().filter(is_shown).take(MAX_TEXT).collect();
    (!text.is_empty()).then_some(text)
}

/// An identifier of hexadecimal digits and dashes.
fn id(value: &str, length: usize) -> Option<String> {
    let is_one = value.len() == length && value.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    is_one.then(|| value.to_ascii_lowercase())
}

/// A value of os-release(5), which is quoted as for a shell, without any expansion.
fn unquoted(value: &str) -> String {
    let (mut text, mut quote, mut chars) = (String::new(), None, value.trim().chars());
    while let Some(c) = chars.next() {
        match (c, quote) {
            ('\\', None | Some('"')) => text.extend(chars.next()),
            ('"' | '\'', None) => quote = Some(c),
            (c, Some(open)) if c == open => quote = None,
            (c, None | Some(_)) => text.push(c),
        }
    }
    text
}

/// How many there are in a list such as `0-3,6` (cpuset(7), "Formats").
fn count(value: &str) -> Option<u32> {
    let mut count = 0_u32;
    for range in value.split(',').take(MAX_ENTRIES * 64) {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last) = (first.parse::<u32>().ok()?, last.parse::<u32>().ok()?);
        count = count.checked_add(last.checked_sub(first)?.checked_add(1)?)?;
    }
    Some(count)
}

fn kibibytes(value: &str) -> Option<u64> {
    value.parse::<u64>().ok()?.checked_mul(1024)
}

/// `PATH SIZE FREE INODES FREE_INODES MOUNTED_ON OPTIONS`, as df(1) and mountinfo (proc_pid_mountinfo(5)) have them.
fn file_system(value: &str) -> Option<FileSystem> {
    let words: Vec<_> = value.split(' ').collect();
    let [path, size, free, inodes, free_inodes, mounted_on, options] = words.as_slice() else {
        return None;
    };
    let has = |option: &str| options.split(',').any(|one| one == option);
    Some(FileSystem {
        path: text(path)?,
        mounted_on: text(mounted_on)?,
        bytes: kibibytes(size)?,
        free_bytes: kibibytes(free)?,
        // btrfs and others make inodes as they go, and have none to count.
        free_inodes: free_inodes
            .parse()
            .ok()
            .filter(|_| inodes.parse().is_ok_and(|all: u64| all > 0)),
        read_only: has("ro"),
        noexec: has("noexec"),
    })
}

/// `NAME MAC`.
fn link(value: &str) -> Option<Link> {
    let (name, mac) = value.split_once(' ')?;
    let is_mac = mac.len() == 17 && mac.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b':');
    // A link without a hardware address has one of zeros.
    (is_mac && mac != "00:00:00:00:00:00").then(|| {
        Some(Link {
            name: text(name)?,
            mac: mac.to_ascii_lowercase(),
        })
    })?
}

fn address(value: &str) -> Option<IpAddr> {
    let address: Ipv4Addr = value.parse().ok()?;
    (!address.is_loopback() && !address.is_link_local()).then_some(address.into())
}

/// 32 hexadecimal digits, as `/proc/net/if_inet6` has them.
fn address6(value: &str) -> Option<IpAddr> {
    let is_one = value.len() == 32 && value.bytes().all(|byte| byte.is_ascii_hexdigit());
    let number = u128::from_str_radix(value, 16).ok().filter(|_| is_one)?;
    Some(Ipv6Addr::from_bits(number).into())
}

/// Which hypervisor gives a machine this name, in the words of systemd-detect-virt(1).
fn machine_kind(vendor: &str, product: &str) -> Option<&'static str> {
    const KINDS: [(&str, &str); 11] = [
        ("KVM", "kvm"),
        ("OpenStack", "kvm"),
        ("QEMU", "qemu"),
        ("VMware", "vmware"),
        ("VMW", "vmware"),
        ("innotek GmbH", "oracle"),
        ("VirtualBox", "oracle"),
        ("Xen", "xen"),
        ("Parallels", "parallels"),
        ("Amazon EC2", "amazon"),
        ("Google Compute Engine", "google"),
    ];
    let begins = |name: &str| product.starts_with(name) || vendor.starts_with(name);
    if vendor == "Microsoft Corporation" && product == "Virtual Machine" {
        return Some("microsoft");
    }
    // Such a machine may be one without a hypervisor, too.
    if vendor == "Amazon EC2" && product.ends_with(".metal") {
        return None;
    }
    KINDS.iter().find(|(name, _)| begins(name)).map(|(_, kind)| *kind)
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    const MOMENT: Moment = Moment {
        asked: UNIX_EPOCH,
        answered: UNIX_EPOCH,
    };

    fn read(lines: &str) -> Facts {
        let mut reading = Reading::default();
        for line in lines.lines() {
            let (name, value) = line.trim().split_once(' ').unwrap_or((line, ""));
            reading.take(name, value, MOMENT);
        }
        reading.finish()
    }

    #[test]
    fn a_machine() {
        let facts = read(
            "clock 0
             os ID=debian
             os PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"
             os VERSION_ID='12'
             cpus 0-3,6
             memory 1024
             disk sda 2048 8:0 used
             disk sdb 2048 8:16 free
             disk sdc 2048 8:32 free
             disk sdd 2048 8:48 free
             disk sr9 0 11:0 free
             mounted 8:16
             mounted /dev/sdc
             space / 100 50 1000 999 / rw,relatime,rw
             space /tmp 100 0 0 0 /tmp rw,noexec,nosuid,ro
             link eth0 02:FC:00:00:00:01
             link dummy0 00:00:00:00:00:00
             address 10.0.0.5
             address 127.0.0.1
             address6 20010db8000000000000000000000001
             vendor QEMU
             machine-id 0123456789abcdef0123456789ABCDEF",
        );
        assert_eq!(facts.os.id.as_deref(), Some("debian"));
        assert_eq!(facts.os.name.as_deref(), Some("Debian GNU/Linux 12 (bookworm)"));
        assert_eq!(facts.os.version_id.as_deref(), Some("12"));
        assert_eq!((facts.cpus, facts.memory_bytes), (Some(5), Some(1 << 20)));
        let disks: Vec<_> = facts.disks.iter().map(|disk| (disk.name.as_str(), disk.in_use)).collect();
        assert_eq!(disks, [("sda", true), ("sdb", true), ("sdc", true), ("sdd", false)]);
        let spaces: Vec<_> = facts
            .file_systems
            .iter()
            .map(|space| (space.free_bytes, space.free_inodes, space.read_only, space.noexec))
            .collect();
        assert_eq!(spaces, [(51_200, Some(999), false, false), (0, None, true, true)]);
        assert_eq!(facts.links.len(), 1);
        let addresses: Vec<_> = facts.addresses.iter().map(ToString::to_string).collect();
        assert_eq!(addresses, ["10.0.0.5", "2001:db8::1"]);
        assert_eq!(facts.virtualization.as_deref(), Some("qemu"));
        assert_eq!(facts.machine_id.as_deref(), Some("0123456789abcdef0123456789abcdef"));
        assert_eq!(facts.skew.map(|skew| skew.seconds), Some(0.0));
    }

    #[test]
    fn what_makes_no_sense_is_not_told() {
        let facts = read(
            "os ID
             cpus 4-1
             cpus 0-4294967295
             memory -1
             memory 99999999999999999999
             disk sda
             disk sda 18446744073709551615 8:0 free
             space / 1 2 3
             link eth0
             link eth0 zz:zz:zz:zz:zz:zz
             address 10.0.0.256
             address6 +0010db8000000000000000000000001
             machine-id ../../etc/passwd
             boot-id uninitialized
             clock yesterday
             uptime
             colour blue",
        );
        assert_eq!(facts, Facts::default());
    }

    #[test]
    fn lists_and_texts_are_bounded() {
        let mut reading = Reading::default();
        for number in 0..100_000_u32 {
            reading.take("address", &Ipv4Addr::from_bits(0x0a00_0000 + number).to_string(), MOMENT);
            reading.take("disk", &format!("sd{number} 1 8:{number} free"), MOMENT);
            reading.take("mounted", "8:1", MOMENT);
            reading.take("link", &format!("eth{number} 02:00:00:00:00:01"), MOMENT);
        }
        reading.take("hostname", &"x".repeat(100_000), MOMENT);
        assert!(reading.used.len() <= MAX_ENTRIES * 4);
        let facts = reading.finish();
        assert_eq!(
            (facts.addresses.len(), facts.disks.len(), facts.links.len()),
            (MAX_ENTRIES, MAX_ENTRIES, MAX_ENTRIES)
        );
        assert_eq!(facts.hostname.map(|name| name.len()), Some(MAX_TEXT));
    }

    #[test]
    fn every_name_is_listed() {
        let facts = read(
            "clock 0\nkernel 6\narchitecture x\ninit x\nhostname x\ncontainer x\ncpus 0\nmemory 1\nswap 1\nuptime 1.0
             machine-id 0123456789abcdef0123456789abcdef
             boot-id 01234567-89ab-cdef-0123-456789abcdef
             disk sda 2048 8:0 used\nspace / 1 1 1 1 / rw\nlink eth0 02:fc:00:00:00:01\naddress 10.0.0.5",
        );
        let json = serde_json::to_value(facts).unwrap_or_default();
        let names: Vec<_> = json
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, _)| name.as_str())
            .collect();
        assert_eq!(names, Facts::NAMES);
    }

    #[test]
    fn json_and_back() {
        let facts = read("os ID=debian\ncpus 0\ndisk sda 2 8:0 free\naddress 10.0.0.1\nclock 5");
        let json = serde_json::to_string(&facts).unwrap_or_default();
        assert_eq!(serde_json::from_str::<Facts>(&json).ok(), Some(facts), "{json}");
    }

    proptest::proptest! {
        #[test]
        fn no_value_is_too_strange(name in "[a-z6-]{0,12}", value: String) {
            let mut reading = Reading::default();
            reading.take(&name, &value, MOMENT);
            for name in ["os", "cpus", "disk", "space", "link", "address", "address6", "clock", "uptime"] {
                reading.take(name, &value, MOMENT);
            }
            let _ = reading.finish();
        }
    }
}
