#!/bin/sh
# The outermost process of one machine, in a mount namespace of its own. It mounts the machine's disk, lets the test
# process write to it, and starts the machine again after each reboot. Its standard input is the lifeline: a pipe whose
# other end only the test process holds. It says "store", then "root", and waits for one line after each of them.
#
# Arguments: the kind (sshd-only, busybox-only, openrc, systemd), the size of the disk in bytes, the machine's name, its hostname, folders
# that lie over the host's own root folder (separated by colons).
set -eu
kind=$1 disk_bytes=$2 name=$3 hostname=$4 layers=$5

mount -t tmpfs -o mode=0755 testbed /mnt
mkdir /mnt/disk /mnt/root
mount -t tmpfs -o "mode=0755,size=$disk_bytes" testbed /mnt/disk
mkdir /mnt/disk/upper /mnt/disk/work
# overlayfs takes a character device 0/0 in the upper folder as "this name is gone".
mknod /mnt/disk/whiteout c 0 0
echo store
read -r _

if [ "$kind" = busybox-only ]; then
    mount --bind /mnt/disk/upper /mnt/root
else
    lower=/
    if [ -n "$layers" ]; then
        # As a file system of their own: overlayfs takes no layer that lies within another.
        mkdir /mnt/empty /mnt/layers
        mount -t overlay -o "lowerdir=$layers:/mnt/empty" testbed /mnt/layers
        lower=/mnt/layers:/
    fi
    mount -t overlay -o "lowerdir=$lower,upperdir=/mnt/disk/upper,workdir=/mnt/disk/work" testbed /mnt/root
fi
echo root
read -r _

# Anything that reads the first process's environment or files must not find the test process's output pipe.
exec >>/mnt/console.log 2>&1

case $kind in
    systemd | openrc) enter=/mnt/enter-$kind.sh ;;
    *) enter=/mnt/enter.sh ;;
esac

while :; do
    read -r boot_id </proc/sys/kernel/random/uuid
    echo "$boot_id" >/mnt/boot_id
    rm -f /mnt/booted
    status=0
    unshare --pid --uts --ipc --mount --fork sh "$enter" "$hostname" "$name" || status=$?
    # 0: the lifeline closed. 130: the machine powered itself off, which ends a PID namespace's init with SIGINT.
    # Anything else that comes after the start is a reboot, asked for (SIGHUP) or by the loss of power (SIGKILL).
    case $status in
        0 | 130) break ;;
    esac
    [ -e /mnt/booted ] || break
done

# The kernel refuses to remove a cgroup until the last process in it is gone, which may take a moment.
if [ "$kind" = systemd ]; then
    for hierarchy in /sys/fs/cgroup /sys/fs/cgroup/*; do
        [ -e "$hierarchy/$name" ] || continue
        tries=0
        while [ -e "$hierarchy/$name" ] && [ "$tries" -lt 500 ]; do
            find "$hierarchy/$name" -depth -type d -exec rmdir {} \; 2>/dev/null || :
            [ ! -e "$hierarchy/$name" ] || sleep 0.01
            tries=$((tries + 1))
        done
    done
fi
