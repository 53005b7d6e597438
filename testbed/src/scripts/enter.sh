#!/bin/sh
# First half of PID 1 of a machine without systemd: it runs in new PID, UTS, IPC and mount namespaces, mounts what a
# running machine has over its disk, makes the disk its root folder and becomes the second half (init.sh), or OpenRC's init.
#
# Arguments: the hostname.
set -eu
hostname "$1"
mount --all --fstab /mnt/fstab
cp -a /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty /mnt/root/dev/
# As null(4) and the others say, whatever has become of the modes of the host's own.
for name in null zero full random urandom tty; do
    chmod 0666 "/mnt/root/dev/$name"
done
# What opens a terminal looks for it here (pts(4)).
ln -s pts/ptmx /mnt/root/dev/ptmx
if [ -e /mnt/read-only ]; then
    mount -o remount,bind,ro /mnt/root
fi
echo >/mnt/booted
exec 3<&0 </mnt/init.sh
openrc=
[ ! -e /mnt/openrc ] || openrc=1
cd /mnt/root
pivot_root . mnt
if [ -n "$openrc" ]; then
    exec chroot . /bin/sh -c 'umount -l /mnt; exec /usr/sbin/openrc-init' <&3 3<&-
fi
exec chroot . /bin/sh -s
