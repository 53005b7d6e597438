# shellcheck shell=sh disable=SC2034,SC2153,SC2154
# (a part of one program: what is set here may be used in another part, and the other way round)
# The built-in clean-up, second half: what the distributions' own tools are known to leave. Only what is left by p_left is touched,
# so nothing that was there before the first run.

# c_each kind command: calls the command with each of what is left of that kind.
c_each() {
	A_BAD=1
	p_left || return 1
	A_BAD=0
	sed -n "s/^$1 //p" "$A_RUN/left" | sort -r >"$A_RUN/each"
	while IFS= read -r A_LINE <&9; do
		"$2" "$A_LINE" || {
			printf '%s %s could not be removed\n' "$1" "${A_LINE%%	*}" >&2
			A_BAD=1
		}
	done 9<"$A_RUN/each"
	return "$A_BAD"
}

# c_is_shared name: whether it may as well be another's, and nobody knows what was there before the first run.
c_is_shared() {
	[ ! -e "$A_DIR/baseline" ] || return 1
	case $1 in
	containerd* | crio* | /var/lib/containerd/*) printf '%s is perhaps not ours\n' "$1" >&2 ;;
	*) return 1 ;;
	esac
}

c_units() {
	c_each unit c_unit || return 1
	[ ! -d /run/systemd/system ] || a_wait systemctl daemon-reload
}

c_unit() {
	A_NAME=${1%%	*}
	! c_is_shared "$A_NAME" || return 1
	if [ -d /run/systemd/system ]; then
		case $A_NAME in
		*.d | *.wants) ;;
		*)
			a_wait systemctl disable "$A_NAME" >/dev/null 2>&1
			a_wait systemctl stop "$A_NAME"
			;;
		esac
		rm -rf "/etc/systemd/system/$A_NAME" /etc/systemd/system/*.wants/"$A_NAME" "/run/systemd/system/$A_NAME" || return 1
		a_wait systemctl reset-failed "$A_NAME" >/dev/null 2>&1
		return 0
	fi
	[ ! -x "/etc/init.d/$A_NAME" ] || c_stop "$A_NAME"
	for A_B in "/etc/systemd/system/$A_NAME" /etc/systemd/system/*.wants/"$A_NAME" /etc/runlevels/*/"$A_NAME" \
		/etc/rc[0-9S].d/[SK][0-9][0-9]"$A_NAME"; do
		rm -rf "$A_B" || return 1
	done
	# Scripts of packages stay; these are made when a node is.
	case $A_NAME in k0s* | k3s* | rke2*) rm -f "/etc/init.d/$A_NAME" ;; esac
}

# c_processes: those of pods, of their shims, and those whose program lies where nodes keep theirs. Others are not ended, but told.
c_processes() {
	p_left || return 1
	A_PIDS=$(awk -F '\t' '$1 ~ /^process / && $2 == "pod" { split($1, word, " "); print word[2] }' "$A_RUN/left")
	[ -n "$A_PIDS" ] || return 0
	# shellcheck disable=SC2086
	kill -TERM $A_PIDS 2>/dev/null
	A_TRY=0
	while [ "$A_TRY" -lt 50 ]; do
		A_ALIVE=''
		for A_B in $A_PIDS; do
			! a_born "$A_B" || A_ALIVE="$A_ALIVE $A_B"
		done
		[ -n "$A_ALIVE" ] || return 0
		A_TRY=$((A_TRY + 1))
		a_nap
	done
	# shellcheck disable=SC2086
	kill -KILL $A_ALIVE 2>/dev/null || :
}

c_mounts() {
	c_each mount c_mount
}

c_mount() {
	A_PATH=$(printf '%b' "$(printf '%s' "${1%%	*}" | sed 's/\\/\\0/g')")
	# One may lie over another.
	A_TRY=0
	while [ "$A_TRY" -lt 20 ] && c_is_mount "${1%%	*}"; do
		a_wait umount "$A_PATH" || return 1
		A_TRY=$((A_TRY + 1))
	done
}

# c_is_mount path: whether something is mounted there.
c_is_mount() {
	A_WANTED=$1 awk 'BEGIN { path = ENVIRON["A_WANTED"] } $5 == path { found = 1 } END { exit !found }' /proc/self/mountinfo
}

# c_netns: those with the names that container runtimes give: cni-…, or a UUID.
c_netns() {
	c_each netns c_one_netns
}

c_one_netns() {
	A_NAME=${1%%	*}
	case $A_NAME in
	cni-* | ????????-????-????-????-????????????) ;;
	*) return 0 ;;
	esac
	for A_PATH in "/run/netns/$A_NAME" "/var/run/netns/$A_NAME"; do
		[ -e "$A_PATH" ] || continue
		# It need not be mounted any more.
		a_wait umount "$A_PATH" 2>/dev/null
		rm -f "$A_PATH" || return 1
	done
}

c_links() {
	c_each link c_link
}

c_link() {
	A_NAME=${1%%	*}
	# The other end of a pair goes with it.
	if grep -q "^ *$A_NAME:" /proc/net/dev; then a_wait ip link delete "$A_NAME"; fi
}

