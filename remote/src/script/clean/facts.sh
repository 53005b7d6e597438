# shellcheck shell=sh disable=SC2034,SC2153,SC2154
# (a part of one program: what is set here may be used in another part, and the other way round)
# What there is on this host of the kind that Kubernetes nodes leave behind. Changes nothing. Before the first run the facts are the
# baseline; what a reset finds beyond it is left over. Tools that could hang run under a_wait, so that the limit of a step ends them.
#
# A fact is a line: what it is, how it is told, and perhaps "pod", separated by tabs. The first is the same as long as the thing is
# the same, so it has no process id. A fact that begins with "unseen" says that something could not be looked at.

# f_facts: all of them. Only a few processes, whatever there is: before a first run they are what takes longest.
f_facts() {
	f_kernel
	f_units
	f_netns
	f_paths
	f_cgroups
	f_may_filter || return 0
	f_tables
	f_sets
}

# f_may_filter: whether there is CAP_NET_ADMIN, bit 12. Who has it not cannot see packet filters, and cannot have made any.
#
# For each line bash goes back to where that ended, and the kernel writes the file anew: where a number before has become longer
# meanwhile, a line is missed. So it is looked for again.
f_may_filter() {
	for A_L in 1 2 3 4 5; do
		while read -r A_NAME A_B; do
			case $A_NAME$A_B in
			CapEff:*[13579bdfBDF]???) return 0 ;;
			CapEff:*) return 1 ;;
			esac
		done </proc/self/status
	done
	return 0
}

# f_baseline: into the file that a reset compares with, without how they are told. Until the first step has begun, the next run would
# take it again.
f_baseline() {
	f_facts 2>/dev/null >"$A_RUN/facts" || return
	while IFS='	' read -r A_B A_L; do
		printf '%s\n' "$A_B"
	done <"$A_RUN/facts" >"$A_DIR/baseline" || return
	# Always one line, so that no space left is seen.
	printf 'baseline 1\n' >>"$A_DIR/baseline" || return
	# A tool that had to be ended is no step that took too long.
	[ ! -e "$A_RUN/expired" ] || rm -f "$A_RUN/expired"
	printf '' >"$A_RUN/current"
}

# f_fact text: a fact that is told as it is.
f_fact() {
	printf '%s\t%s\n' "$1" "$1"
}

# f_kernel: processes, mounts, ports and links, as the kernel tells them.
#
# A mount point stands there as mountinfo has it, with blanks as \040 (proc_pid_mountinfo(5)). Ports are those where nodes listen:
# API server 6443 and 6444, etcd, kubelet and its company 10248-10260, k0s 9443, 7443 and 7132, konnectivity 8132-8134, rke2 9345,
# calico 179 and 9099, cilium 4240 and 4244. A veth counts where its bridge is one of a CNI plugin; tunl0 does not count: the kernel
# makes it for itself. /proc/net/dev is of our own network namespace, which /sys need not be.
#
# A process that ends while it is read ends mawk, too (ESRCH): then it is all looked at again. So awk tells all or nothing.
f_kernel() {
	A_DIRS=''
	[ ! -e "$A_DIR/dirs" ] || while read -r A_B A_L; do
		A_DIRS="$A_DIRS
$A_L"
	done <"$A_DIR/dirs"
	f_proc || f_proc || f_proc || f_proc || f_fact 'unseen: processes: awk failed'
}

