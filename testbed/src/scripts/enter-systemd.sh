#!/bin/sh
# Boots a machine's systemd in a container as often as it asks for a reboot or dies, as PID 1 of a PID namespace around
# the container: when it exits, the kernel ends everything in there, whatever state it is in. It lives as long as the
# lifeline, its standard input.
#
# Arguments: the hostname, the machine's name.
set -eu
hostname=$1 name=$2
mount -t proc proc /proc
# systemd-nspawn keeps its locks and sockets in /run; the host's must not see them.
mount -t tmpfs -o mode=0755 testbed /run

options=
# It is the network of whoever started the machine, unless it has one of its own: the SSH server has an address of its own there.
if [ -e /mnt/own-network ]; then
    options='--network-namespace-path=/proc/1/ns/net --capability=CAP_NET_ADMIN'
    # /proc/sys/net may be written to then.
    export SYSTEMD_NSPAWN_API_VFS_WRITABLE=network
fi
hierarchies='/sys/fs/cgroup /sys/fs/cgroup/systemd /sys/fs/cgroup/unified'
cgroup=$name
if [ -e /mnt/containers ]; then
    hierarchies='/sys/fs/cgroup /sys/fs/cgroup/*'
    # Where other machines, which see the host's cgroups, do not look for those of pods.
    cgroup=$name/machine
    options="$options --capability=CAP_SYSLOG --bind=/dev/kmsg --system-call-filter=@keyring"
    # overlayfs cannot be the upper layer of another.
    mkdir /mnt/disk/containerd 2>/dev/null || :
    options="$options --bind=/mnt/disk/containerd:/var/lib/containerd"
fi

# systemd wants a cgroup to itself in its own hierarchies: one on cgroup v2, up to two on a mixed or v1 host.
enter_cgroups() {
    for hierarchy in $hierarchies; do
        # A link is another name of one that has its turn.
        if [ ! -e "$hierarchy/cgroup.procs" ] || [ -L "$hierarchy" ]; then continue; fi
        mkdir -p "$hierarchy/$cgroup"
        # A new cpuset is empty, and takes no process (cpuset(7)).
        for list in cpuset.cpus cpuset.mems; do
            [ -e "$hierarchy/$name/$list" ] || continue
            cat "$hierarchy/$list" >"$hierarchy/$name/$list"
            [ "$cgroup" = "$name" ] || cat "$hierarchy/$list" >"$hierarchy/$cgroup/$list"
        done
        find "$hierarchy/$cgroup" -mindepth 1 -depth -type d -exec rmdir {} \; || :
        # 0 is the writing process itself, and this is a builtin.
        echo 0 >"$hierarchy/$cgroup/cgroup.procs"
    done
}

boot() {
    enter_cgroups
    while :; do
        status=0
        # shellcheck disable=SC2086 # words
        systemd-nspawn --quiet --register=no --keep-unit --settings=no --boot --directory=/mnt/root \
            --machine="$name" --hostname="$hostname" --console=pipe --resolv-conf=off --timezone=off \
            --link-journal=no $options </dev/null || status=$?
        # 0 is a power-off, 133 a reboot; anything else is the loss of power.
        [ "$status" -ne 0 ] || return 0
        enter_cgroups
    done
}

echo >/mnt/booted
boot &
cat >/dev/null
