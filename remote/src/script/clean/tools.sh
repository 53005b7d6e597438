# shellcheck shell=sh disable=SC2034,SC2153,SC2154
# (a part of one program: what is set here may be used in another part, and the other way round)
# The built-in clean-up, first half: what each distribution of Kubernetes cleans with its own tool. A tool that is not there, or that
# was at work before the first run, is left alone. Tools run under a_wait, so that the limit of a step ends them.

# c_find: folders that were chosen with --data-dir and --kubelet-root-dir, into $A_DIR/dirs, for as long as this host has an owner:
# the proof looks there too, and a second reset may not find the services any more.
c_find() {
	{
		cat "$A_DIR/dirs"
		for A_B in /proc/[0-9]*; do
			A_NAME=''
			read -r A_NAME <"$A_B/comm"
			case $A_NAME in
			k0s* | k3s* | rke2* | kubelet) tr '\0' ' ' <"$A_B/cmdline" && echo ;;
			esac
		done
		cat /etc/systemd/system/k0s*.service /etc/systemd/system/k3s*.service /etc/systemd/system/rke2*.service \
			/etc/systemd/system/kubelet.service /etc/systemd/system/kubelet.service.d/* \
			/usr/local/lib/systemd/system/rke2*.service /usr/lib/systemd/system/kubelet.service \
			/usr/lib/systemd/system/kubelet.service.d/* /etc/init.d/k0s* /etc/init.d/k3s* /etc/conf.d/k0s* \
			/etc/default/kubelet /etc/sysconfig/kubelet /var/lib/kubelet/kubeadm-flags.env \
			/etc/rancher/k3s/config.yaml /etc/rancher/rke2/config.yaml
	} 2>/dev/null | awk '
		NF == 2 && ($1 == "kubelet" || $1 == "data") { tell($1, $2); next }
		/^[[:space:]]*#/ { next }
		{
			gsub(/[]["\047,=]/, " ")
			for (i = 1; i < NF; i++) {
				if ($i == "--kubelet-root-dir" || $i == "--root-dir") tell("kubelet", $(i + 1))
				if ($i == "--data-dir" || $i == "data-dir:") tell("data", $(i + 1))
			}
		}
		function tell(kind, path) {
			sub(/\/+$/, "", path)
			if (path !~ /^\/[^\/]/ || path ~ /\/\.\.?(\/|$)|[$\\]/ || (kind, path) in told) return
			told[kind, path]
			if (path != "/var/lib/k0s" && path != "/var/lib/kubelet") print kind, path
		}' >"$A_DIR/dirs.new" && mv -f "$A_DIR/dirs.new" "$A_DIR/dirs"
}

# c_dir kind: the first folder of that kind.
c_dir() {
	awk -v kind="$1" '$1 == kind { print $2; exit }' "$A_DIR/dirs" 2>/dev/null
}

# c_before pattern: whether such a fact was there before the first run.
c_before() {
	grep -q -E "$1" "$A_DIR/baseline" 2>/dev/null || return 1
	printf 'it was there before the first run: left alone\n'
}

# c_try what command…: says which one failed, and that the step did.
c_try() {
	A_WHAT=$1
	shift
	printf '%s\n' "$*"
	A_STATUS=0
	a_wait "$@" || A_STATUS=$?
	[ "$A_STATUS" = 0 ] || {
		printf '%s failed with exit status %s: %s\n' "$A_WHAT" "$A_STATUS" "$*" >&2
		A_BAD=1
	}
}

# c_has_unit name: whether the service manager knows such a service.
c_has_unit() {
	for A_B in "/etc/systemd/system/$1.service" "/usr/lib/systemd/system/$1.service" "/lib/systemd/system/$1.service" \
		"/run/systemd/transient/$1.service" "/etc/init.d/$1"; do
		[ ! -e "$A_B" ] || return 0
	done
	return 1
}

# c_stop name: stops a service with what manages services here, and takes care that it does not come back, unless it would have come
# back before the first run as well.
c_stop() {
	if [ -d /run/systemd/system ]; then
		grep -q "^unit $1\.service\$" "$A_DIR/baseline" 2>/dev/null || a_wait systemctl disable "$1" >/dev/null 2>&1
		c_try "stopping $1" systemctl stop "$1"
	elif command -v rc-service >/dev/null; then
		a_wait rc-update del "$1" >/dev/null 2>&1
		c_try "stopping $1" rc-service "$1" stop
	elif command -v service >/dev/null; then
		c_try "stopping $1" service "$1" stop
	elif [ -x "/etc/init.d/$1" ]; then
		c_try "stopping $1" "/etc/init.d/$1" stop
	fi
}

# c_tool name: where that program is: also outside PATH, as the service's ExecStart or a process tells.
c_tool() {
	command -v "$1" && return
	# shellcheck disable=SC2046
	for A_B in "/usr/local/bin/$1" "/opt/bin/$1" "/opt/$1/$1" "/opt/$1/bin/$1" \
		$(sed -n 's/^ExecStart=["-]*\([^" ]*\).*/\1/p; s/^command=["'\'']*\([^"'\'' ]*\).*/\1/p' \
			"/etc/systemd/system/$1"*.service "/etc/init.d/$1"* 2>/dev/null); do
		case ${A_B##*/} in
		"$1"*)
			if [ -x "$A_B" ]; then
				printf '%s\n' "$A_B"
				return
			fi
			;;
		esac
	done
	for A_B in /proc/[0-9]*; do
		A_NAME=''
		{ read -r A_NAME <"$A_B/comm"; } 2>/dev/null
		if [ "$A_NAME" = "$1" ]; then
			A_B=$(readlink "$A_B/exe") && [ -x "$A_B" ] && printf '%s\n' "$A_B" && return
		fi
	done
	return 1
}