# f_proc: the look itself; fails with nothing told.
f_proc() {
	{
		cd /proc && {
			echo [0-9]*
			exec ls -ln [0-9]*/exe
		}
	} 2>/dev/null | A_DIRS=$A_DIRS awk -v root="$A_DIR" '
		BEGIN {
			ours = "^(kubelet|kubeadm|kube-.*|k0s.*|k3s.*|rke2.*|containerd.*|crio|cri-dockerd|etcd|kine|konnectivity.*|" \
				"proxy-server|proxy-agent|flanneld|calico.*|bird6?|cilium.*|weave.*|antrea.*|multus.*|coredns|metrics-server|pause)$"
			made = "^(cni[0-9].*|cbr0|flannel.*|cali.*|vxlan(-v6)?[.]calico|wireguard[.]cali|wg-v6[.]cali|cilium_.*|lxc_health|" \
				"lxc[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f].*|kube-.*|nodelocaldns|weave|vethwe.*|" \
				"vxlan-6784|antrea-.*|genev_sys.*)$"
			root = root == "/var/lib/anywhere"
			mounts()
			ports("/proc/net/tcp")
			ports("/proc/net/tcp6")
			if (!lines) tell("unseen ports\tunseen: ports: /proc/net/tcp cannot be read")
			links()
		}
		NR == 1 { last = split($0, pids, " "); next }
		match($0, / [0-9]+\/exe -> /) {
			pid = substr($0, RSTART + 1) + 0
			exe[pid] = substr($0, RSTART + RLENGTH)
			sub(/ \(deleted\)$/, "", exe[pid])
		}
		END {
			count = split("/var/lib/k0s\n/var/lib/rancher\n/run/k0s\n/run/k3s\n" ENVIRON["A_DIRS"], dir, "\n")
			for (i = 1; i <= last; i++) process(pids[i] + 0)
			if (!seen) tell("unseen processes\tunseen: processes: /proc cannot be read")
			printf "%s", all
		}
		function tell(fact) { all = all fact "\n" }
		function process(pid, name, file, class, told, i) {
			told = "/proc/" pid "/comm"
			name = ""
			if ((getline name < told) > 0) seen = 1
			close(told)
			# Neither a program of the kernel nor a corpse has a file.
			if (name == "" || root && !(pid in exe)) return
			file = exe[pid]
			sub(/.*\//, "", file)
			told = "/proc/" pid "/cgroup"
			while ((getline class < told) > 0) if (class ~ /kubepods/) break
			close(told)
			class = class ~ /kubepods/ ? "pod" : ""
			for (i = 1; i <= count; i++) if (dir[i] != "" && index(exe[pid], dir[i] "/") == 1) class = "pod"
			if (class == "" && name !~ ours && file !~ ours) return
			if (file ~ ours) name = file
			if (name ~ /^containerd-shim/ && system("grep -sq k8s[.]io /proc/" pid "/cmdline") == 0) class = "pod"
			gsub(/[[:cntrl:]]/, "?", name)
			gsub(/[[:cntrl:]]/, "?", exe[pid])
			tell("process " name " " exe[pid] " " class "\tprocess " pid " " name "\t" class)
		}
		function mounts(line, word, i, is, rows) {
			count = split("/var/lib/kubelet\n/var/lib/k0s\n/run/k0s\n/run/k3s\n/var/lib/rancher\n/var/lib/cni\n/run/calico\n" \
				"/run/cilium\n/run/flannel\n/var/lib/containerd\n" ENVIRON["A_DIRS"], dir, "\n")
			while ((getline line < "/proc/self/mountinfo") > 0) {
				rows++
				split(line, word, " ")
				is = word[5] ~ /^\/run\/containerd\/.*k8s\.io/
				for (i = 1; i <= count; i++) if (dir[i] != "" && (word[5] == dir[i] || index(word[5], dir[i] "/") == 1)) is = 1
				if (is && !(word[5] in mount)) tell("mount " word[5] "\tmount " word[5])
				mount[word[5]]
			}
			if (!rows) tell("unseen mounts\tunseen: mounts: /proc/self/mountinfo cannot be read")
		}
		function links(line, name, file, rows) {
			while ((getline line < "/proc/net/dev") > 0) {
				rows++
				if (line !~ /:/) continue
				name = line
				sub(/:.*/, "", name)
				sub(/^ */, "", name)
				if (name ~ made) {
					tell("link " name "\tlink " name)
				} else if (name ~ /^veth/) {
					file = "/sys/class/net/" name "/master/uevent"
					while ((getline line < file) > 0) if (line ~ /^INTERFACE=(cni[0-9].*|cbr0|kube-bridge|weave)$/) tell("link " name "\tlink " name)
					close(file)
				}
			}
			if (!rows) tell("unseen links\tunseen: links: /proc/net/dev cannot be read")
		}
		function ports(file, line, word, i, hex, port) {
			if (!(10248 in port_of)) {
				i = split("6443 6444 2379 2380 2381 9443 7443 7132 8132 8133 8134 9345 179 9099 4240 4244", word, " ")
				while (i) port_of[word[i--]]
				for (i = 10248; i <= 10260; i++) port_of[i]
			}
			while ((getline line < file) > 0) {
				lines++
				split(line, word, " ")
				if (word[4] != "0A") continue
				hex = word[2]
				sub(/.*:/, "", hex)
				port = 0
				for (i = 1; i <= length(hex); i++) port = port * 16 + index("0123456789ABCDEF", toupper(substr(hex, i, 1))) - 1
				if (port in port_of && !(port in listens)) tell("port " port "\tport " port)
				listens[port]
			}
		}'
}

# f_is_unit name: whether it is a node component by its name.
f_is_unit() {
	case ${1##*/} in
	k0s* | k3s* | rke2* | kubelet* | kube-* | kubepods* | etcd | etcd.* | containerd | containerd.* | crio | crio.* | \
		cri-docker* | cri-containerd-* | konnectivity* | flanneld* | calico*) ;;
	*) return 1 ;;
	esac
}

