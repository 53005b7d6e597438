# shellcheck shell=sh disable=SC2034,SC2153,SC2154
# (a part of one program: what is set here may be used in another part, and the other way round)
# What would be in the way of a run, told in lines `fact NAME VALUE` like what the machine is. Changes nothing: temporary files are
# in the program's own folder, which goes with it.

d_findings() {
	# Where a run would look, whoever logs in.
	PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
	for A_TOOL in awk cat chmod cut date dd find grep head ln mkfifo mv rm sed setsid sleep sort tail tr wc; do
		command -v "$A_TOOL" >/dev/null || printf 'fact lacks %s\n' "$A_TOOL"
	done
	for A_TOOL in conntrack containerd containerd-shim-runc-v2 cri-dockerd crictl crio curl iptables k0s kubeadm kubelet mount nft \
		socat wget; do
		! command -v "$A_TOOL" >/dev/null || printf 'fact has %s\n' "$A_TOOL"
	done
	d_ports
	d_cgroups
	# The same that a reset has to prove. Here nobody but the engine's patience ends a tool that hangs.
	A_WATCH=none
	if p_left; then
		sed -n '1,200s/^/fact left /p' "$A_RUN/left"
	else
		printf 'fact left unseen: what is left cannot be looked at\n'
	fi
	printf 'fact looked\n'
}

# d_ports: all on which somebody listens.
d_ports() {
	cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | awk '
		$4 == "0A" {
			hex = $2
			sub(/.*:/, "", hex)
			port = 0
			for (i = 1; i <= length(hex); i++) port = port * 16 + index("0123456789ABCDEF", toupper(substr(hex, i, 1))) - 1
			if (!(port in told)) print "fact port " port
			told[port]
		}'
}

# d_cgroups: version and controllers, or nothing where none are mounted (cgroups(7)).
d_cgroups() {
	if [ -r /sys/fs/cgroup/cgroup.controllers ]; then
		h_file 'cgroups 2' /sys/fs/cgroup/cgroup.controllers
		return
	fi
	A_LINE=''
	for A_B in cpu cpuset io blkio memory pids; do
		[ ! -d "/sys/fs/cgroup/$A_B" ] || A_LINE="$A_LINE $A_B"
	done
	[ -z "$A_LINE" ] || printf 'fact cgroups 1%s\n' "$A_LINE"
}
