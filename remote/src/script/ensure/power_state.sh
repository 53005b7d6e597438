# shellcheck shell=sh disable=SC2034,SC2154
# power_state

# e_power_state mode minutes timeout message [shell text | words word…]: if the condition is met, the host goes down once this run
# has ended well in the journal, and whoever follows it has heard so.
e_power_state() {
	[ "$(id -u)" = 0 ] || {
		printf 'only root can switch this host off\n' >&2
		return 1
	}
	A_POWER_MODE=$1 A_POWER_MINUTES=$2 A_POWER_TIMEOUT=$3 A_POWER_MESSAGE=$4
	shift 4
	e_has shutdown || e_has "$A_POWER_MODE" || e_has systemctl || {
		printf 'this host has neither shutdown nor %s\n' "$A_POWER_MODE" >&2
		return 1
	}
	A_MET=0
	case ${1-} in
	shell) e_run /bin/sh -c "$2" || A_MET=$? ;;
	words)
		shift
		e_run "$@" || A_MET=$?
		;;
	esac
	if [ "$A_MET" != 0 ]; then
		printf 'exit status %s of the condition: no %s\n' "$A_MET" "$A_POWER_MODE"
		# A command that took too long was ended, and has said nothing.
		return 0
	fi
	# Processes that follow this run have their number in the name of their pipe.
	A_POWER=' '
	for A_B in "$A_DIR"/bell.*; do
		[ ! -p "$A_B" ] || A_POWER="$A_POWER ${A_B##*.}"
	done
}

# e_power_off: after the end of the run; in the background, so that the lock is free.
e_power_off() {
	A_TRY=0
	for A_PID in $A_POWER; do
		while [ "$A_TRY" -lt $((A_POWER_TIMEOUT * 10)) ] && kill -0 "$A_PID" 2>/dev/null; do
			A_TRY=$((A_TRY + 1))
			a_nap
		done
	done
	# What they said last is still on its way through the SSH server.
	sleep 1
	sync
	A_WHEN=now
	[ "$A_POWER_MINUTES" = 0 ] || A_WHEN=+$A_POWER_MINUTES
	case $A_POWER_MODE in
	reboot) A_HOW=-r ;;
	poweroff) A_HOW=-P ;;
	halt) A_HOW=-H ;;
	esac
	umask 022
	if e_has shutdown; then
		exec shutdown "$A_HOW" "$A_WHEN" ${A_POWER_MESSAGE:+"$A_POWER_MESSAGE"}
	fi
	sleep $((A_POWER_MINUTES * 60))
	! e_has "$A_POWER_MODE" || exec "$A_POWER_MODE"
	exec systemctl "$A_POWER_MODE"
}