# Units of systemd that run or failed, transient ones too, and those that an administrator or a program put there; packages have
# theirs in /usr/lib, and what is not enabled there is no more than a program file. Services of OpenRC and SysV likewise.
f_units() {
	if [ -d /run/systemd/system ]; then
		a_wait systemctl list-units --all --plain --no-legend --no-pager --full 2>"$A_RUN/said" >"$A_RUN/units" || f_unseen units
		while read -r A_NAME A_B A_ACTIVE A_B; do
			case $A_NAME in
			*.mount | *.device) ;;
			*) [ "$A_ACTIVE" = inactive ] || ! f_is_unit "$A_NAME" || f_fact "unit $A_NAME" ;;
			esac
		done <"$A_RUN/units"
	fi
	for A_B in /etc/systemd/system/* /etc/systemd/system/*.wants/* /run/systemd/system/* /run/systemd/transient/* \
		/etc/init.d/k0s* /etc/init.d/k3s* /etc/init.d/rke2* /etc/runlevels/*/* /run/openrc/started/* /etc/rc[0-9S].d/S*; do
		[ -e "$A_B" ] || [ -L "$A_B" ] || continue
		case $A_B in
		*[[:cntrl:]]*) continue ;;
		*.wants | *.requires) continue ;;
		/etc/rc*) A_B=${A_B##*/S[0-9][0-9]} ;;
		esac
		! f_is_unit "$A_B" || f_fact "unit ${A_B##*/}"
	done
}

# f_unseen what: the tool that shows it failed.
f_unseen() {
	A_MSG=''
	read -r A_MSG <"$A_RUN/said"
	f_fact "unseen: $1: $A_MSG"
}

f_netns() {
	for A_B in /run/netns/* /var/run/netns/*; do
		if [ -e "$A_B" ]; then
			case $A_B in *[[:cntrl:]]*) A_B='?' ;; esac
			f_fact "netns ${A_B##*/}"
		fi
	done
}

f_paths() {
	for A_B in /var/lib/k0s /var/lib/kubelet /var/lib/etcd /var/lib/rancher/k3s /var/lib/rancher/rke2 /var/lib/cni /var/lib/calico \
		/var/lib/cilium /var/lib/weave /var/lib/kube-router /var/lib/containerd /etc/kubernetes /etc/k0s /etc/rancher \
		/etc/cni/net.d /run/k0s /run/k3s /run/flannel /run/calico /run/cilium /usr/libexec/k0s; do
		f_entries "$A_B" "$A_B"/* "$A_B"/.[!.]*
	done
	for A_B in /var/log/pods /var/log/containers; do
		for A_NAME in "$A_B"/*; do
			if [ -e "$A_NAME" ] || [ -L "$A_NAME" ]; then f_fact "path $A_B"; fi
			break
		done
	done
	for A_B in /run/cluster-api/bootstrap-success.complete /etc/k0s.yaml /sys/fs/bpf/cilium /sys/fs/bpf/calico \
		/sys/fs/bpf/tc/globals; do
		[ ! -e "$A_B" ] || f_fact "path $A_B"
	done
	# Folders that somebody chose may hold other things as well: only what a node puts there counts.
	[ ! -e "$A_DIR/dirs" ] || while read -r A_KIND A_B; do
		case $A_KIND in
		kubelet) set -- pods plugins plugins_registry plugin-containers pki checkpoints device-plugins config.yaml kubeconfig \
			pod-resources cpu_manager_state memory_manager_state allocated_pods_state actuated_pods_state ;;
		*) set -- bin pki etcd db db-lock containerd kubelet manifests konnectivity run images worker-profile.yaml kubelet-config.yaml \
			kubelet.conf agent server data ;;
		esac
		for A_NAME in "$@"; do
			f_entries "$A_B" "$A_B/$A_NAME"
		done
	done <"$A_DIR/dirs"
}

# f_entries folder path…: those that are there. An empty folder is nothing, so a disk that is kept for one is nothing either.
f_entries() {
	shift
	for A_ENTRY in "$@"; do
		[ -e "$A_ENTRY" ] || [ -L "$A_ENTRY" ] || continue
		case $A_ENTRY in
		*/lost+found) ;;
		*[[:cntrl:]]*) f_fact "path ${A_ENTRY%/*}/?" ;;
		*) f_fact "path $A_ENTRY" ;;
		esac
	done
}

