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

# systemd wants a cgroup to itself in its own hierarchies: one on cgroup v2, up to two on a mixed or v1 host.
enter_cgroups() {
    for hierarchy in /sys/fs/cgroup /sys/fs/cgroup/systemd /sys/fs/cgroup/unified; do
        [ -e "$hierarchy/cgroup.procs" ] || continue
        mkdir -p "$hierarchy/$name"
        find "$hierarchy/$name" -mindepth 1 -depth -type d -exec rmdir {} \; || :
        # 0 is the writing process itself, and this is a builtin.
        echo 0 >"$hierarchy/$name/cgroup.procs"
    done
}

boot() {
    enter_cgroups
    while :; do
        status=0
        # It is the host's network: the machine's SSH server listens on an address of its own there.
        systemd-nspawn --quiet --register=no --keep-unit --settings=no --boot --directory=/mnt/root \
            --machine="$name" --hostname="$hostname" --console=pipe --resolv-conf=off --timezone=off \
            --link-journal=no </dev/null || status=$?
        # 0 is a power-off, 133 a reboot; anything else is the loss of power.
        [ "$status" -ne 0 ] || return 0
        enter_cgroups
    done
}

echo >/mnt/booted
boot &
cat >/dev/null
