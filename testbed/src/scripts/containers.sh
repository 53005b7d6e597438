#!/bin/sh
# Runs in a machine that may run containers, when it starts. Its cgroups of the first version are read-only until here, and hold
# what an earlier start left. kubelet would set what is the host's alone: it finds these settings as it wants them, in files of
# the machine's own that lie over them.
for hierarchy in /sys/fs/cgroup/*/; do
	mount -o remount,bind,rw "$hierarchy"
	[ ! -d "$hierarchy/kubepods" ] || find "$hierarchy/kubepods" -depth -type d -exec rmdir {} \;
done
mkdir -p /run/testbed
for setting in vm/overcommit_memory=1 vm/panic_on_oom=0 kernel/panic=10 kernel/panic_on_oops=1; do
	file=/run/testbed/${setting##*/}
	echo "${setting#*=}" >"${file%=*}"
	mount --bind "${file%=*}" "/proc/sys/${setting%=*}"
done
echo 1 >/proc/sys/net/ipv4/ip_forward
