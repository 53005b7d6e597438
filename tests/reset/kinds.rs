//! Dirt of every kind: how it is planted, what the proof says of it, how it is removed.

/// One kind. The shell's `$P` starts a program in the background: `$P NAME`, and `$K NAME` ends it.
pub(crate) struct Kind {
    pub(crate) plant: &'static str,
    /// What the proof says, in any order; `#` stands for a process id.
    pub(crate) found: &'static [&'static str],
    pub(crate) remove: &'static str,
}

const fn kind(plant: &'static str, found: &'static [&'static str], remove: &'static str) -> Kind {
    Kind { plant, found, remove }
}

pub(crate) const PROCESSES: &[Kind] = &[
    kind("$P kubelet", &["process # kubelet"], "$K kubelet"),
    kind("$P containerd", &["process # containerd"], "$K containerd"),
    kind(
        "$P containerd-shim-runc-v2",
        &["process # containerd-shim-runc-v2"],
        "$K containerd-shim-runc-v2",
    ),
    kind("$P k0s", &["process # k0s"], "$K k0s"),
    kind("$P k3s", &["process # k3s"], "$K k3s"),
    kind("$P rke2", &["process # rke2"], "$K rke2"),
    kind("$P etcd", &["process # etcd"], "$K etcd"),
    kind("$P kube-apiserver", &["process # kube-apiserver"], "$K kube-apiserver"),
    kind(
        "$P kube-controller-manager",
        &["process # kube-controller-manager"],
        "$K kube-controller-manager",
    ),
    kind(
        "$P konnectivity-server",
        &["process # konnectivity-server"],
        "$K konnectivity-server",
    ),
    kind("$P calico-node", &["process # calico-node"], "$K calico-node"),
    kind("$P flanneld", &["process # flanneld"], "$K flanneld"),
    kind("$P cilium-agent", &["process # cilium-agent"], "$K cilium-agent"),
    kind(
        "mkdir -p /var/lib/k0s/bin; cp /bin/sleep /var/lib/k0s/bin/any; setsid /var/lib/k0s/bin/any 1000 & echo $! >/tmp/any",
        &["process # any", "path /var/lib/k0s/bin"],
        "kill $(cat /tmp/any); rm -r /var/lib/k0s",
    ),
    kind(
        "$P kubelet; rm /usr/local/bin/kubelet",
        &["process # kubelet"],
        "kill $(cat /tmp/kubelet)",
    ),
];

pub(crate) const FILES: &[Kind] = &[
    kind(
        "mkdir -p /var/lib/kubelet/pods/x/v; mount -t tmpfs t /var/lib/kubelet/pods/x/v",
        &["mount /var/lib/kubelet/pods/x/v", "path /var/lib/kubelet/pods"],
        "umount /var/lib/kubelet/pods/x/v; rm -r /var/lib/kubelet",
    ),
    kind(
        "mkdir -p '/run/k0s/a b'; mount -t tmpfs t '/run/k0s/a b'",
        &["mount /run/k0s/a\\040b", "path /run/k0s/a b"],
        "umount '/run/k0s/a b'; rm -r /run/k0s",
    ),
    kind(
        "mkdir -p /run/containerd/io.containerd.runtime.v2.task/k8s.io/1/rootfs; mount -t tmpfs t /run/containerd/io*/k8s.io/1/rootfs",
        &["mount /run/containerd/io.containerd.runtime.v2.task/k8s.io/1/rootfs"],
        "umount /run/containerd/io*/k8s.io/1/rootfs; rm -r /run/containerd",
    ),
    kind("mkdir -p /var/lib/k0s/pki", &["path /var/lib/k0s/pki"], "rm -r /var/lib/k0s"),
    kind(
        "mkdir -p /var/lib/etcd; touch /var/lib/etcd/member",
        &["path /var/lib/etcd/member"],
        "rm -r /var/lib/etcd",
    ),
    kind(
        "mkdir -p /var/lib/rancher/k3s/server",
        &["path /var/lib/rancher/k3s/server"],
        "rm -r /var/lib/rancher",
    ),
    kind(
        "mkdir -p /etc/kubernetes; ln -s /nowhere /etc/kubernetes/admin.conf",
        &["path /etc/kubernetes/admin.conf"],
        "rm -r /etc/kubernetes",
    ),
    kind(
        "mkdir -p /etc/cni/net.d; touch /etc/cni/net.d/.hidden",
        &["path /etc/cni/net.d/.hidden"],
        "rm -r /etc/cni",
    ),
    kind(
        "mkdir -p /var/lib/cni; printf x >\"/var/lib/cni/a\nlink eth0\"",
        &["path /var/lib/cni/?"],
        "rm -r /var/lib/cni",
    ),
    kind(
        "mkdir -p /var/log/pods/a /var/log/pods/b",
        &["path /var/log/pods"],
        "rm -r /var/log/pods",
    ),
    kind(
        "mkdir -p /var/lib/calico; touch /var/lib/calico/nodename",
        &["path /var/lib/calico/nodename"],
        "rm -r /var/lib/calico",
    ),
    kind("mkdir -p /etc/rancher/k3s", &["path /etc/rancher/k3s"], "rm -r /etc/rancher"),
    kind(
        "mkdir -p /run/flannel; touch /run/flannel/subnet.env",
        &["path /run/flannel/subnet.env"],
        "rm -r /run/flannel",
    ),
    kind("touch /etc/k0s.yaml", &["path /etc/k0s.yaml"], "rm /etc/k0s.yaml"),
    kind(
        "mount -t tmpfs t /sys/fs/cgroup; mkdir -p /sys/fs/cgroup/kubepods.slice/x /sys/fs/cgroup/cpu/kubepods \
         /sys/fs/cgroup/system.slice/k0sworker.service /sys/fs/cgroup/system.slice/cron.service",
        &[
            "cgroup /sys/fs/cgroup/kubepods.slice",
            "cgroup /sys/fs/cgroup/cpu/kubepods",
            "cgroup /sys/fs/cgroup/system.slice/k0sworker.service",
        ],
        "umount /sys/fs/cgroup",
    ),
    kind(
        "mkdir -p /etc/systemd/system; touch /etc/systemd/system/k0sworker.service",
        &["unit k0sworker.service"],
        "rm /etc/systemd/system/k0sworker.service",
    ),
    kind(
        "mkdir -p /etc/init.d; touch /etc/init.d/k0scontroller",
        &["unit k0scontroller"],
        "rm /etc/init.d/k0scontroller",
    ),
    kind(
        "mkdir -p /etc/runlevels/default; ln -s /etc/init.d/kubelet /etc/runlevels/default/kubelet",
        &["unit kubelet"],
        "rm -r /etc/runlevels",
    ),
    kind(
        "mkdir -p /etc/rc2.d; touch /etc/rc2.d/S01rke2-server",
        &["unit rke2-server"],
        "rm -r /etc/rc2.d",
    ),
];

pub(crate) const NETWORK: &[Kind] = &[
    kind("ip link add cni0 type bridge", &["link cni0"], "ip link del cni0"),
    kind(
        "mkdir -p /dev/net; [ -e /dev/net/tun ] || mknod /dev/net/tun c 10 200; ip tuntap add cali123 mode tap",
        &["link cali123"],
        "ip link del cali123",
    ),
    kind(
        "ip link add flannel.1 type bridge",
        &["link flannel.1"],
        "ip link del flannel.1",
    ),
    kind(
        "ip link add vxlan.calico type bridge",
        &["link vxlan.calico"],
        "ip link del vxlan.calico",
    ),
    kind(
        "ip link add cilium_host type bridge",
        &["link cilium_host"],
        "ip link del cilium_host",
    ),
    kind(
        "ip link add kube-bridge type bridge; mkdir -p /dev/net; [ -e /dev/net/tun ] || mknod /dev/net/tun c 10 200; ip tuntap add veth77 mode tap; ip link set veth77 master kube-bridge",
        &["link kube-bridge", "link veth77"],
        "ip link del veth77; ip link del kube-bridge",
    ),
    kind(
        "mkdir -p /run/netns; touch /run/netns/cni-0-1",
        &["netns cni-0-1"],
        "rm /run/netns/cni-0-1",
    ),
    kind(
        "ip netns add blue",
        &["netns blue"],
        "ip netns del blue; umount /run/netns; rm -rf /run/netns",
    ),
    kind(
        "nft add table ip nat; nft add chain ip nat KUBE-SERVICES; nft add chain ip nat OWN",
        &["chain nft ip nat KUBE-SERVICES"],
        "nft delete table ip nat",
    ),
    kind(
        "nft add table ip6 filter; nft add chain ip6 filter cali-FORWARD; nft add chain ip6 filter CNI-ADMIN",
        &["chain nft ip6 filter cali-FORWARD", "chain nft ip6 filter CNI-ADMIN"],
        "nft delete table ip6 filter",
    ),
    kind(
        "nft add table ip mangle; nft add chain ip mangle OUTPUT '{ type route hook output priority mangle; policy accept; }'; \
         nft add table ip raw; nft add chain ip raw FORWARD '{ type filter hook forward priority raw; policy drop; }'; \
         nft add table ip6 nat; nft add chain ip6 nat OWN; nft add table inet filter",
        &["table nft ip mangle"],
        "nft delete table ip mangle; nft delete table ip raw; nft delete table ip6 nat; nft delete table inet filter",
    ),
    kind(
        "nft add table inet flannel-ipv4",
        &["table nft inet flannel-ipv4"],
        "nft delete table inet flannel-ipv4",
    ),
    kind(
        "nft add table ip kube-proxy; nft add chain ip kube-proxy services",
        &["table nft ip kube-proxy"],
        "nft delete table ip kube-proxy",
    ),
    kind(
        "printf '#!/bin/sh\\necho KUBE-LOOP-BACK; echo own\\n' >/usr/local/sbin/ipset; chmod +x /usr/local/sbin/ipset",
        &["ipset KUBE-LOOP-BACK"],
        "rm /usr/local/sbin/ipset",
    ),
    kind(
        "mount --bind /dev/null /usr/sbin/nft; \
         printf '#!/bin/sh\\nprintf \"*nat\\\\n:KUBE-MARK-MASQ - [0:0]\\\\n:OWN - [0:0]\\\\n\"\\n' >/usr/local/sbin/iptables-nft-save; \
         chmod +x /usr/local/sbin/iptables-nft-save",
        &["chain iptables-nft nat KUBE-MARK-MASQ"],
        "umount /usr/sbin/nft; rm /usr/local/sbin/iptables-nft-save",
    ),
    kind(
        "printf '#!/bin/sh\\necho no memory >&2\\nexit 1\\n' >/usr/local/sbin/nft; chmod +x /usr/local/sbin/nft",
        &["unseen: nftables: no memory"],
        "rm /usr/local/sbin/nft",
    ),
];

/// On a machine with systemd.
pub(crate) const UNITS: &[Kind] = &[
    kind(
        "touch /etc/systemd/system/k0scontroller.service",
        &["unit k0scontroller.service"],
        "rm /etc/systemd/system/k0scontroller.service",
    ),
    kind(
        "systemd-run -q --unit=kubelet /bin/sleep 1000",
        &["unit kubelet.service"],
        "systemctl stop kubelet",
    ),
    kind(
        "systemd-run -q --unit=k3s-agent /bin/false; while systemctl -q is-active k3s-agent; do :; done",
        &["unit k3s-agent.service"],
        "systemctl reset-failed k3s-agent",
    ),
    kind(
        "systemd-run -q --scope --unit=cri-containerd-77 /bin/sleep 1000 & \
         until systemctl -q is-active cri-containerd-77.scope; do :; done",
        &["unit cri-containerd-77.scope"],
        "systemctl stop cri-containerd-77.scope",
    ),
];
