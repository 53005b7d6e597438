//! What a machine is, in lines for people: pure.

use remote::facts::{Disk, Facts, FileSystem, Skew};

use super::columns::wrapped;

/// Lines of at most 80 characters, indented, each with what it is about in front.
pub(crate) fn lines(facts: &Facts) -> Vec<String> {
    let Facts {
        os,
        kernel,
        architecture,
        init,
        virtualization,
        cpus,
        memory_bytes,
        swap_bytes,
        disks,
        file_systems,
        links,
        addresses,
        hostname,
        machine_id,
        boot_id,
        uptime_seconds,
        clock: _,
        skew,
    } = facts;
    let name = os.name.clone().or_else(|| os.id.clone());
    let addresses: Vec<_> = addresses.iter().map(ToString::to_string).collect();
    let links: Vec<_> = links.iter().map(|link| format!("{} {}", link.name, link.mac)).collect();
    let about = [
        (
            "system",
            list([
                name,
                kernel.as_ref().map(|kernel| format!("Linux {kernel}")),
                architecture.clone(),
                init.clone(),
                virtualization.clone(),
            ]),
        ),
        (
            "size",
            list([
                cpus.map(|cpus| format!("{cpus} CPU{}", if cpus == 1 { "" } else { "s" })),
                memory_bytes.map(|bytes| format!("{} memory", size(bytes))),
                swap_bytes
                    .filter(|bytes| *bytes > 0)
                    .map(|bytes| format!("{} swap", size(bytes))),
            ]),
        ),
        ("disks", disks.iter().map(disk).collect::<Vec<_>>().join(", ")),
        ("free", file_systems.iter().map(file_system).collect::<Vec<_>>().join(", ")),
        ("name", hostname.clone().unwrap_or_default()),
        ("address", addresses.into_iter().chain(links).collect::<Vec<_>>().join(", ")),
        ("machine", machine_id.clone().unwrap_or_default()),
        ("boot", boot_id.clone().unwrap_or_default()),
        (
            "clock",
            list([
                skew.map(clock),
                uptime_seconds.map(|seconds| format!("up {}", duration(seconds))),
            ]),
        ),
    ];
    about
        .iter()
        .filter(|(_, text)| !text.is_empty())
        .flat_map(|(what, text)| wrapped(&format!("  {what:7}  "), text))
        .collect()
}

fn list<const COUNT: usize>(parts: [Option<String>; COUNT]) -> String {
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn disk(disk: &Disk) -> String {
    let Disk { name, bytes, in_use } = disk;
    format!("{name} {} {}", size(*bytes), if *in_use { "in use" } else { "free" })
}

fn file_system(file_system: &FileSystem) -> String {
    let FileSystem {
        path,
        free_bytes,
        bytes,
        read_only,
        noexec,
        mounted_on: _,
        free_inodes: _,
    } = file_system;
    let flags = [(*read_only, " read-only"), (*noexec, " noexec")];
    let flags: String = flags.iter().filter(|(is, _)| *is).map(|(_, word)| *word).collect();
    format!("{path} {} of {}{flags}", size(*free_bytes), size(*bytes))
}

/// How far a clock is off, for people.
pub(crate) fn clock(skew: Skew) -> String {
    let Skew { seconds, within } = skew;
    if seconds > 0.0 {
        format!("{} ahead", off(seconds))
    } else if seconds < 0.0 {
        format!("{} behind", off(-seconds))
    } else {
        format!("right within {within:.1} s")
    }
}

fn off(seconds: f64) -> String {
    if seconds < 120.0 {
        format!("{seconds:.1} s")
    } else {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // positive, and saturating
        duration(seconds as u64)
    }
}

/// `3 d 4 h`, `12 min`: the two largest units.
pub(crate) fn duration(seconds: u64) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3600, "h"), (60, "min"), (1, "s")];
    let mut rest = seconds;
    let mut parts = Vec::new();
    for (length, unit) in UNITS {
        if rest >= length {
            parts.push(format!("{} {unit}", rest / length));
            rest %= length;
        } else if !parts.is_empty() {
            break;
        }
        if parts.len() == 2 {
            break;
        }
    }
    if parts.is_empty() { "0 s".to_owned() } else { parts.join(" ") }
}

/// A size with three digits at most: `7.7 GiB`.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    // In tenths of a unit, rounded down: what is free is never told as more.
    let (mut tenths, mut unit) = (u128::from(bytes) * 10, "B");
    for next in UNITS {
        if tenths < 10_240 {
            break;
        }
        (tenths, unit) = (tenths / 1024, next);
    }
    if tenths < 100 && tenths % 10 != 0 {
        format!("{}.{} {unit}", tenths / 10, tenths % 10)
    } else {
        format!("{} {unit}", tenths / 10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1 KiB"),
            (1536, "1.5 KiB"),
            (10_750, "10 KiB"),
            (8_267_812_864, "7.7 GiB"),
            (u64::MAX, "15 EiB"),
        ] {
            assert_eq!(size(bytes), text, "{bytes}");
        }
    }

    #[test]
    fn durations() {
        for (seconds, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (3601, "1 h"),
            (90_000, "1 d 1 h"),
            (86_461, "1 d"),
            (200_000_000_000, "2314814 d 19 h"),
        ] {
            assert_eq!(duration(seconds), text, "{seconds}");
        }
    }

    #[test]
    fn a_machine_that_told_all_fits_80_columns() {
        let json = r#"{"os":{"id":"debian","name":"Debian GNU/Linux 12 (bookworm)"},"kernel":"6.1.0-18-amd64",
            "architecture":"x86_64","init":"systemd","virtualization":"kvm","cpus":4,"memoryBytes":8267812864,
            "disks":[{"name":"vda","bytes":32212254720,"inUse":true},{"name":"vdb","bytes":107374182400,"inUse":false}],
            "fileSystems":[{"path":"/","mountedOn":"/","bytes":31440000000,"freeBytes":21440000000,"readOnly":false,"noexec":false},
            {"path":"/tmp","mountedOn":"/tmp","bytes":4133906432,"freeBytes":4133906432,"readOnly":false,"noexec":true}],
            "links":[{"name":"eth0","mac":"52:54:00:12:34:56"}],"addresses":["10.0.0.5","2001:db8::5"],
            "hostname":"worker-0","machineId":"0123456789abcdef0123456789abcdef","uptimeSeconds":98765,
            "skew":{"seconds":-7200.5,"within":1.1}}"#;
        let lines = lines(&serde_json::from_str(json).unwrap());
        assert_eq!(
            lines,
            [
                "  system   Debian GNU/Linux 12 (bookworm), Linux 6.1.0-18-amd64, x86_64,",
                "           systemd, kvm",
                "  size     4 CPUs, 7.7 GiB memory",
                "  disks    vda 30 GiB in use, vdb 100 GiB free",
                "  free     / 19 GiB of 29 GiB, /tmp 3.8 GiB of 3.8 GiB noexec",
                "  name     worker-0",
                "  address  10.0.0.5, 2001:db8::5, eth0 52:54:00:12:34:56",
                "  machine  0123456789abcdef0123456789abcdef",
                "  clock    2 h behind, up 1 d 3 h",
            ]
        );
    }
}
