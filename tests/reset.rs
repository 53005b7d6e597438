//! Giving machines back: a machine is called clean only when it is proven clean.
//!
//! Each test has a network namespace of its own, so that links, chains and ports are nobody else's.

#![allow(clippy::unwrap_used)] // a test that cannot be set up fails

#[path = "reset/kinds.rs"]
mod kinds;
mod lab;

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use kinds::Kind;
use lab::{Lab, Ran, key, machine, target};
use nix::sched::{CloneFlags, unshare};
use testbed::{Kind as MachineKind, Machine, MachineSpec, Shell, SudoRule};

const USER_DATA: &str = "#cloud-config\nwrite_files:\n  - path: /etc/demo/hello\n    content: hello\nruncmd:\n  - 'true'\n";

/// A machine with a network of its own: this thread's, with which the machine and the binary begin.
struct Host {
    lab: Lab,
    machine: Machine,
}

impl Host {
    fn new(start: impl FnOnce() -> Machine) -> Self {
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        assert!(
            Command::new("ip")
                .args(["link", "set", "lo", "up"])
                .status()
                .unwrap()
                .success()
        );
        let host = Self {
            lab: Lab::new(),
            machine: start(),
        };
        host.lab.file("user-data.yaml", USER_DATA);
        host
    }

    fn plain() -> Self {
        Self::new(|| machine(Shell::Dash, SudoRule::NoPassword))
    }

    fn apply(&self) -> Ran {
        let data = self.lab.path("user-data.yaml");
        self.lab.apply(&target("root", &self.machine), &data, &[]).expect(0)
    }

    fn reset(&self, more: &[&str]) -> Ran {
        let (key, to) = (key(), target("root", &self.machine));
        self.lab.run(&[&["reset", "-i", &key, &to], more].concat())
    }

    /// Runs a shell text on the machine; `$P` and `$K` start and end a program by this name.
    #[track_caller]
    fn sh(&self, text: &str) {
        let text = text.replace("$P ", "start ").replace("$K ", "end ");
        let text = format!(
            "start() {{ cp /bin/sleep /usr/local/bin/$1; setsid /usr/local/bin/$1 1000 & echo $! >/tmp/$1; \
             until [ $(readlink /proc/$!/exe) = /usr/local/bin/$1 ]; do :; done; }}\n\
             end() {{ kill $(cat /tmp/$1); rm -f /usr/local/bin/$1 /tmp/$1; }}\n\
             exec >/dev/null 2>/tmp/err </dev/null\n{text}\n"
        );
        let output = self.machine.run(&["/bin/sh", "-c", &text]).unwrap();
        let errors = self.machine.run(&["cat", "/tmp/err"]).unwrap();
        assert!(output.status.success(), "{text}: {}", String::from_utf8_lossy(&errors.stdout));
    }

    fn remembers(&self) -> bool {
        self.machine.root_dir().unwrap().join("var/lib/anywhere/owner").exists()
    }

    /// Plants each kind by itself and expects to be told of just these.
    fn finds(&self, kinds: &[Kind]) {
        self.apply();
        for kind in kinds {
            self.sh(kind.plant);
            let told = findings(&self.reset(&["--clean-up-command", "true"]));
            self.sh(kind.remove);
            assert_eq!(told, sorted(kind.found.iter().copied()), "{}", kind.plant);
        }
        self.reset(&["--clean-up-command", "true"]).expect(0);
        assert!(!self.remembers());
    }
}

fn sorted<'a>(found: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut found: Vec<_> = found.map(str::to_owned).collect();
    found.sort();
    found
}

/// What the proof told, with `#` for a process id; the machine counts as failed if there is any.
fn findings(ran: &Ran) -> Vec<String> {
    let lines = ran.out.lines().filter_map(|line| line.strip_prefix("  | "));
    let mut found: Vec<_> = lines
        .filter(|line| !line.starts_with("SHA256:"))
        .map(|line| {
            let line = line.strip_prefix("left: ").unwrap_or(line);
            let words: Vec<_> = line.split(' ').collect();
            match words.as_slice() {
                ["process", _, name] => format!("process # {name}"),
                _ => line.to_owned(),
            }
        })
        .collect();
    found.sort();
    assert_eq!(ran.status, 1, "{ran:?}");
    found
}

