# shellcheck shell=sh disable=SC2154
# Block devices, and what runs changed about them and their mounts: $A_DIR/mounts, for a reset (clean/mounts.sh).

# e_keep kind text: into that file, once, with a tab between.
e_keep() {
	if ! A_WANTED="$1	$2" awk '$0 == ENVIRON["A_WANTED"] { found = 1 } END { exit !found }' "$A_DIR/mounts" 2>/dev/null; then
		printf '%s\t%s\n' "$1" "$2" >>"$A_DIR/mounts"
	fi
}

# e_settle path: the device is there, perhaps a moment later.
e_settle() {
	[ -e "$1" ] || ! e_has udevadm || e_run udevadm settle --timeout=10 >/dev/null 2>&1
	[ -e "$1" ]
}

# e_partition device number: the path of that partition. Disks whose names end with a digit have a p before it.
e_partition() {
	for A_PART in "$1$2" "$1p$2" "$1-part$2"; do
		! [ -e "$A_PART" ] || {
			printf '%s\n' "$A_PART"
			return 0
		}
	done
	return 1
}
