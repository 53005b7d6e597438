# shellcheck shell=sh disable=SC2154
# disk_setup, fs_setup
#
# What a device holds is found out right before it is written to, by wipefs(8), which knows partition tables, file systems, LVM, RAID,
# LUKS and others. Whatever holds something is left alone unless the document says overwrite: true; whatever is in use, always.

e_disk_tools() {
	for A_TOOL in wipefs blkid "$@"; do
		e_has "$A_TOOL" || {
			printf 'this host has no %s, by which it is known what a device holds\n' "$A_TOOL" >&2
			return 1
		}
	done
}

# e_sys device: its folder in /sys, by its number: a name may be another's.
e_sys() {
	if ! [ -b "$1" ] || ! A_NUMBERS=$(stat -L -c '0x%t 0x%T' "$1"); then
		printf '%s is no block device\n' "$1" >&2
		return 1
	fi
	A_SYS=/sys/dev/block/$((${A_NUMBERS% *})):$((${A_NUMBERS#* }))
	if ! [ -e "$A_SYS/size" ]; then
		printf 'the kernel does not tell about %s in /sys\n' "$1" >&2
		return 1
	fi
	readlink -f "$A_SYS"
}

# e_holds device: what it holds, one word a line; nothing if it is empty. Fails where that cannot be known.
e_holds() {
	wipefs --no-act --parsable "$1" >"$A_RUN/holds" || return 1
	awk -F, '!/^#/ { print $NF }' "$A_RUN/holds" | sort -u
}

# e_used device: fails, and says why, unless nobody uses it or a partition of it.
e_used() {
	A_TOP=$(e_sys "$1") || return 1
	[ "$(cat "$A_TOP/ro")" = 0 ] || {
		printf '%s is read-only\n' "$1" >&2
		return 1
	}
	for A_SYS in "$A_TOP" "$A_TOP"/*; do
		[ "$A_SYS" = "$A_TOP" ] || [ -e "$A_SYS/partition" ] || continue
		for A_B in "$A_SYS"/holders/*; do
			[ ! -e "$A_B" ] || {
				printf '%s is in use, by %s\n' "$1" "${A_B##*/}" >&2
				return 1
			}
		done
		A_DEV=$(cat "$A_SYS/dev") || return 1
		if A_B=$(awk -v dev="$A_DEV" '$3 == dev { print $5; found = 1; exit } END { exit !found }' /proc/self/mountinfo); then
			printf '%s is in use, mounted at %s\n' "$1" "$A_B" >&2
			return 1
		fi
		while read -r A_B A_KIND _; do
			[ "$A_KIND" = partition ] || continue
			A_NUMBERS=$(stat -L -c '0x%t 0x%T' "$A_B" 2>/dev/null) || continue
			[ "$((${A_NUMBERS% *})):$((${A_NUMBERS#* }))" != "$A_DEV" ] || {
				printf '%s is in use, for swap\n' "$1" >&2
				return 1
			}
		done </proc/swaps
	done
}

# e_wipe device: takes away what tells what it holds. wipefs opens it for itself alone, so it fails where others use it.
e_wipe() {
	e_used "$1" && e_run wipefs --all "$1"
}

# e_disk device: its real path, once it is there, and that it is a whole disk.
e_disk() {
	e_settle "$1" || {
		printf 'there is no device %s\n' "$1" >&2
		return 1
	}
	A_REAL=$(readlink -f "$1") && A_SYS=$(e_sys "$A_REAL") || return 1
	[ ! -e "$A_SYS/partition" ] || {
		printf '%s is a partition, not a disk\n' "$1" >&2
		return 1
	}
	printf '%s\n' "$A_REAL"
}

# e_reread disk number: the partition of that number is there, once the kernel and udev have seen it.
e_reread() {
	A_TRY=0
	while ! e_partition "$1" "$2" >/dev/null; do
		[ "$A_TRY" -lt 50 ] || {
			printf 'partition %s of %s does not appear\n' "$2" "$1" >&2
			return 1
		}
		if [ "$A_TRY" = 3 ]; then
			# A kernel that cannot read that kind of table can be told.
			! e_has partx || e_run partx --update "$1" 2>/dev/null
			# Where the kernel itself keeps /dev, mdev has no more to tell, but would take the modes of all that is there.
			grep -q ' /dev devtmpfs ' /proc/mounts || ! e_has mdev || e_run mdev -s 2>/dev/null
		fi
		A_TRY=$((A_TRY + 1))
		a_nap
	done
	! e_has udevadm || e_run udevadm settle --timeout=10 >/dev/null 2>&1 || :
}

# e_partitions device label overwrite part…: each part is PERCENT:TYPE; "any" is one that takes all, and fine if there is any.
e_partitions() (
	e_disk_tools sfdisk || exit 1
	disk=$(e_disk "$1") || exit 1
	label=$2 overwrite=$3
	shift 3
	e_lay_out "$@"
	if e_laid_out "$disk" "$label" "$@"; then
		printf '%s has that partition table\n' "$disk"
		exit 0
	fi
	holds=$(e_holds "$disk") || exit 1
	if [ -n "$holds" ]; then
		[ -n "$overwrite" ] || {
			# As in cloud-init, and no failure: what is there may be just what is wanted.
			printf '%s is left alone: it holds %s, and overwrite is not set\n' "$disk" "$(printf '%s' "$holds" | tr '\n' ' ')"
			exit 0
		}
		e_empty_disk "$disk" || exit 1
	else
		e_used "$disk" || exit 1
	fi
	sectors=$(($(cat "$(e_sys "$disk")/size")))
	{
		printf 'label: %s\n' "$label"
		left=$#
		for part; do
			left=$((left - 1))
			size='' kind=${part#*:}
			[ "$left" = 0 ] || size="size=$((sectors * ${part%%:*} / 200))KiB, "
			[ "$part" != any ] || kind=''
			[ -n "$kind" ] || kind=L
			printf '%stype=%s\n' "$size" "$kind"
		done
	} >"$A_RUN/table" || exit 1
	# shellcheck disable=SC2016
	e_run /bin/sh -c 'exec sfdisk --quiet "$1" <"$2"' - "$disk" "$A_RUN/table" || {
		printf 'cannot write a partition table to %s\n' "$disk" >&2
		exit 1
	}
	e_reread "$disk" $#
)

# e_lay_out part…: the types of the parts, a line each, into $A_RUN/types.
e_lay_out() {
	for A_PART; do
		case $A_PART in
		any) ;;
		*) printf '%s\n' "${A_PART#*:}" ;;
		esac
	done >"$A_RUN/types"
}