c_k0s() {
	A_BAD=0
	A_TOOL=$(c_tool k0s) || return 0
	! c_before '^(unit k0s|process k0s)' || return 0
	A_ROOT=$(c_dir kubelet)
	A_DATA=$(c_dir data)
	if c_has_unit k0scontroller; then
		# Best effort: the last member of a cluster cannot leave it, and one without quorum hangs.
		set -- "$A_TOOL" etcd leave ${A_DATA:+--data-dir "$A_DATA"}
		! command -v timeout >/dev/null || set -- timeout 60 "$@"
		a_wait "$@" || printf 'k0s etcd leave did not succeed; going on\n'
	fi
	for A_NAME in k0scontroller k0sworker; do
		! c_has_unit "$A_NAME" || c_stop "$A_NAME"
	done
	c_try 'k0s reset' "$A_TOOL" reset ${A_DATA:+--data-dir "$A_DATA"} ${A_ROOT:+--kubelet-root-dir "$A_ROOT"}
	return "$A_BAD"
}

c_kubeadm() {
	A_BAD=0
	A_TOOL=$(c_tool kubeadm) || return 0
	# A kubelet alone is no sign: in a machine image that is made for kubeadm it waits for its configuration.
	! c_before '^path (/etc/kubernetes/.*\.conf|/var/lib/kubelet/)' || return 0
	set --
	for A_B in /run/containerd/containerd.sock /run/crio/crio.sock /run/cri-dockerd.sock; do
		[ ! -S "$A_B" ] || set -- "$@" "$A_B"
	done
	A_SOCKET=''
	if [ $# -gt 1 ]; then
		# With several, kubeadm wants to be told; the kubelet was.
		A_SOCKET=$(sed -n 's/.*container-\{0,1\}runtime-\{0,1\}endpoint[=:][[:space:]]*"\{0,1\}\([^" ]*\).*/\1/Ip' \
			/var/lib/kubelet/kubeadm-flags.env /var/lib/kubelet/instance-config.yaml /var/lib/kubelet/config.yaml 2>/dev/null |
			head -n 1)
		A_SOCKET=${A_SOCKET:-unix://$1}
	fi
	c_try 'kubeadm reset' "$A_TOOL" reset -f ${A_SOCKET:+--cri-socket "$A_SOCKET"}
	! c_has_unit kubelet || c_stop kubelet
	return "$A_BAD"
}

# c_scripts uninstall killall: the scripts that the installers of k3s and rke2 leave.
c_scripts() {
	A_FOUND=''
	for A_FOLDER in /usr/local/bin /usr/bin /opt/bin /opt/rke2/bin; do
		for A_SCRIPT in "$A_FOLDER"/$1; do
			if [ -x "$A_SCRIPT" ]; then
				A_FOUND=1
				c_try "${A_SCRIPT##*/}" "$A_SCRIPT"
			fi
		done
	done
	for A_FOLDER in /usr/local/bin /usr/bin /opt/bin /opt/rke2/bin; do
		if [ -z "$A_FOUND" ] && [ -x "$A_FOLDER/$2" ]; then c_try "$2" "$A_FOLDER/$2"; fi
	done
}

c_k3s() {
	A_BAD=0
	! c_before '^(unit k3s|process k3s)' || return 0
	c_scripts 'k3s*uninstall.sh' k3s-killall.sh
	return "$A_BAD"
}

c_rke2() {
	A_BAD=0
	! c_before '^(unit rke2|process rke2)' || return 0
	c_scripts 'rke2*uninstall.sh' rke2-killall.sh
	return "$A_BAD"
}
