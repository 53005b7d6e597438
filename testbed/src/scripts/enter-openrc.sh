#!/bin/sh
# Boots a machine's OpenRC as often as it asks for a reboot or dies, as PID 1 of a PID namespace around the machine's own: when it
# exits, the kernel ends everything in there, whatever state it is in. It lives as long as the lifeline, its standard input.
#
# Arguments: the hostname.
set -eu
mount -t proc proc /proc

boot() {
    while :; do
        status=0
        unshare --pid --uts --ipc --mount --fork sh /mnt/enter.sh "$1" </dev/null || status=$?
        # 130 is a power-off, which ends a PID namespace's init with SIGINT; anything else a reboot, or the loss of power.
        [ "$status" -ne 130 ] || return 0
        [ -e /mnt/booted ] || return 1
    done
}

echo >/mnt/booted
boot "$1" &
cat >/dev/null
