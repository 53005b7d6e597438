#!/bin/sh
# Everything on a machine that joining a cluster could change, told by tools that the program under test does not use for its proof.
# What changes all the time by itself is left out, and each exception says so.
section() {
	sed "s|^|$1: |"
}

# This shell and what it runs, and the SSH server's processes for connections, come and go.
for pid in /proc/[0-9]*; do
	[ "${pid#/proc/}" != $$ ] || continue
	exe=$(readlink "$pid/exe") || continue
	case $exe in */sshd | */sshd-session) continue ;; esac
	! grep -q "^PPid:	$$\$" "$pid/status" || continue
	printf '%s %s\n' "$exe" "$(tr '\0' ' ' <"$pid/cmdline")"
done 2>/dev/null | grep -v 'testbed-containers' | section process

awk '{ for (i = 7; $i != "-"; i++); print $5, $(i + 1), $(i + 2) }' /proc/self/mountinfo | section mount
lsns -n -o TYPE,COMMAND -t net 2>/dev/null | awk '{ print $1, $2 }' | section namespace
find /run/netns /var/run/netns -mindepth 1 2>/dev/null | section netns

ip -o -d link | sed -e 's/^[0-9]*: //' -e 's/ \(state\|qlen\|numtxqueues\) .*//' -e 's/@if[0-9]*//' | section link
ip -o addr | sed -e 's/^[0-9]*: //' -e 's/valid_lft .*//' | section address
{ ip route show table all; ip -6 route show table all; } | section route
{ ip rule; ip -6 rule; } | section rule
ip neigh show proxy | section neighbour
bridge fdb show 2>/dev/null | grep -v -E ' (host0|self permanent)' | section forwarding

nft --stateless list ruleset | section nft
for tool in iptables-legacy-save ip6tables-legacy-save; do
	command -v "$tool" >/dev/null && "$tool" | sed -e '/^#/d' -e 's/\[[0-9]*:[0-9]*\]$//' | section "$tool"
done
conntrack -L expect 2>/dev/null | section expect
ss -H -l -n -t -u -x | awk '{ print $1, $5 }' | section listener

find /sys/fs/cgroup -mindepth 1 -type d | section cgroup
# Without targets, which are only points in time: one that a unit asked for (network-online) stays reached.
systemctl list-units --all --plain --no-legend --no-pager --full --type service,socket,timer,path,slice,scope |
	awk '{ print $1, $2, $3, $4 }' | section unit
systemctl list-unit-files --no-legend --no-pager | section unit-file

ctr namespaces ls -q 2>/dev/null | while read -r namespace; do
	for kind in containers tasks snapshots images leases content; do
		ctr --namespace "$namespace" "$kind" ls 2>/dev/null | awk 'NR > 1 { print $1 }' | section "containerd $namespace $kind"
	done
done

getent passwd | section user
sysctl -a 2>/dev/null | grep -E '^(net\.ipv[46]\.(conf\.[a-z]+\.(forwarding|rp_filter|route_localnet)|ip_forward)|net\.bridge)' | section sysctl

# Not: what is in the folders of the service manager and its journal, logs (/var/log), and the data of a containerd that was there
# before, which is told above in its own words; nor the folder in memory where runs have their programs, which is empty; nor
# programs of CNI plugins, which a reset leaves as it leaves k0s itself.
find / /run /tmp -xdev \( -path /run/systemd -o -path /run/log -o -path /var/log -o -path /var/lib/containerd -o -path /run/containerd \
	-o -path /run/anywhere -o -path /opt/cni \
	-o -path /proc -o -path /sys -o -path /dev \) -prune -o -type d -printf '%p %y %m %U:%G\n' \
	-o -printf '%p %y %m %U:%G %s %l %T@\n' | section file
