# shellcheck shell=sh disable=SC2154
# growpart, resize_rootfs: what cannot grow, a logical volume for example, is left as it is, as in cloud-init, and says so.

# e_source path: the number of the device that is mounted there.
e_source() {
	A_WANTED=$1 awk '$5 == ENVIRON["A_WANTED"] { dev = $3 } END { if (dev == "") exit 1; print dev }' /proc/self/mountinfo
}

# e_growpart path…: mount points, and partitions.
e_growpart() (
	for path; do
		case $path in
		/dev/*)
			numbers=$(stat -L -c '0x%t 0x%T' "$path") || exit 1
			dev=$((${numbers% *})):$((${numbers#* }))
			;;
		*) dev=$(e_source "$path") || {
			printf 'nothing is mounted at %s\n' "$path" >&2
			exit 1
		} ;;
		esac
		part=$(readlink -f "/sys/dev/block/$dev")
		if [ ! -e "$part/partition" ]; then
			printf '%s is on no partition: left as it is\n' "$path"
			continue
		fi
		e_grow "$part" || exit 1
	done
)

# e_grow folder: of a partition in /sys. Sizes there are in units of 512 bytes.
e_grow() {
	number=$(cat "$1/partition") top=${1%/*}
	disk=/dev/$(sed -n 's/^DEVNAME=//p' "$top/uevent")
	end=$(($(cat "$1/start") + $(cat "$1/size")))
	# GPT keeps its second table in the last 33 sectors; of up to 4096 bytes.
	limit=$(($(cat "$top/size") - 33 * 8))
	for other in "$top"/*/partition; do
		start=$(cat "${other%/*}/start")
		if [ "$start" -ge "$end" ] && [ "$start" -lt "$limit" ]; then limit=$start; fi
	done
	if [ $((limit - end)) -lt 2048 ]; then
		printf 'partition %s of %s is as large as it can be\n' "$number" "$disk"
		return 0
	fi
	if e_has growpart; then
		e_run growpart "$disk" "$number"
	elif e_has sfdisk; then
		# Its partitions may be mounted, so the kernel is told of the one that changed.
		# shellcheck disable=SC2016
		e_run /bin/sh -c 'echo ", +" | sfdisk --quiet --no-reread --force -N "$2" "$1" && partx --update --nr "$2" "$1"' - "$disk" "$number"
	else
		printf 'this host has neither growpart nor sfdisk\n' >&2
		return 1
	fi || {
		printf 'partition %s of %s cannot grow\n' "$number" "$disk" >&2
		return 1
	}
}

# e_resize_fs path: the file system mounted there takes all of its device.
e_resize_fs() (
	dev=$(e_source "$1") || exit 1
	kind=$(A_WANTED=$1 awk '$5 == ENVIRON["A_WANTED"] { for (i = 7; i <= NF; i++) if ($i == "-") kind = $(i + 1) } END { print kind }' /proc/self/mountinfo)
	case $kind in
	ext[234])
		name=$(sed -n 's/^DEVNAME=//p' "/sys/dev/block/$dev/uevent")
		tool=resize2fs
		set -- "/dev/$name"
		;;
	xfs) tool=xfs_growfs ;;
	btrfs)
		tool=btrfs
		set -- filesystem resize max "$1"
		;;
	*)
		printf '%s cannot be resized: left as it is\n' "${kind:-the file system}"
		exit 0
		;;
	esac
	e_has "$tool" || {
		printf 'this host has no %s\n' "$tool" >&2
		exit 1
	}
	e_run "$tool" "$@"
)