f_cgroups() {
	for A_B in /sys/fs/cgroup/kubepods* /sys/fs/cgroup/*/kubepods* /sys/fs/cgroup/*/*/kubepods* /sys/fs/cgroup/k8s.io \
		/sys/fs/cgroup/*/k8s.io /sys/fs/cgroup/kubelet /sys/fs/cgroup/*/kubelet \
		/sys/fs/cgroup/system.slice/k[03]s*.service /sys/fs/cgroup/*/system.slice/k[03]s*.service \
		/sys/fs/cgroup/system.slice/rke2*.service /sys/fs/cgroup/*/system.slice/rke2*.service; do
		if [ -d "$A_B" ]; then f_fact "cgroup $A_B"; fi
	done
}

# f_tables: chains and tables of nftables and of iptables' two kinds. Nothing is asked that would load a module of the kernel.
f_tables() {
	A_NFT=''
	if command -v nft >/dev/null; then
		A_NFT=1
		f_look nftables nft --stateless list ruleset
		# The tables of iptables count when nothing is in them but its built-in chains, which let everything through: iptables makes
		# them for its first rule and never removes them.
		[ ! -s "$A_RUN/seen" ] || awk '
			$1 == "table" {
				table = $2 " " $3
				used = base = 0
				if ($3 ~ /^(kube-.*|cali.*|cilium.*|cni_.*|flannel-.*|antrea.*)$/) say("table nft " table)
				next
			}
			/^[[:space:]]*(#|$)/ { next }
			$1 == "chain" {
				if ($2 ~ /^(KUBE-|CNI-|cali-|FLANNEL-|CILIUM_|OLD_CILIUM_|WEAVE|ANTREA-)/) say("chain nft " table " " $2)
				inside = 1
				base = 0
				next
			}
			inside && $1 == "type" && /policy accept;$/ { base = 1; next }
			inside && $1 == "}" { inside = 0; if (!base) used = 1; next }
			/^}/ { if (!used && table ~ /^ip6? (filter|nat|mangle|raw|security)$/) say("table nft " table); next }
			{ used = 1 }
			function say(what) { print what "\t" what }' "$A_RUN/seen"
	fi
	for A_V in ip ip6; do
		A_LEGACY='' A_B=''
		{ read -r A_B; } 2>/dev/null <"/proc/net/${A_V}_tables_names"
		if command -v "${A_V}tables-legacy-save" >/dev/null; then
			[ -z "$A_B" ] || f_chains "${A_V}tables-legacy"
			A_LEGACY=1
		fi
		if command -v "${A_V}tables-nft-save" >/dev/null; then
			[ -n "$A_NFT" ] || f_chains "${A_V}tables-nft"
		elif command -v "${A_V}tables-save" >/dev/null; then
			# One kind only: before version 1.8 that did not say which, it was the legacy one.
			case $("${A_V}tables-save" --version 2>/dev/null) in
			*nf_tables*) [ -n "$A_NFT" ] || f_chains "${A_V}tables" ;;
			*)
				[ -z "$A_B" ] || [ -n "$A_LEGACY" ] || f_chains "${A_V}tables"
				A_LEGACY=1
				;;
			esac
		fi
		[ -z "$A_B" ] || [ -n "$A_LEGACY" ] || f_fact "tables of ${A_V}tables that nothing here can show: ${A_V}tables is not installed"
	done
}

# f_look what command…: its output into $A_RUN/seen. A kernel that has no such thing has none of them.
f_look() {
	A_WHAT=$1
	shift
	a_attend $$ "$@" >"$A_RUN/seen" 2>"$A_RUN/said" || case $(cat "$A_RUN/said") in
	*'not supported'*) ;;
	*) f_unseen "$A_WHAT" ;;
	esac
}

# f_chains tool: what tool-save(8) shows.
f_chains() {
	f_look "$1" "$1-save"
	awk -v tool="$1" '
		/^\*/ { table = substr($1, 2) }
		/^:(KUBE-|CNI-|cali-|FLANNEL-|CILIUM_|OLD_CILIUM_|WEAVE|ANTREA-)/ {
			what = "chain " tool " " table " " substr($1, 2)
			print what "\t" what
		}' "$A_RUN/seen"
}

f_sets() {
	command -v ipset >/dev/null || return 0
	f_look ipsets ipset list -n
	while read -r A_NAME; do
		case $A_NAME in
		KUBE-* | cali* | weave* | kube-router* | cilium* | inet6:KUBE-* | inet6:kube-router*) f_fact "ipset $A_NAME" ;;
		esac
	done <"$A_RUN/seen"
}
