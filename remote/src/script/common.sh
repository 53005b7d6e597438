# shellcheck shell=sh disable=SC2034,SC2153,SC2154
# (a part of one program: what is set here may be used in another part, and the other way round)
# What both halves of a program share. The renderer puts the A_* settings of the run before this text.

# a_uptime: seconds since boot into A_UP. Never goes back, costs no process.
a_uptime() {
	A_UP=0
	{ read -r A_UP _; } 2>/dev/null </proc/uptime || A_UP=0
}

# a_boot: the boot this host is in, into A_BOOT.
a_boot() {
	A_BOOT=unknown
	{ read -r A_BOOT; } 2>/dev/null </proc/sys/kernel/random/boot_id || A_BOOT=unknown
}

# a_machine: which machine this is (machine-id(5)), into A_MACHINE; made when the system is installed.
a_machine() {
	A_MACHINE=''
	{ read -r A_MACHINE; } 2>/dev/null </etc/machine-id || :
	[ "$A_MACHINE" != uninitialized ] || A_MACHINE=''
}

# a_uid: the user that the program runs as, into A_UID; costs no process.
a_uid() {
	A_UID=''
	while read -r A_B A_L A_UID A_L; do
		[ "$A_B" != Uid: ] || return 0
	done 2>/dev/null </proc/self/status
	A_UID=$(id -u)
}

# a_paths: where this host remembers, as that user.
a_paths() {
	a_uid
	if [ "$A_UID" = 0 ]; then
		A_DIR=/var/lib/anywhere
	else
		A_DIR=$HOME/.local/state/anywhere
	fi
	A_RUN=${A_SELF%/*}
	case $A_MODE in
	reset) A_JOURNAL=$A_DIR/reset ;;
	*) A_JOURNAL=$A_DIR/journal ;;
	esac
}

# a_born pid: when that process was started, into A_BORN; nothing if there is none, or only its corpse. And A_GROUP, its group.
a_born() {
	A_BORN=''
	{ read -r A_STAT; } 2>/dev/null <"/proc/$1/stat" || return 1
	# shellcheck disable=SC2086
	set -- ${A_STAT##*)}
	[ "$1" != Z ] || return 1
	A_GROUP=$3
	shift 19
	A_BORN=$1
}

# a_alive pid born boot: whether that very process still runs: the number may belong to another one by now.
a_alive() {
	[ "$3" = "$A_BOOT" ] && a_born "$1" && [ "$2" = "$A_BORN" ]
}

# a_held: whether somebody is at work on this host. The lock is the file lock.N with the highest N, which names its holder and
# is free once that process is gone; whoever wants it makes lock.N+1, with `set -C`, which only one can. A_LOCK is N, A_H_* the holder.
a_held() {
	A_LOCK=0
	for A_L in "$A_DIR"/lock.*; do
		case ${A_L##*.} in
		*[!0-9]*) ;;
		*) [ "${A_L##*.}" -le "$A_LOCK" ] || A_LOCK=${A_L##*.} ;;
		esac
	done
	A_H_RUN='' A_H_PLAN='' A_H_PID='' A_H_BORN='' A_H_BOOT='' A_H_TEXT=''
	[ "$A_LOCK" -gt 0 ] || return 1
	{ read -r A_H_RUN A_H_PLAN A_H_PID A_H_BORN A_H_BOOT A_H_TEXT; } 2>/dev/null <"$A_DIR/lock.$A_LOCK" || return 1
	a_alive "$A_H_PID" "$A_H_BORN" "$A_H_BOOT"
}

# a_nap: a tenth of a second, or a whole one where sleep(1) knows no less.
a_nap() {
	sleep 0.1 2>/dev/null || sleep 1
}

# a_again: whether all steps shall run again, though they may have ended well: not if that was already begun.
a_again() {
	[ -z "$A_RERUN" ] || ! grep -q " rerun=$A_RERUN " "$A_JOURNAL" 2>/dev/null || A_RERUN=''
}

# a_clean: leaves a host that remembers nothing as it was, also where our folder is in the one that would remember: without what programs
# left whose connection ended before they could tidy up; see a_sweep.
a_clean() {
	rm -rf "$A_RUN"
	for A_B in "${A_RUN%/*}"/run.*; do
		A_PID=${A_B%.*}
		kill -0 "${A_PID##*.}" 2>/dev/null || rm -rf "$A_B"
	done
	case $A_RUN in "$A_DIR"/*) rmdir "$A_DIR/run" "$A_DIR" 2>/dev/null ;; esac
}

# a_receives name: whether the process that this part of a content is named after still lives.
a_receives() {
	A_B_PID=${1#*.}
	a_born "${A_B_PID%.*}" && [ "$A_BORN" = "${1##*.}" ]
}

# a_unstore: contents that no step needed in the end, unless somebody else has come with a plan of its own: then they may be for that
# one. What somebody is just receiving stays.
a_unstore() {
	A_OTHERS='' A_B_OWN=${A_RUN##*/run.}
	for A_B in "$A_DIR"/content/*.*.*; do
		case ${A_B##*/} in
		keep."${A_B_OWN%.*}".*) rm -f "$A_B" ;;
		keep.*) if a_receives "${A_B##*/}"; then A_OTHERS=1; else rm -f "$A_B"; fi ;;
		*) a_receives "${A_B##*/}" || rm -f "$A_B" ;;
		esac
	done
	for A_B in "$A_DIR"/content/*; do
		case ${A_B##*/} in
		*.*) ;;
		*) [ -n "$A_OTHERS" ] || rm -f "$A_B" ;;
		esac
	done
	rmdir "$A_DIR/content" 2>/dev/null || :
}