# e_laid_out disk label part…: whether the table is of that kind, with as many partitions of these types; as cloud-init compares.
e_laid_out() {
	sfdisk --dump "$1" >"$A_RUN/dump" 2>/dev/null || return 1
	awk -v label="$2" -v wanted="$3" '
		part == "types" { type[++n] = tolower($0); next }
		$1 == "label:" { is = $2 }
		/ : *start=/ { found++; kind = tolower($0); sub(/.*type= */, "", kind); sub(/,.*/, "", kind); has[found] = kind }
		END {
			if (is != label || !found) exit 1
			if (wanted == "any") exit 0
			if (found != n) exit 1
			for (i = 1; i <= n; i++) if (type[i] != "" && type[i] != has[i]) exit 1
		}' part=types "$A_RUN/types" part=dump "$A_RUN/dump"
}

# e_empty_disk disk: neither it nor its partitions hold anything any more; nothing is done if any of them is in use.
e_empty_disk() {
	e_used "$1" || return 1
	A_TOP=$(e_sys "$1") || return 1
	for A_FOLDER in "$A_TOP"/*/partition; do
		[ -e "$A_FOLDER" ] || continue
		A_PATH=$(e_partition "$1" "$(cat "$A_FOLDER")") || continue
		e_run wipefs --all "$A_PATH" || return 1
	done
	e_run wipefs --all "$1" || return 1
	# Its partitions are the kernel's until it reads the table again.
	! e_has blockdev || e_run blockdev --rereadpt "$1"
}

# e_no_partitions device
e_no_partitions() (
	e_disk_tools && disk=$(e_disk "$1") && holds=$(e_holds "$disk") || exit 1
	[ -z "$holds" ] || e_empty_disk "$disk"
)

# e_is device: the type of what it holds, and its label, with a tab between.
e_is() {
	A_IS=$(blkid -p -o value -s TYPE "$1" 2>/dev/null)
	A_LABEL=$(blkid -p -o value -s LABEL "$1" 2>/dev/null)
	printf '%s\t%s\n' "$A_IS" "$A_LABEL"
}

# e_matches_fs device type label
e_matches_fs() {
	[ -n "$2" ] || return 1
	A_FOUND=$(e_is "$1")
	[ "${A_FOUND%%	*}" = "$2" ] && { [ -z "$3" ] || [ "${A_FOUND#*	}" = "$3" ]; }
}

# e_file_system device partition type label overwrite replace command option…
e_file_system() (
	e_make_fs "$@"
)

e_make_fs() {
	e_disk_tools || return 1
	e_settle "$1" || {
		printf 'there is no device %s\n' "$1" >&2
		return 1
	}
	device=$(readlink -f "$1") place=$2 kind=$3 label=$4 overwrite=$5 replace=$6 command=$7
	shift 7
	force=''
	case $place in
	none) force=1 ;;
	any | auto)
		wanted=''
		[ "$place" = any ] || wanted=$label
		device=$(e_choose "$device" "$kind" "$wanted" "$replace") || return 1
		case $device in
		"same "*)
			printf '%s has that file system\n' "${device#same }"
			return 0
			;;
		esac
		# That is what replace_fs says.
		[ -n "$replace" ] || overwrite=''
		;;
	*)
		e_reread "$device" "$place" || return 1
		device=$(e_partition "$device" "$place") || return 1
		;;
	esac
	holds=$(e_holds "$device") || return 1
	if [ -n "$holds" ]; then
		if [ -n "$kind" ] && e_matches_fs "$device" "$kind" "$label"; then
			# One that runs made is not made again.
			if [ -z "$overwrite" ] || e_made_fs "$device"; then
				printf '%s has that file system\n' "$device"
				return 0
			fi
		elif [ -n "$command" ] && e_made_fs "$device"; then
			return 0
		fi
		[ -n "$overwrite" ] || {
			printf '%s holds %s: it is left alone unless overwrite is set\n' "$device" "$(printf '%s' "$holds" | tr '\n' ' ')" >&2
			return 1
		}
		e_wipe "$device" || return 1
	else
		e_used "$device" || return 1
	fi
	if [ -n "$command" ]; then
		e_run /bin/sh -c "$(e_fill "$command")" || return 1
	else
		e_mkfs "$@" || return 1
	fi
	uuid=$(blkid -p -o value -s UUID "$device")
	[ -z "$uuid" ] || e_keep fs "$uuid"
}

# e_made_fs device: whether runs made what it holds.
e_made_fs() {
	A_WANTED="fs	$(blkid -p -o value -s UUID "$1")" awk '$0 == ENVIRON["A_WANTED"] { found = 1 } END { exit !found }' "$A_DIR/mounts" 2>/dev/null
}

# e_choose disk type label replace: cloud-init's any and auto: "same" and the first that has that file system; or else the first that is
# to be replaced, or the first partition that is empty, or the disk, if that is.
e_choose() {
	A_TOP=$(e_sys "$1") || return 1
	A_FREE='' A_OLD='' A_COUNT=0
	if e_matches_fs "$1" "$2" "$3"; then
		printf 'same %s\n' "$1"
		return 0
	fi
	# shellcheck disable=SC2013
	for A_NUMBER in $(cat "$A_TOP"/*/partition 2>/dev/null | sort -n); do
		A_COUNT=$((A_COUNT + 1))
		e_reread "$1" "$A_NUMBER" && A_PATH=$(e_partition "$1" "$A_NUMBER") || return 1
		if e_matches_fs "$A_PATH" "$2" "$3"; then
			printf 'same %s\n' "$A_PATH"
			return 0
		fi
		A_HOLDS=$(e_holds "$A_PATH") || return 1
		[ -n "$A_HOLDS" ] || A_FREE=${A_FREE:-$A_PATH}
		[ -z "$4" ] || ! e_matches_fs "$A_PATH" "$4" '' || A_OLD=${A_OLD:-$A_PATH}
	done
	A_HOLDS=$(e_holds "$1") || return 1
	[ -z "$4" ] || ! e_matches_fs "$1" "$4" '' || A_OLD=${A_OLD:-$1}
	[ -n "$A_HOLDS" ] || [ "$A_COUNT" != 0 ] || A_FREE=$1
	if [ -n "$A_OLD$A_FREE" ]; then
		printf '%s\n' "${A_OLD:-$A_FREE}"
		return 0
	fi
	printf 'neither %s nor a partition of it is empty\n' "$1" >&2
	return 1
}

