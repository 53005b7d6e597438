# shellcheck shell=sh disable=SC2154
# mounts, swap
#
# What is changed is remembered by e_keep: "line TEXT" of fstab, "dir PATH" that was made, "point PATH" that was mounted, "swap PATH"
# that was made, "on PATH" where swapping was switched on.

# e_spec device partition: the first field of fstab(5). As in cloud-init, a disk's first partition is meant if it has one.
e_spec() {
	case $2 in
	-) printf '%s\n' "$1" ;;
	'') e_settle "$1" && { e_partition "$1" 1 || printf '%s\n' "$1"; } ;;
	*) e_settle "$1" && e_partition "$1" "$2" ;;
	esac
}

# e_fstab_field text: as fstab(5) has it.
e_fstab_field() {
	printf '%s' "$1" | sed 's/ /\\040/g'
}

# e_mounted path: what is mounted there, on top.
e_mounted() {
	A_WANTED=$(e_fstab_field "$1") awk '
		$5 == ENVIRON["A_WANTED"] { for (i = 7; i <= NF; i++) if ($i == "-") source = $(i + 2); found = 1 }
		END { if (found) print source; exit !found }' /proc/self/mountinfo
}

# e_is_swap path: whether it is swapped to.
e_is_swap() {
	A_WANTED=$1 A_REAL=$(readlink -f "$1") awk '$1 == ENVIRON["A_WANTED"] || $1 == ENVIRON["A_REAL"] { found = 1 } END { exit !found }' /proc/swaps
}

# e_mounts swap-file (device partition may-miss point type options dump pass)…: exactly these lines are in fstab among those that
# runs wrote, and what is in them is mounted. Without a point, the lines of that device go. The swap file has a step of its own.
e_mounts() (
	swap=$1
	shift
	for list in wanted specs todo; do
		true >"$A_RUN/$list" || exit 1
	done
	while [ $# -ge 8 ]; do
		if spec=$(e_spec "$1" "$2"); then
			there=1
		else
			there='' spec=$1
			[ -z "$4" ] || [ -n "$3" ] || {
				printf 'there is no device %s%s\n' "$1" "${2:+, partition $2}" >&2
				exit 1
			}
		fi
		spec=$(e_fstab_field "$spec")
		printf '%s\n' "$spec" >>"$A_RUN/specs" || exit 1
		if [ -n "$4" ]; then
			printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$spec" "$(e_fstab_field "$4")" "$5" "$6" "$7" "$8" >>"$A_RUN/wanted" || exit 1
			case ,$6, in
			*,noauto,*) ;;
			*) [ -z "$there" ] || printf '%s\t%s\t%s\n' "$spec" "$5" "$4" >>"$A_RUN/todo" || exit 1 ;;
			esac
		fi
		shift 8
	done
	e_fstab "$swap" || exit 1
	while IFS='	' read -r spec kind point <&9; do
		if [ "$kind" = swap ]; then
			e_swapon "$spec" || exit 1
		else
			e_mount "$spec" "$point" || exit 1
		fi
	done 9<"$A_RUN/todo"
)