#[test]
fn processes_are_found() {
    Host::plain().finds(kinds::PROCESSES);
}

#[test]
fn files_are_found() {
    Host::plain().finds(kinds::FILES);
}

#[test]
fn network_is_found() {
    Host::plain().finds(kinds::NETWORK);
}

#[test]
fn units_are_found() {
    let host = Host::new(|| Machine::start(&MachineSpec::of_kind(MachineKind::Systemd)).unwrap());
    host.finds(kinds::UNITS);

    // And the built-in clean-up stops and removes them.
    host.apply();
    kinds::UNITS.iter().for_each(|kind| host.sh(kind.plant));
    host.sh(
        "cd /etc/systemd/system; printf '[Service]\\nExecStart=/bin/sleep 1000\\n[Install]\\nWantedBy=multi-user.target\\n' \
             | tee k0sworker.service >containerd.service; systemctl daemon-reload; systemctl enable --now k0sworker containerd; \
             printf '#!/bin/sh\\nexit 0\\n' >/usr/local/bin/k0s; chmod +x /usr/local/bin/k0s",
    );
    host.reset(&[]).expect(0);
    host.sh("cd /etc/systemd/system; ! ls *k0s* *containerd* */*k0s* && ! systemctl is-active kubelet containerd k0sworker");
}

#[test]
fn ports_are_found() {
    let host = Host::plain();
    host.apply();
    let addresses = [
        "127.0.0.1:6443",
        "127.0.0.2:2379",
        "[::1]:10250",
        "[::]:9443",
        "127.0.0.1:8132",
        "127.0.0.1:7777",
    ];
    let listeners = addresses.map(|address| TcpListener::bind(address).unwrap());
    let told = findings(&host.reset(&["--clean-up-command", "true"]));
    assert_eq!(told, ["port 10250", "port 2379", "port 6443", "port 8132", "port 9443"]);
    drop(listeners);
    host.reset(&["--clean-up-command", "true"]).expect(0);
}

/// A cgroup of this machine's kernel, which is removed in the end. It is where the machines of other tests do not look for those of
/// pods.
struct Cgroup(PathBuf);