# e_fill command: with the values of what it has in it, as cloud-init fills it.
e_fill() {
	A_TEXT=$1 A_OUT=''
	while :; do
		case $A_TEXT in
		*'%('*')s'*)
			A_OUT=$A_OUT${A_TEXT%%'%('*}
			A_TEXT=${A_TEXT#*'%('}
			A_NAME=${A_TEXT%%')s'*}
			A_TEXT=${A_TEXT#*')s'}
			case $A_NAME in
			device) A_OUT=$A_OUT$device ;;
			label) A_OUT=$A_OUT$label ;;
			filesystem) A_OUT=$A_OUT$kind ;;
			esac
			;;
		*) break ;;
		esac
	done
	printf '%s\n' "$A_OUT$A_TEXT"
}

# e_mkfs option…: uses what e_file_system set.
e_mkfs() {
	tool=mkfs.$kind
	e_has "$tool" || tool=mk$kind
	e_has "$tool" || {
		printf 'this host has no mkfs.%s\n' "$kind" >&2
		return 1
	}
	if [ -n "$label" ]; then
		case $kind in
		vfat | fat) set -- -n "$label" "$@" ;;
		f2fs) set -- -l "$label" "$@" ;;
		*) set -- -L "$label" "$@" ;;
		esac
	fi
	# A whole disk is meant; and what was there is gone.
	[ -e "$(e_sys "$device")/partition" ] || force=1
	if [ -n "$force$overwrite" ]; then
		case $kind in
		ext*) set -- -F "$@" ;;
		btrfs | xfs | swap) set -- -f "$@" ;;
		vfat | fat) set -- -I "$@" ;;
		esac
	fi
	e_run "$tool" "$@" "$device" || {
		printf 'cannot make %s on %s\n' "$kind" "$device" >&2
		return 1
	}
}
