# shellcheck shell=sh disable=SC2034,SC2153,SC2154
# (a part of one program: what is set here may be used in another part, and the other way round)
# What this machine is, told in lines `fact NAME VALUE`. Changes nothing. The shell itself reads small files of /proc, /sys and /etc;
# besides it there are date, df (twice) and awk, whatever there is. The engine takes the values apart: they are told as they stand.

# h_facts: all of them; the clock first, for the engine measures how long it was on its way. Needs a_boot and a_uptime before.
h_facts() {
	printf 'fact clock %s\n' "$(date +%s)"
	printf 'fact uptime %s\nfact boot-id %s\nfact machine-id %s\n' "$A_UP" "$A_BOOT" "$A_MACHINE"
	h_system
	h_memory
	h_disks
	h_links
	h_space
	printf 'fact end\n'
}

# h_file name file: its first line, if there is one that can be read.
h_file() {
	A_LINE=''
	{ IFS= read -r A_LINE; } 2>/dev/null <"$2"
	[ -z "$A_LINE" ] || printf 'fact %s %s\n' "$1" "$A_LINE"
}

h_system() {
	for A_B in /etc/os-release /usr/lib/os-release; do
		[ -r "$A_B" ] || continue
		while IFS= read -r A_LINE || [ -n "$A_LINE" ]; do
			case $A_LINE in
			ID=* | ID_LIKE=* | VERSION=* | VERSION_ID=* | VERSION_CODENAME=* | PRETTY_NAME=*) printf 'fact os %s\n' "$A_LINE" ;;
			esac
		done <"$A_B"
		break
	done
	h_file kernel /proc/sys/kernel/osrelease
	# Linux tells it there since version 6.1.
	if [ -r /proc/sys/kernel/arch ]; then
		h_file architecture /proc/sys/kernel/arch
	else
		printf 'fact architecture %s\n' "$(uname -m)"
	fi
	if [ -d /run/systemd/system ]; then
		printf 'fact init systemd\n'
	elif [ -d /run/openrc ]; then
		printf 'fact init openrc\n'
	else
		h_file init /proc/1/comm
	fi
	h_file hostname /proc/sys/kernel/hostname
	h_file cpus /sys/devices/system/cpu/online
	h_file container /run/systemd/container
	h_file hypervisor /sys/hypervisor/type
	h_file vendor /sys/class/dmi/id/sys_vendor
	h_file product /sys/class/dmi/id/product_name
}

h_memory() {
	while read -r A_NAME A_B A_LINE; do
		case $A_NAME in
		MemTotal:) printf 'fact memory %s\n' "$A_B" ;;
		SwapTotal:)
			printf 'fact swap %s\n' "$A_B"
			break
			;;
		esac
	done 2>/dev/null </proc/meminfo
}

# h_disks: those that a driver stands behind, with the number by which a mount names them. One that is parted, or that something
# else is built upon, is in use; what is mounted is told by h_space.
h_disks() {
	for A_B in /sys/block/*; do
		[ -e "$A_B/device" ] || continue
		A_NAME=${A_B##*/} A_SIZE='' A_LINE='' A_USE=free
		case $A_NAME in
		sr[0-9]* | fd[0-9]*) continue ;;
		esac
		{ read -r A_SIZE; } 2>/dev/null <"$A_B/size"
		{ read -r A_LINE; } 2>/dev/null <"$A_B/dev"
		for A_L in "$A_B/$A_NAME"*/partition "$A_B"/holders/*; do
			[ ! -e "$A_L" ] || A_USE=used
		done
		printf 'fact disk %s %s %s %s\n' "$A_NAME" "$A_SIZE" "$A_LINE" "$A_USE"
	done
	while read -r A_NAME A_B; do
		case $A_NAME in /dev/*) printf 'fact swap-device %s\n' "$A_NAME" ;; esac
	done 2>/dev/null </proc/swaps
}

h_links() {
	for A_B in /sys/class/net/*; do
		[ ! -e "$A_B/device" ] || h_file "link ${A_B##*/}" "$A_B/address"
	done
}

# h_space: room, options and place of the file systems that a node needs; addresses; devices that are mounted.
h_space() {
	set --
	for A_B in / /var /run /tmp; do
		[ ! -d "$A_B" ] || set -- "$@" "$A_B"
	done
	{
		df -Pk "$@"
		printf 'inodes\n'
		df -Pi "$@"
	} 2>/dev/null | A_PATHS="$*" awk '
		BEGIN { count = split(ENVIRON["A_PATHS"], path, " ") }
		$1 == "inodes" { inodes = 1; row = 0; next }
		$1 == "Filesystem" { row = 0; next }
		inodes { room[++row] = $2 " " $4; next }
		{ space[++row] = $2 " " $4; at[row] = $6 }
		END {
			while ((getline line < "/proc/self/mountinfo") > 0) {
				fields = split(line, word, " ")
				if (word[3] !~ /^0:/) say(word[3])
				# btrfs and bcachefs have numbers of their own: the name of one of their disks is near the end.
				if (word[fields - 1] ~ /^\/dev\//) say(word[fields - 1])
				# The last one of a place lies over the others.
				options[word[5]] = word[6] "," word[fields]
			}
			for (i = 1; i <= count; i++) if (i in space)
				print "fact space " path[i] " " space[i] " " (i in room ? room[i] : "- -") " " at[i] " " options[at[i]]
			while ((getline line < "/proc/net/fib_trie") > 0) {
				split(line, word, " ")
				if (line ~ /\/32 host LOCAL/ && last !~ /^127\./ && !(last in seen)) print "fact address " last
				if (line ~ /\/32 host LOCAL/) seen[last]
				last = word[2]
			}
			while ((getline line < "/proc/net/if_inet6") > 0) {
				split(line, word, " ")
				if (word[4] == "00") print "fact address6 " word[1]
			}
		}
		function say(device) { if (!(device in told)) print "fact mounted " device; told[device] }'
}
