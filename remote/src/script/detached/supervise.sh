# shellcheck shell=sh disable=SC2034,SC2153,SC2154
# (a part of one program: what is set here may be used in another part, and the other way round)
# The detached half: holds the lock, runs the steps that never ended well, writes the journal. It outlives the connection.

a_supervise() {
	A_WATCH='' A_KEEP='' A_HOLDS='' A_FAILED='' A_STOPPED='' A_BOOT_STATE='' A_RUN_STATE='' A_RUNNER='' A_FRONT='' A_STAGE='' A_POWER=''
	a_paths
	A_OUT=$A_RUN/out A_ERR=$A_RUN/err
	cd / || exit 1
	umask 077
	A_ID=${A_RUN##*.}
	trap a_leave 0
	if [ -p "$A_RUN/bell" ]; then
		exec 4<>"$A_RUN/bell"
		A_FRONT=${A_RUN%.*}
		A_FRONT=${A_FRONT##*.}
	fi
	a_boot
	a_machine
	a_lock || a_beaten
	A_HOLDS=1
	trap 'A_STOPPED=1' TERM
	a_again
	A_LINE=''
	[ ! -s "$A_JOURNAL" ] || A_LINE=$(tail -n 1 "$A_JOURNAL")
	case $A_MODE$A_RERUN$A_LINE in "applyran "*" $A_PLAN ok "*) exit 0 ;; esac
	exec 5>>"$A_JOURNAL"
	A_START=0
	[ ! -s "$A_JOURNAL" ] || A_START=$(($(wc -c <"$A_JOURNAL")))
	printf '%s %s\n' "$A_ID" "$A_START" >"$A_DIR/start" || a_stuck "$A_DIR/start"
	a_sweep
	a_files || a_stuck "$A_RUN"
	A_DONE=' '
	if [ -s "$A_JOURNAL" ]; then
		a_cancel
		a_remember
		# What appending steps had left is not for a rerun.
		[ -z "$A_RERUN" ] || rm -f "$A_DIR"/state.*
	else
		printf 'journal 1\n' >&5
	fi
	a_uptime
	A_BEGAN=${A_UP%.*}
	a_note "run $A_ID $A_PLAN steps=$A_STEPS boot=$A_BOOT machine=$A_MACHINE up=$A_UP time=$A_TIME rerun=${A_RERUN:-0} by=$A_HOLDER"
	a_here
	[ "$A_MODE" != apply ] || { [ "$A_START" -gt 0 ] && grep -q '^begin ' "$A_JOURNAL"; } || f_baseline || a_stuck "$A_DIR/baseline"
	a_steps
	[ -z "$A_STAGE" ] || a_place
	a_finish
}

a_finish() {
	A_RESULT=ok
	[ -z "$A_STOPPED" ] || A_RESULT=stopped
	[ -z "$A_FAILED" ] || A_RESULT=failed
	a_dismiss
	[ -z "$A_WATCH" ] || kill "$A_WATCH" 2>/dev/null
	A_WATCH=''
	case $A_MODE$A_RESULT in
	resetok) rm -rf "$A_RUN" "$A_DIR"/owner "$A_DIR"/journal "$A_DIR"/log "$A_DIR"/state.* ;;
	applyok)
		rm -rf "$A_RUN" "$A_DIR"/state.*
		[ ! -d "$A_DIR/content" ] || a_unstore
		;;
	*) rm -rf "$A_RUN" ;;
	esac
	A_KEEP=1
	a_uptime
	a_note "ran $A_ID $A_PLAN $A_RESULT $A_UP"
	if [ -n "$A_POWER" ]; then e_power_off >/dev/null 2>&1 </dev/null 4>&- 5>&- & fi
	[ "$A_MODE$A_RESULT" != resetok ] || a_vanish
}

# a_vanish: our folder goes, and the lock last: whoever comes waits for us as long as it is there; see a_leaving.
a_vanish() {
	for A_L in "$A_DIR"/*; do
		case ${A_L##*/} in
		lock.*) ;;
		*) rm -rf "$A_L" ;;
		esac
	done
	rm -rf "$A_DIR"
}

# a_leave: on every way out.
a_leave() {
	[ -z "$A_WATCH" ] || kill "$A_WATCH" 2>/dev/null
	[ -n "$A_KEEP" ] || rm -rf "$A_RUN"
	# Who was beaten must not take away the word to stop that is for another.
	[ -z "$A_HOLDS" ] || [ ! -e "$A_DIR/stop" ] || rm -f "$A_DIR/stop"
}

# a_trouble text: ends the run at once. Its folder may be gone by now; whoever follows removes it again.
a_trouble() {
	[ -d "$A_RUN" ] || mkdir -p "$A_RUN"
	printf '%s\n' "$1" >"$A_RUN/trouble"
	A_KEEP=1
	exit 1
}

# a_stuck path text: the same, as something cannot be written there.
a_stuck() {
	a_why "$1" 'is there space left?'
	a_trouble "$2$A_WHY"
}

# a_watch: ends a step that takes too long, with all its processes, and the run likewise. What a step prints is kept in memory
# where /run is, so beyond 16 MiB only the latest is kept; it is appended to, so that it can be emptied at any time. A step that was
# not there a second ago has not taken long yet.
a_watch() {
	A_STEP_LAST=''
	while sleep 1; do
		kill -0 $$ || {
			a_ring gone
			break
		}
		A_STEP_PID=''
		{ read -r A_STEP_PID A_STEP_BEGAN A_STEP_BORN A_STEP_BOOT A_STEP_GROUP; } 2>/dev/null <"$A_RUN/current"
		A_B=$A_STEP_LAST A_STEP_LAST=$A_STEP_PID
		if [ -z "$A_STEP_PID" ] || [ "$A_STEP_PID" != "$A_B" ]; then continue; fi
		find "$A_RUN/out" "$A_RUN/err" -size +32768 | while read -r A_B; do true >"$A_B"; done
		a_uptime
		A_NOW=${A_UP%.*}
		if [ $((A_NOW - A_STEP_BEGAN)) -ge "$A_STEP_LIMIT" ]; then
			printf 'the step took longer than %s s and was ended\n' "$A_STEP_LIMIT" >"$A_RUN/expired"
		elif [ $((A_NOW - A_BEGAN)) -ge "$A_RUN_LIMIT" ]; then
			printf 'the run took longer than %s s and the step was ended\n' "$A_RUN_LIMIT" >"$A_RUN/expired"
		else
			continue
		fi
		a_kill TERM
		sleep 3
		a_kill KILL
	done 2>/dev/null
}

# a_kill signal: for all processes of a step. A runner's commands are one process group: to the latest belong those that have been
# started since it began.
a_kill() {
	# The one form that dash, bash, busybox, mksh and yash all take for a process group.
	[ "${A_STEP_GROUP:-$A_STEP_PID}" != "$A_STEP_PID" ] || {
		kill "-$1" "-$A_STEP_PID"
		return
	}
	for A_K in /proc/[0-9]*; do
		A_K=${A_K##*/}
		if a_born "$A_K" && [ "$A_GROUP" = "$A_STEP_GROUP" ] && [ "$A_K" != "$A_STEP_GROUP" ] && [ "$A_BORN" -ge "$A_STEP_BORN" ]; then
			kill "-$1" "$A_K"
		fi
	done
}