# e_fstab swap-file: writes the lines in $A_RUN/wanted. Lines that others wrote stay, but for marked ones of the same devices.
e_fstab() {
	[ -e "$A_DIR/mounts" ] || true >"$A_DIR/mounts" || return 1
	[ -e /etc/fstab ] || (umask 022 && true >>/etc/fstab) || return 1
	sed -n 's/^line	//p' "$A_DIR/mounts" >"$A_RUN/ours" || return 1
	awk -v swap="$1" '
		part == "ours" { ours[$0]; next }
		part == "specs" { device[$1]; next }
		part == "wanted" { line[++n] = $0; at[$0] = n; if ($2 ~ /^\//) point[$2] = n; next }
		$0 in at { if (!(at[$0] in had)) print; had[at[$0]]; next }
		$1 == swap && $3 == "swap" { print; next }
		$0 in ours || ($4 ~ /comment=cloudconfig/ && $1 in device) { next }
		$1 !~ /^#/ && $2 in point {
			split(line[point[$2]], mine, "\t")
			if ($1 != mine[1]) { print $2 " is the place of " $1 " in /etc/fstab already" > "/dev/stderr"; bad = 1; exit }
			had[point[$2]]
		}
		{ print }
		END { if (bad) exit 1; for (i = 1; i <= n; i++) if (!(i in had)) print line[i] }
	' part=ours "$A_RUN/ours" part=specs "$A_RUN/specs" part=wanted "$A_RUN/wanted" part=fstab /etc/fstab >"$A_RUN/fstab" || return 1
	while IFS= read -r A_LINE; do
		e_keep line "$A_LINE" || return 1
	done <"$A_RUN/wanted"
	e_new_fstab
}

# e_new_fstab: $A_RUN/fstab takes the place of the one that is there, if it differs; systemd makes its units from it.
e_new_fstab() {
	if ! cmp -s "$A_RUN/fstab" /etc/fstab; then
		cp -p /etc/fstab /etc/fstab.anywhere && cat "$A_RUN/fstab" >/etc/fstab.anywhere || return 1
		true >"$A_DIR/state.$A_STEP_ID" || return 1
		mv -f /etc/fstab.anywhere /etc/fstab || return 1
	fi
	if [ -e "$A_DIR/state.$A_STEP_ID" ]; then
		[ ! -d /run/systemd/system ] || e_run systemctl daemon-reload || return 1
		rm -f "$A_DIR/state.$A_STEP_ID"
	fi
}

# e_mount spec point: mounted, as fstab says.
e_mount() {
	e_mount_point "$2" || return 1
	A_PLACE=$(readlink -f "$2") || return 1
	if A_SOURCE=$(e_mounted "$A_PLACE"); then
		case $1 in
		/*)
			[ "$(readlink -f "$A_SOURCE")" = "$(readlink -f "$1")" ] || {
				printf 'something else is mounted at %s already: %s\n' "$2" "$A_SOURCE" >&2
				return 1
			}
			;;
		esac
		return 0
	fi
	e_keep point "$2" || return 1
	e_run mount "$2" || {
		printf 'cannot mount %s at %s\n' "$1" "$2" >&2
		return 1
	}
}

# e_mount_point path: makes the folder, and those above it.
e_mount_point() {
	[ ! -d "$1" ] || return 0
	if [ -e "$1" ] || [ -L "$1" ]; then
		printf '%s is there, and no folder\n' "$1" >&2
		return 1
	fi
	[ -z "${1%/*}" ] || e_mount_point "${1%/*}" || return 1
	e_keep dir "$1" && mkdir -m 755 "$1"
}

# e_swapon path
e_swapon() {
	[ -e /proc/swaps ] || {
		printf 'the kernel of this host cannot swap\n' >&2
		return 1
	}
	! e_is_swap "$1" || return 0
	e_keep on "$1" || return 1
	e_run swapon "$1" || {
		printf 'cannot swap to %s\n' "$1" >&2
		return 1
	}
}

# e_swap file bytes|auto most: a swap file, in fstab, and in use. One that is there keeps its size; what is no swap file stays.
e_swap() (
	file=$1
	if ! e_is_swap "$file"; then
		if [ -e "$file" ] || [ -L "$file" ]; then
			e_has_swap_mark "$file" || {
				printf '%s is there, and no swap file: it stays as it is\n' "$file" >&2
				exit 1
			}
		else
			e_make_swap "$@" || exit 1
		fi
		e_swapon "$file" || exit 1
	fi
	! awk -v file="$file" '$1 == file && $3 == "swap" { found = 1 } END { exit !found }' /etc/fstab 2>/dev/null || exit 0
	line="$file	none	swap	sw,comment=cloudconfig	0	0"
	[ -e /etc/fstab ] || (umask 022 && true >>/etc/fstab) || exit 1
	# The last line may have no end.
	awk '{ print }' /etc/fstab >"$A_RUN/fstab" && printf '%s\n' "$line" >>"$A_RUN/fstab" || exit 1
	e_keep line "$line" && e_new_fstab
)

# e_has_swap_mark path: at the end of its first page (mkswap(8)).
e_has_swap_mark() {
	[ -f "$1" ] && A_PAGE=$(getconf PAGESIZE 2>/dev/null || echo 4096) &&
		[ "$(head -c "$A_PAGE" "$1" | tail -c 10)" = SWAPSPACE2 ]
}

# e_make_swap file bytes|auto most: cloud-init's sizes: as much as there is memory, less from 4 GiB on; at most a quarter of the free
# space, or nine tenths of it where the document says how much; one that would fill more is refused.
e_make_swap() {
	e_mount_point "${1%/*}" || return 1
	A_FREE=$(df -P -k "${1%/*}/" | awk 'END { print $4 }')
	A_MIB=$(awk -v size="$2" -v most="$3" -v free="$A_FREE" '
		$1 == "MemTotal:" { memory = $2 * 1024 }
		END {
			gib = 1073741824
			free *= 1024
			if (size == "auto") {
				if (most == "") { most = memory * 2; if (free / 4 < most) most = free / 4 }
				else if (most > free * 0.9) most = free * 0.9
				size = memory
				if (memory >= 16 * gib) size = int(sqrt(memory / gib) + 0.5) * gib
				else if (memory >= 4 * gib) size = 4 * gib
				if (size > most) size = most
			}
			if (size > free * 0.9) exit 1
			printf "%d\n", size / 1048576
		}' /proc/meminfo) || {
		printf 'no room for %s: only %s KiB are free there\n' "$1" "$A_FREE" >&2
		return 1
	}
	[ "$A_MIB" -gt 0 ] || {
		printf 'no room for %s: only %s KiB are free there\n' "$1" "$A_FREE" >&2
		return 1
	}
	e_keep swap "$1" && (umask 077 && set -C && true >"$1") || return 1
	A_TYPE=$(stat -f -c %T "${1%/*}/" 2>/dev/null)
	# On btrfs a swap file must not be copied on write.
	[ "$A_TYPE" != btrfs ] || ! e_has chattr || chattr +C "$1" 2>/dev/null
	if [ "$A_TYPE" = btrfs ] || ! e_has fallocate || ! e_run fallocate -l "${A_MIB}M" "$1" 2>/dev/null; then
		e_run dd if=/dev/zero of="$1" bs=1048576 count="$A_MIB" 2>/dev/null || {
			rm -f "$1"
			printf 'cannot write %s\n' "$1" >&2
			return 1
		}
	fi
	if ! chmod 600 "$1" || ! e_run mkswap "$1"; then
		rm -f "$1"
		printf 'cannot make a swap file of %s\n' "$1" >&2
		return 1
	fi
}