# c_tables: first the rules elsewhere that lead there, then the chains; in one transaction a tool, which changes nothing else. Then
# the tables that are empty without them.
c_tables() {
	c_chains || return 1
	p_left || return 1
	if grep -q '^table nft ip' "$A_RUN/left"; then c_chains; fi
}

c_chains() {
	p_left || return 1
	A_BAD=0
	sed -n -e 's/	.*//' -e 's/^chain nft //p' "$A_RUN/left" >"$A_RUN/chains"
	sed -n -e 's/	.*//' -e 's/^table nft //p' "$A_RUN/left" >"$A_RUN/whole"
	if [ -s "$A_RUN/chains" ] || [ -s "$A_RUN/whole" ]; then
		nft -a list ruleset >"$A_RUN/seen" || A_BAD=1
		awk -v whole="$A_RUN/whole" -v chains="$A_RUN/chains" '
			BEGIN {
				while ((getline line < whole) > 0) { gone[line]; print "delete table " line }
				while ((getline line < chains) > 0) { chain[line]; order[++n] = line }
			}
			$1 == "table" { table = $2 " " $3; next }
			$1 == "chain" { name = $2; next }
			{
				if (NF < 2 || $(NF - 1) != "handle" || table in gone || (table " " name) in chain) next
				for (i = 1; i < NF; i++)
					if (($i == "jump" || $i == "goto") && (table " " $(i + 1)) in chain)
						print "delete rule " table " " name " handle " $NF
			}
			END {
				for (i = 1; i <= n; i++) { split(order[i], w, " "); if (!((w[1] " " w[2]) in gone)) print "flush chain " order[i] }
				for (i = 1; i <= n; i++) { split(order[i], w, " "); if (!((w[1] " " w[2]) in gone)) print "delete chain " order[i] }
			}' "$A_RUN/seen" >"$A_RUN/change" || A_BAD=1
		a_wait nft -f "$A_RUN/change" || A_BAD=1
	fi
	for A_TOOL in iptables-legacy ip6tables-legacy iptables-nft ip6tables-nft iptables ip6tables; do
		sed -n -e 's/	.*//' -e "s/^chain $A_TOOL //p" "$A_RUN/left" >"$A_RUN/chains"
		[ -s "$A_RUN/chains" ] || continue
		"$A_TOOL-save" >"$A_RUN/seen" || A_BAD=1
		awk -v chains="$A_RUN/chains" '
			BEGIN { while ((getline line < chains) > 0) chain[line] }
			/^\*/ { table = substr($1, 2); n = 0; print; next }
			/^:/ { name = substr($1, 2); if ((table " " name) in chain) { print; gone[++n] = name }; next }
			/^-A/ {
				if ((table " " $2) in chain) next
				for (i = 3; i < NF; i++)
					if (($i == "-j" || $i == "-g") && (table " " $(i + 1)) in chain) { sub(/^-A/, "-D"); print; break }
				next
			}
			/^COMMIT/ { for (i = 1; i <= n; i++) print "-X " gone[i]; print }' "$A_RUN/seen" >"$A_RUN/change" || A_BAD=1
		# shellcheck disable=SC2016
		a_wait /bin/sh -c '"$1" --noflush <"$2"' - "$A_TOOL-restore" "$A_RUN/change" || A_BAD=1
	done
	c_each ipset c_set || A_BAD=1
	return "$A_BAD"
}

c_set() {
	a_wait ipset destroy "${1%%	*}"
}

c_paths() {
	c_each path c_path
	# Empty folders are nothing, but these are not wanted either.
	rmdir /var/lib/k0s /var/lib/kubelet /var/lib/etcd /var/lib/cni /var/lib/calico /var/lib/cilium /var/lib/rancher/k3s \
		/var/lib/rancher/rke2 /var/lib/rancher /etc/kubernetes /etc/k0s /etc/rancher /run/k0s /run/k3s /run/flannel /run/netns /run/cluster-api 2>/dev/null
	# A container runtime that was there before watches its folder, also while that is empty.
	[ ! -e "$A_DIR/baseline" ] || grep -q -E '^(process|unit) (containerd|crio)' "$A_DIR/baseline" ||
		rmdir /etc/cni/net.d /etc/cni /opt/containerd/bin /opt/containerd/lib /opt/containerd 2>/dev/null
	return "$A_BAD"
}

# c_path path: never through a mount: what is behind one is somebody's volume.
c_path() {
	A_PATH=${1%%	*}
	[ -e "$A_PATH" ] || [ -L "$A_PATH" ] || return 0
	! c_is_shared "$A_PATH" || return 1
	# The journal's files have a step of their own.
	A_B=$(readlink -f "${A_PATH%/*}")/${A_PATH##*/}
	if A_WANTED=$A_B awk '
		BEGIN { path = ENVIRON["A_WANTED"] }
		{
			at = $5
			gsub(/\\040/, " ", at)
			if (at == path || index(at, path "/") == 1) { print "mounted: " at > "/dev/stderr"; found = 1 }
		}
		END { exit !found }' /proc/self/mountinfo; then
		return 1
	fi
	a_wait rm -rf "$A_PATH"
}

c_cgroups() {
	c_each cgroup c_cgroup
}

c_cgroup() {
	find "${1%%	*}" -depth -type d -exec rmdir {} \; || return 1
}
