#!/bin/sh
# Second half of PID 1 of a machine without systemd: starts the SSH server and lives as long as the lifeline (file
# descriptor 3). When it exits, the kernel ends every process of the machine. It runs under the machine's own /bin/sh,
# which may have nothing but busybox around it.
umount -l /mnt
mkdir -m 0755 /run/sshd
mkdir -m 1777 /run/lock
/usr/sbin/sshd -D -e 3<&- </dev/null &
# Waiting (and not reading) lets the shell reap the orphans of the machine, as an init must.
cat <&3 >/dev/null &
exec 3<&-
wait $!
