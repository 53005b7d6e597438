# shellcheck shell=sh disable=SC2034,SC2153,SC2154
# (a part of one program: what is set here may be used in another part, and the other way round)
# One step: whether it runs, how it ended, what it said.

# a_step n id function kind name: runs one step unless it ended well before, and records both.
a_step() {
	case $A_DONE in
	*" $2 "*)
		a_carry "$2" "$4"
		return 0
		;;
	esac
	[ -z "$A_STAGE" ] || [ "$4" = staged ] || a_place
	[ -z "$A_FAILED" ] || [ -n "$A_GO_ON" ] || return 0
	[ ! -e "$A_DIR/stop" ] || A_STOPPED=1
	[ -z "$A_STOPPED" ] || return 0
	case $A_DONE in
	*" ?$2 "*)
		case $4$A_RERUN_INTERRUPTED in
		again* | stage*) ;;
		*1) ;;
		*)
			A_B='reboot'
			case $A_DONE in *" !$2 "*) A_B='kill' ;; esac
			a_note "interrupted $1 $2 $A_B"
			A_FAILED=1
			return 0
			;;
		esac
		;;
	esac
	a_uptime
	a_note "begin $1 $2 $A_UP $5"
	A_STEP=$1 A_STEP_ID=$2 A_STEP_NAME=$5
	A_RC=0 A_TEMP='' A_TELL=10 A_STAGED='' A_DIRECT='' A_AT=''
	"$3" >>"$A_OUT" 2>>"$A_ERR" || A_RC=$?
	[ "$A_RC" = 0 ] || [ -n "$A_DIRECT" ] || a_reason
	[ -z "$A_STAGED" ] || return 0
	if [ -n "$A_STAGE" ]; then
		# What was staged before takes its place before this one, which goes its own way or has failed.
		A_B=$A_RC
		[ -z "$A_TEMP" ] || rm -f "$A_TEMP"
		a_place
		A_RC=$A_B A_TEMP=''
	fi
	if [ -n "$A_DIRECT" ]; then
		A_RC=0
		"$3" >>"$A_OUT" 2>>"$A_ERR" || A_RC=$?
		[ "$A_RC" = 0 ] || a_reason
	fi
	printf '' >"$A_RUN/current"
	if [ -e "$A_RUN/expired" ]; then
		A_RC=124
		cat "$A_RUN/expired" >>"$A_ERR"
		rm -f "$A_RUN/expired"
	fi
	if [ "$A_RC" = 0 ]; then
		[ ! -e "$A_RUN/unsaved" ] || a_stuck "$A_DIR/state.$2" "cannot keep the shell state after $5: "
		a_carry "$2" "$4"
	else
		[ ! -e "$A_RUN/unsaved" ] || rm -f "$A_RUN/unsaved"
	fi
	a_ended "$1" "$2" "$5"
}

# a_reason: what a step that has just failed said, and perhaps why; before anything of it is removed.
a_reason() {
	A_TAIL=$A_ERR
	[ -s "$A_TAIL" ] || A_TAIL=$A_OUT
	a_explain "$A_TAIL" >"$A_RUN/why" && cat "$A_RUN/why" >>"$A_TAIL"
}

# a_ended n id name: the step has ended with the status A_RC.
a_ended() {
	if [ "$A_RC" != 0 ]; then
		A_FAILED=1
		# Part of a file, perhaps of a secret one, must not stay.
		[ -z "$A_TEMP" ] || rm -f "$A_TEMP"
		A_TAIL=$A_ERR
		[ -s "$A_TAIL" ] || A_TAIL=$A_OUT
		tail -n "$A_TELL" "$A_TAIL" | a_redact | cut -b 1-500 | sed "s/^/err $1 /" >&5 ||
			a_stuck "$A_JOURNAL"
	fi
	if [ -s "$A_OUT" ] || [ -s "$A_ERR" ]; then
		a_log "$1" "$3"
	fi
	a_uptime
	a_note "end $1 $2 $A_RC $A_UP"
}

# a_carry id group: the shell state after this step is what the next of its group begins with.
a_carry() {
	[ ! -s "$A_DIR/state.$1" ] || case $2 in
	boot) A_BOOT_STATE=$A_DIR/state.$1 ;;
	run) A_RUN_STATE=$A_DIR/state.$1 ;;
	esac
}

a_redact() {
	if [ -s "$A_RUN/secrets" ]; then
		A_SECRETS=$A_RUN/secrets LC_ALL=C awk -f "$A_RUN/redact"
	else
		cat
	fi
}

# a_log n name: the step's output, redacted, goes to the log that stays.
a_log() {
	{
		printf -- '--- step %s, %s: exit status %s\n' "$1" "$2" "$A_RC"
		a_end "$A_OUT" | a_redact
		a_end "$A_ERR" | a_redact
	} >>"$A_DIR/log"
	# What still writes to them, a process left in the background, keeps its own.
	rm -f "$A_OUT" "$A_ERR"
}

# a_end file: its last lines. The one that would be cut is left out, for half a secret is not known as one.
a_end() {
	if [ ! -s "$1" ]; then
		return
	elif [ "$(($(wc -c <"$1")))" -gt 65536 ]; then
		printf '[...]\n'
		tail -c 65536 "$1" | sed 1d
	else
		cat "$1"
	fi
}
