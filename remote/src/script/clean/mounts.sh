# shellcheck shell=sh disable=SC2034,SC2153,SC2154
# (a part of one program: what is set here may be used in another part, and the other way round)
# What the modules mounts and swap changed (ensure/mounts.sh) is undone. File systems and what is on them stay.

# c_fstab: first the lines of fstab, so that nothing comes back; then swap files, mounts, folders, the last first.
c_fstab() {
	[ -e "$A_DIR/mounts" ] || return 0
	A_BAD=0
	sed -n 's/^line	//p' "$A_DIR/mounts" >"$A_RUN/ours"
	if [ -s "$A_RUN/ours" ] && [ -e /etc/fstab ]; then
		awk 'part == "ours" { ours[$0]; next } !($0 in ours)' part=ours "$A_RUN/ours" part=fstab /etc/fstab >"$A_RUN/fstab" || return 1
		if ! cmp -s "$A_RUN/fstab" /etc/fstab; then
			cp -p /etc/fstab /etc/fstab.anywhere && cat "$A_RUN/fstab" >/etc/fstab.anywhere &&
				mv -f /etc/fstab.anywhere /etc/fstab || return 1
			[ ! -d /run/systemd/system ] || a_wait systemctl daemon-reload || return 1
		fi
	fi
	awk '{ line[NR] = $0 } END { for (i = NR; i > 0; i--) print line[i] }' "$A_DIR/mounts" >"$A_RUN/undo" || return 1
	for A_KIND in on swap point dir; do
		while IFS='	' read -r A_WHAT A_PATH <&9; do
			[ "$A_WHAT" = "$A_KIND" ] || continue
			c_fstab_one "$A_KIND" "$A_PATH" || A_BAD=1
		done 9<"$A_RUN/undo"
	done
	[ "$A_BAD" != 0 ] || rm -f "$A_DIR/mounts"
	return "$A_BAD"
}

# c_fstab_one kind path
c_fstab_one() {
	case $1 in
	on)
		! A_WANTED=$2 A_REAL=$(readlink -f "$2") awk '$1 == ENVIRON["A_WANTED"] || $1 == ENVIRON["A_REAL"] { found = 1 }
			END { exit !found }' /proc/swaps || a_wait swapoff "$2"
		;;
	swap) rm -f "$2" ;;
	point)
		[ -d "$2" ] || return 0
		A_PLACE=$(readlink -f "$2" | sed 's/ /\\040/g')
		! A_WANTED=$A_PLACE awk '$5 == ENVIRON["A_WANTED"] { found = 1 } END { exit !found }' /proc/self/mountinfo ||
			a_wait umount "$2"
		;;
	dir) [ ! -d "$2" ] || rmdir "$2" 2>/dev/null || : ;;
	esac
}
