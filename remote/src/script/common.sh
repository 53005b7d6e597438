# shellcheck shell=sh
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

# a_paths: where this host remembers, as the user that the program runs as.
a_paths() {
	if [ "$(id -u)" = 0 ]; then
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

# a_holder: the file that the lock's holder writes: A_H_RUN A_H_PLAN A_H_PID A_H_START A_H_TEXT.
a_holder() {
	A_H_RUN='' A_H_PLAN='' A_H_PID='' A_H_START='' A_H_TEXT=''
	{ read -r A_H_RUN A_H_PLAN A_H_PID A_H_START A_H_TEXT; } 2>/dev/null <"$A_DIR/holder"
}

# a_free: whether nobody holds the lock.
a_free() {
	[ -e "$A_DIR/lock" ] || return 0
	flock -n "$A_DIR/lock" true 2>/dev/null
}

# a_again: whether all steps shall run again, though they may have ended well: not if that was already begun.
a_again() {
	[ -z "$A_RERUN" ] || ! grep -q " rerun=$A_RERUN " "$A_JOURNAL" 2>/dev/null || A_RERUN=''
}