impl Drop for Cgroup {
    fn drop(&mut self) {
        for _ in 0..500 {
            if std::fs::remove_dir(self.0.join("kubepods")).is_ok() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        let _ = std::fs::remove_dir(&self.0);
        let _ = self.0.parent().map(std::fs::remove_dir);
    }
}

#[test]
fn processes_of_pods_are_found_by_their_cgroup_and_ended() {
    let hierarchies = ["/sys/fs/cgroup", "/sys/fs/cgroup/pids", "/sys/fs/cgroup/cpu"].map(Path::new);
    let hierarchy = hierarchies
        .into_iter()
        .find(|path| path.join("cgroup.procs").exists())
        .unwrap();
    // Dropped after the machine, whose processes are in it.
    let cgroup = Cgroup(hierarchy.join(format!("anywhere-test-{}/x", std::process::id())));
    std::fs::create_dir_all(cgroup.0.join("kubepods")).unwrap();
    let host = Host::plain();
    host.apply();
    host.sh("$P app");
    let pid = host
        .machine
        .processes()
        .unwrap()
        .into_iter()
        .find(|process| process.argv.first().is_some_and(|name| name.ends_with("/app")));
    std::fs::write(cgroup.0.join("kubepods/cgroup.procs"), pid.unwrap().pid.to_string()).unwrap();
    assert_eq!(findings(&host.reset(&["--clean-up-command", "true"])), ["process # app"]);
    host.reset(&[]).expect(0);
}

#[test]
fn the_baseline_has_the_facts_as_they_are_compared() {
    let host = Host::plain();
    host.sh("mkdir -p /etc/systemd/system; touch /etc/systemd/system/k0sworker.service");
    host.apply();
    let baseline = std::fs::read_to_string(host.machine.root_dir().unwrap().join("var/lib/anywhere/baseline")).unwrap();
    assert_eq!(baseline, "unit k0sworker.service\nbaseline 1\n");
}

#[test]
fn without_a_baseline_everything_counts_and_a_shared_container_runtime_is_left_alone() {
    let host = Host::plain();
    host.sh("mkdir -p /var/lib/containerd/x /var/lib/k0s/pki");
    host.apply();
    host.sh("rm /var/lib/anywhere/baseline");
    let ran = host.reset(&[]).expect(1);
    assert!(
        ran.out.contains("\n  | left: path /var/lib/containerd/x\n1 machine"),
        "{ran:?}"
    );
    host.sh("test -d /var/lib/containerd/x && ! test -e /var/lib/k0s");
}

#[test]
fn a_user_who_is_not_root_gives_back_what_that_user_made() {
    let host = Host::plain();
    let (data, to) = (
        host.lab.file(
            "home.yaml",
            "#cloud-config\nwrite_files: [{path: /home/admin/made/x, content: x}]\n",
        ),
        target("admin", &host.machine),
    );
    host.lab.apply(&to, &data, &["--no-sudo"]).expect(0);
    host.sh("test -e /home/admin/made/x; $P kubelet");
    let key = key();
    let reset = || host.lab.run(&["reset", "-i", &key, "--no-sudo", &to]);
    assert_eq!(findings(&reset().expect(1)), ["process # kubelet"]);
    host.sh("$K kubelet");
    reset().expect(0);
    host.sh("! test -e /home/admin/made && ! test -e /home/admin/.local/state/anywhere");
}

/// On each shell, and with busybox's tools.
#[test]
fn every_shell_finds() {
    let busybox = MachineSpec::of_kind(MachineKind::BusyboxOnly);
    // mksh is refused: it has no printf of its own.
    let shells = Shell::ALL.into_iter().filter(|shell| *shell != Shell::Mksh);
    for spec in shells.map(MachineSpec::with_shell).chain([busybox]) {
        let host = Host::new(|| Machine::start(&spec).unwrap());
        // busybox's /bin/sleep is busybox: not a program that can have another name.
        let mut process = None;
        if spec.kind != MachineKind::BusyboxOnly {
            process = Some("process # kubelet");
        }
        host.apply();
        host.sh(
            "mkdir -p '/var/lib/kubelet/pods/a b' /etc/init.d /run/netns; mount -t tmpfs t '/var/lib/kubelet/pods/a b'; \
                 >/etc/init.d/k0sworker; >/run/netns/cni-1; >/etc/k0s.yaml",
        );
        if process.is_some() {
            host.sh("ip link add cni0 type bridge; nft add table ip nat; nft add chain ip nat KUBE-X; $P kubelet");
        }
        let listener = TcpListener::bind("[::]:10250").unwrap();
        let told = findings(&host.reset(&["--clean-up-command", "true"]));
        let everywhere = [
            "mount /var/lib/kubelet/pods/a\\040b",
            "path /var/lib/kubelet/pods",
            "unit k0sworker",
            "netns cni-1",
            "path /etc/k0s.yaml",
            "port 10250",
        ];
        let not_on_busybox = process
            .into_iter()
            .flat_map(|process| [process, "link cni0", "chain nft ip nat KUBE-X"]);
        assert_eq!(told, sorted(everywhere.into_iter().chain(not_on_busybox)), "{spec:?}");
        drop(listener);
        if process.is_some() {
            host.sh("$K kubelet");
        }
        host.reset(&[]).expect(0);
        assert!(!host.remembers());
    }
}

/// All kinds together; and more than are told.
#[test]
fn everything_is_found_at_once() {
    let host = Host::plain();
    host.apply();
    let kinds = || {
        kinds::PROCESSES
            .iter()
            .take(13)
            .chain(kinds::FILES)
            .chain(kinds::NETWORK.iter().take(13))
    };
    kinds().for_each(|kind| host.sh(kind.plant));
    let told = findings(&host.reset(&["--clean-up-command", "true"]));
    assert_eq!(told, sorted(kinds().flat_map(|kind| kind.found.iter().copied())));
    assert!(host.remembers(), "so that it can be reset again");
    kinds().for_each(|kind| host.sh(kind.remove));

    host.sh("mkdir -p /etc/cni/net.d; cd /etc/cni/net.d; i=0; while [ $i -lt 250 ]; do >$i; i=$((i+1)); done");
    let told = findings(&host.reset(&["--clean-up-command", "true"]));
    assert_eq!(told.len(), 201);
    assert_eq!(told.first().unwrap(), "and 50 more");
    host.reset(&[]).expect(0);
    assert!(!host.remembers());
}

#[test]
fn what_was_there_before_the_first_run_does_not_count_and_stays() {
    let host = Host::plain();
    host.sh(
        "$P containerd; mkdir -p /var/lib/containerd/x /run/netns; >/run/netns/cni-0-1; ip link add cni0 type bridge; \
             nft add table ip nat; nft add chain ip nat KUBE-OLD; >/etc/k0s.yaml; mkdir -p /etc/init.d; >/etc/init.d/k0sworker; \
             printf '#!/bin/sh\\n>/k0s-was-run' >/usr/local/bin/k0s; chmod +x /usr/local/bin/k0s",
    );
    let listener = TcpListener::bind("127.0.0.1:9443").unwrap();
    host.apply();
    host.sh("ip link add cni1 type bridge; kill $(cat /tmp/containerd); $P containerd");
    host.reset(&[]).expect(0);
    host.sh("kill -0 $(cat /tmp/containerd) && test -e /run/netns/cni-0-1 && test -d /var/lib/containerd/x && test -e /etc/k0s.yaml && \
             grep cni0: /proc/net/dev && nft list chain ip nat KUBE-OLD && ! test -e /k0s-was-run && ! grep cni1: /proc/net/dev");
    drop(listener);
}

#[test]
fn the_built_in_clean_up_leaves_nothing_of_a_node_and_all_that_is_not_its_own() {
    let host = Host::plain();
    host.apply();
    for kind in kinds::FILES.iter().chain(kinds::NETWORK.iter().take(11)) {
        host.sh(kind.plant);
    }
    // What has a name of somebody's own, or no decent one, is told, but not removed.
    host.sh(
        "ip netns del blue; rm -r /var/lib/cni; mkdir -p /var/lib/k0s/bin; cp /bin/sleep /var/lib/k0s/bin/any; setsid /var/lib/k0s/bin/any 1000 & \
             nft add chain ip nat PREROUTING '{ type nat hook prerouting priority 0; }'; nft add rule ip nat PREROUTING counter; \
             nft add rule ip nat PREROUTING jump KUBE-SERVICES; nft add rule ip nat PREROUTING jump OWN; \
             nft add rule ip nat KUBE-SERVICES counter; \
             touch /var/lib/kubelet/pods/x/v/volume",
    );
    host.reset(&[]).expect(0);
    host.sh("nft list table ip nat | grep 'jump OWN' && nft list table ip nat | grep counter && ! nft list table ip nat | grep KUBE && \
             ! test -e /etc/demo/hello");
    assert!(!host.remembers());
}

/// iptables(8) that writes down what it is told to change.
#[test]
fn only_the_rules_and_chains_of_nodes_are_taken_from_iptables() {
    let host = Host::plain();
    host.apply();
    host.lab.file("save", "#!/bin/sh\n[ ! -e /change ] || exit 0\ncat <<E\n*nat\n:PREROUTING ACCEPT [0:0]\n:KUBE-SVC - [0:0]\n:OWN - [0:0]\n\
         -A PREROUTING -m comment --comment \"to pods\" -j KUBE-SVC\n-A PREROUTING -j OWN\n-A KUBE-SVC -j OWN\n-A OWN -g KUBE-SVC\nCOMMIT\nE\n");
    let save = std::fs::read(host.lab.path("save")).unwrap();
    host.machine
        .run_with_input(&["tee", "/usr/local/sbin/iptables-nft-save"], &save)
        .unwrap();
    host.sh(
        "mount --bind /dev/null /usr/sbin/nft; cd /usr/local/sbin; chmod +x iptables-nft-save; \
             printf '#!/bin/sh\\n[ $* = --noflush ] && cat >/change\\n' >iptables-nft-restore; chmod +x iptables-nft-restore",
    );
    host.reset(&[]).expect(0);
    let change = std::fs::read_to_string(host.machine.root_dir().unwrap().join("change")).unwrap();
    assert_eq!(
        change,
        "*nat\n:KUBE-SVC - [0:0]\n-D PREROUTING -m comment --comment \"to pods\" -j KUBE-SVC\n-D OWN -g KUBE-SVC\n-X KUBE-SVC\nCOMMIT\n"
    );
}

/// Tools that write down how they were called.
#[test]
fn each_distribution_is_cleaned_with_its_own_tool() {
    let host = Host::plain();
    host.apply();
    host.sh("fake() { printf '#!/bin/sh\\necho \"%s $*\" >>/calls\\n%s\\n' \"${1##*/}\" \"$2\" >$1; chmod +x $1; }; \
             mkdir -p /opt/own /etc/systemd/system /data/k0s/pki /data/k0s/photos /data/kubelet/pods /run/containerd /run/crio /var/lib/kubelet; \
             fake /opt/own/k0s 'exit 3'; fake /usr/local/bin/kubeadm; fake /usr/local/bin/k3s-uninstall.sh; \
             fake /usr/local/bin/k3s-killall.sh; fake /usr/local/bin/rke2-killall.sh; \
             printf 'ExecStart=/opt/own/k0s controller \"--data-dir=/data/k0s\" --kubelet-root-dir /data/kubelet\\n' \
               >/etc/systemd/system/k0scontroller.service; \
             echo 'KUBELET_KUBEADM_ARGS=\"--container-runtime-endpoint=unix:///run/crio/crio.sock\"' >/var/lib/kubelet/kubeadm-flags.env");
    let sockets = ["run/containerd/containerd.sock", "run/crio/crio.sock"]
        .map(|path| std::os::unix::net::UnixListener::bind(host.machine.root_dir().unwrap().join(path)).unwrap());
    let ran = host.reset(&[]).expect(1);
    drop(sockets);
    for words in ["step 2 of 17, k0s: exit status 1", "k0s reset failed with exit status 3"] {
        assert!(ran.out.contains(words), "{ran:?}");
    }
    let calls = std::fs::read_to_string(host.machine.root_dir().unwrap().join("calls")).unwrap();
    assert_eq!(
        calls.lines().collect::<Vec<_>>(),
        [
            "k0s etcd leave --data-dir /data/k0s",
            "k0s reset --data-dir /data/k0s --kubelet-root-dir /data/kubelet",
            "kubeadm reset -f --cri-socket unix:///run/crio/crio.sock",
            "k3s-uninstall.sh ",
            "rke2-killall.sh ",
        ]
    );
    host.sh("test -d /data/k0s/photos && ! test -e /data/k0s/pki && ! test -e /data/kubelet/pods && ! test -e /var/lib/kubelet");
    assert!(host.remembers(), "a step failed");
    host.sh("rm /opt/own/k0s");
    host.reset(&[]).expect(0);
}

#[test]
fn folders_that_a_node_was_told_to_use_are_proven_also_after_it_is_gone() {
    let host = Host::plain();
    host.apply();
    host.sh("mkdir -p /etc/systemd/system /data/kubelet/pods; \
             echo 'ExecStart=/opt/k0s worker --kubelet-root-dir=/data/kubelet' >/etc/systemd/system/k0sworker.service");
    for _ in 0..2 {
        let ran = host.reset(&["--clean-up-command", "rm -f /etc/systemd/system/k0sworker.service"]);
        assert_eq!(findings(&ran), ["path /data/kubelet/pods"]);
    }
}

#[test]
fn a_volume_that_stays_mounted_is_never_emptied() {
    let host = Host::plain();
    host.apply();
    host.sh(
        "mkdir -p /var/lib/kubelet/pods/v; mount -t tmpfs t /var/lib/kubelet/pods/v; cp /bin/sleep /var/lib/kubelet/pods/v/busy; \
             setsid /var/lib/kubelet/pods/v/busy 1000 & echo $! >/tmp/busy; until [ -e /proc/$!/exe ]; do :; done",
    );
    let ran = host.reset(&[]).expect(1);
    assert!(ran.out.contains("left: mount /var/lib/kubelet/pods/v\n"), "{ran:?}");
    host.sh("test -e /var/lib/kubelet/pods/v/busy && kill $(cat /tmp/busy)");
    host.reset(&[]).expect(0);
}

#[test]
fn what_a_lost_connection_left_goes_also_where_nothing_was_begun() {
    let host = Host::plain();
    // Nobody has that process id: it is above what the kernel gives (proc(5), pid_max).
    host.sh("mkdir -p /run/anywhere/run.4194305.0a1b2c3d && echo : > /run/anywhere/run.4194305.0a1b2c3d/program");
    host.reset(&[]).expect(0);
    host.sh("[ -z \"$(ls /run/anywhere)\" ]");
}

#[test]
fn who_comes_when_a_lost_connections_reset_is_just_over_is_told_that_all_is_clean() {
    let host = Host::plain();
    host.apply();
    let until_go = "touch /tmp/begun; until [ -e /tmp/go ]; do sleep 0.1; done";
    std::thread::scope(|scope| {
        let first = scope.spawn(|| host.reset(&["--clean-up-command", until_go]));
        host.sh("until [ -e /tmp/begun ]; do sleep 0.1; done");
        // The second one finds the first one's run, makes a pipe for what it says, and just then that run ends.
        host.sh(
            "printf '#!/bin/sh\\ntouch /tmp/go /tmp/came\\nwhile [ -e /var/lib/anywhere ]; do sleep 0.1; done\\nexec /usr/bin/mkfifo \"$@\"\\n' \
             > /usr/sbin/mkfifo && chmod +x /usr/sbin/mkfifo",
        );
        host.reset(&["--clean-up-command", until_go]).expect(0);
        first.join().unwrap().expect(0);
    });
    host.sh("[ -e /tmp/came ] && [ ! -e /var/lib/anywhere ] && [ -z \"$(ls /run/anywhere)\" ]");
}

#[test]
fn who_comes_while_a_reset_removes_what_it_remembered_waits_until_that_is_gone() {
    let host = Host::plain();
    // One whose lock is there still; it goes on when somebody waits for it.
    host.sh("mkdir -p /var/lib/anywhere\n\
         printf '#!/bin/sh\\ntouch /tmp/go\\nexec /usr/bin/sleep \"$@\"\\n' > /usr/sbin/sleep && chmod +x /usr/sbin/sleep\n\
         setsid sh -c 'set -- $(cat /proc/$$/stat); read -r boot </proc/sys/kernel/random/boot_id\n\
         echo \"run plan $$ ${22} $boot somebody\" >/var/lib/anywhere/lock.1; touch /tmp/held\n\
         until [ -e /tmp/go ]; do /usr/bin/sleep 0.1; done; rm -rf /var/lib/anywhere' &\n\
         until [ -e /tmp/held ]; do /usr/bin/sleep 0.1; done");
    host.apply();
    host.sh("[ -e /tmp/go ] && [ -s /var/lib/anywhere/owner ] && [ -s /var/lib/anywhere/baseline ]");
}

#[test]
fn a_file_that_cannot_be_removed_is_told() {
    let host = Host::plain();
    host.apply();
    host.sh("mount --bind /etc/hostname /etc/demo/hello");
    let ran = host.reset(&[]).expect(1);
    assert!(ran.out.contains("left: file /etc/demo/hello\n"), "{ran:?}");
    host.sh("umount /etc/demo/hello");
    host.reset(&[]).expect(0);
}

#[test]
fn what_cannot_be_reached_is_not_called_clean() {
    let ran = Lab::new().run(&["reset", "-i", &key(), "root@127.33.0.9:1"]).expect(1);
    assert!(
        !ran.all().contains("clean") && ran.out.ends_with("1 machine: 1 failed\n"),
        "{ran:?}"
    );
}
