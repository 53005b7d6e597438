# shellcheck shell=sh disable=SC2034,SC2153,SC2154
# (a part of one program: what is set here may be used in another part, and the other way round)
# Why something could not be written or run: told apart by what the kernel says of the file system, as what shells say is not always
# clear. Called only when something has failed.

# a_mount path: where the file system that it is on, or would be made on, is mounted, into A_ON, and its options into A_OPTIONS. A mount
# point stands in mountinfo with blanks as \040 (proc_pid_mountinfo(5)); the latest mount at one place counts.
a_mount() {
	# shellcheck disable=SC2016
	A_OPTIONS=$(A_B=$1 awk '
		{
			point = $5
			while (match(point, /\\[0-7][0-7][0-7]/)) {
				code = substr(point, RSTART + 1, 1) * 64 + substr(point, RSTART + 2, 1) * 8 + substr(point, RSTART + 3, 1)
				point = substr(point, 1, RSTART - 1) sprintf("%c", code) substr(point, RSTART + 4)
			}
			path = ENVIRON["A_B"]
			if (point != "/" && path != point && index(path, point "/") != 1) next
			if (length(point) >= length(best)) {
				best = point
				options = $6 "," $NF
			}
		}
		END { print options " " best }
	' /proc/self/mountinfo 2>/dev/null)
	A_ON=${A_OPTIONS#* } A_OPTIONS=${A_OPTIONS%% *}
}

# a_why path words: why nothing could be written there, into A_WHY; as one word for the engine into A_WHAT. The words are the system's,
# for what is none of these.
a_why() {
	a_mount "$1"
	A_WHAT=state A_WHY="cannot write to $1: $2"
	case ,$A_OPTIONS, in
	*,ro,*)
		A_WHAT=readonly A_WHY="$A_ON is mounted read-only, and $1 has to be written; if an error of the disk made it so, see dmesg; mount it read-write"
		return
		;;
	esac
	# shellcheck disable=SC2046
	set -- "$2" $(df -P -i -- "${A_ON:-/}" 2>/dev/null | tail -n 1)
	# A file system that makes inodes as they are needed tells 0 of 0.
	if [ "${3:-0}" != 0 ] && [ "${5:-}" = 0 ]; then
		A_WHAT=inodes A_WHY="no inodes are left on $A_ON, all $3 are used: there are too many files; remove some (du --inodes -x $A_ON)"
		return
	fi
	# shellcheck disable=SC2046
	set -- "$1" $(df -P -k -- "${A_ON:-/}" 2>/dev/null | tail -n 1)
	case ${5:-}/$1 in
	0/* | */*'o space left'* | */*'I/O error'* | */*'is there space left'*)
		A_WHAT=space A_WHY="no space is left on $A_ON; free some (du -x $A_ON)"
		;;
	esac
}

# a_named file pattern: the paths in those lines of it that have one of these words, each once.
a_named() {
	sed -n -E "/$2/p" "$1" | tr -c 'A-Za-z0-9/._+@%~=-' '\n' | grep '^/.' | head -n 50 | awk '!seen[$0]++'
}

# a_explain file: what a failed step said is in this file: says more, where a file system is the reason. A_AT is what the step itself
# was about to write, if it is known.
a_explain() {
	A_L=$A_AT
	[ -n "$A_L" ] || A_L=$(a_named "$1" 'No space left on device|Read-only file system' | head -n 1)
	if [ -n "$A_L" ]; then
		a_why "$A_L" ''
		[ "$A_WHAT" = state ] || printf '%s\n' "$A_WHY"
		return 0
	fi
	a_named "$1" '[Pp]ermission denied' >"$A_RUN/named"
	while read -r A_L; do
		# A script that is there and has no x is not to be run, wherever it is.
		if [ -e "$A_L" ]; then
			case $(ls -ld "$A_L") in -*x*) ;; *) continue ;; esac
		elif [ "$A_RC" != 126 ]; then
			continue
		fi
		a_mount "$A_L"
		case ,$A_OPTIONS, in
		*,noexec,*)
			printf '%s could not be run: %s is mounted noexec; have it put elsewhere (TMPDIR), or: mount -o remount,exec %s\n' "$A_L" "$A_ON" "$A_ON"
			return 0
			;;
		esac
	done <"$A_RUN/named"
}
