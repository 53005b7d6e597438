# shellcheck shell=sh disable=SC2034,SC2153,SC2154
# (a part of one program: what is set here may be used in another part, and the other way round)
# The detached half: holds the lock, runs the steps that never ended well, writes the journal. It outlives the connection.

# a_ring: wakes everyone who follows the journal.
a_ring() {
	# Whoever started the run has its pipe in our folder, which may be gone already; it is open as long as there is anybody to hear it.
	[ -z "$A_FRONT" ] || ! kill -0 "$A_FRONT" 2>/dev/null || printf '%s\n' "$1" >&4
	for A_B in "$A_DIR"/bell.*; do
		[ ! -p "$A_B" ] || printf '%s\n' "$1" 1<>"$A_B"
	done
}

# a_note line: one more line of the journal. A host that cannot remember must not go on.
a_note() {
	printf '%s\n' "$1" >&5 || a_stuck "$A_JOURNAL"
	a_ring ''
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

# a_leave: on every way out.
a_leave() {
	[ -z "$A_WATCH" ] || kill "$A_WATCH" 2>/dev/null
	[ -n "$A_KEEP" ] || rm -rf "$A_RUN"
	# Who was beaten must not take away the word to stop that is for another.
	[ -z "$A_HOLDS" ] || [ ! -e "$A_DIR/stop" ] || rm -f "$A_DIR/stop"
}

# a_lock: whether it is we who may work; see a_held. Only who has ended a run and is just leaving is waited for.
a_lock() {
	A_TRY=0
	while [ "$A_TRY" -lt 20 ]; do
		if a_held; then
			A_LINE=''
			[ ! -s "$A_JOURNAL" ] || A_LINE=$(tail -n 1 "$A_JOURNAL")
			case $A_LINE in
			"ran $A_H_RUN "*) ;;
			*) return 1 ;;
			esac
		else
			a_claim && break
		fi
		A_TRY=$((A_TRY + 1))
		a_nap
	done
	[ "$A_TRY" -lt 20 ] || return 1
	for A_L in "$A_DIR"/lock.*; do
		[ "$A_L" = "$A_DIR/lock.$A_NEXT" ] || rm -f "$A_L"
	done
}

# a_claim: makes the next lock; fails if somebody else is at it. The file is made by exactly one, but it is there before it is
# written, so one that is empty is left alone for a second, and in the end each looks whether anybody else has one, too: of two who
# believed the same lock to be free, whoever wrote later sees the other.
a_claim() {
	A_NEXT=$A_DIR/lock.$A_LOCK
	[ ! -e "$A_NEXT" ] || [ -s "$A_NEXT" ] || [ "$A_TRY" -ge 12 ] || return 1
	A_NEXT=$((A_LOCK + 1))
	a_born $$
	set -C
	true 2>/dev/null >"$A_DIR/lock.$A_NEXT" || {
		set +C
		return 1
	}
	set +C
	printf '%s %s %s %s %s %s\n' "$A_ID" "$A_PLAN" $$ "$A_BORN" "$A_BOOT" "$A_HOLDER" >>"$A_DIR/lock.$A_NEXT" || {
		rm -f "$A_DIR/lock.$A_NEXT"
		a_stuck "$A_DIR/lock.$A_NEXT"
	}
	A_LOCK=$A_NEXT
	for A_L in "$A_DIR"/lock.*; do
		[ "$A_L" != "$A_DIR/lock.$A_NEXT" ] || continue
		A_H_PID=''
		{ read -r A_H_RUN A_H_PLAN A_H_PID A_H_BORN A_H_BOOT A_H_TEXT; } 2>/dev/null <"$A_L" || :
		if [ "${A_L##*.}" -gt "$A_NEXT" ] || { [ -n "$A_H_PID" ] && a_alive "$A_H_PID" "$A_H_BORN" "$A_H_BOOT"; }; then
			rm -f "$A_DIR/lock.$A_NEXT"
			return 1
		fi
	done 2>/dev/null
}

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

# a_here: notes that it is this machine that the host remembers from now on; not before the journal says so.
a_here() {
	A_LINE=''
	{ read -r A_LINE; } 2>/dev/null <"$A_DIR/machine" || :
	[ "$A_LINE" = "$A_MACHINE" ] || printf '%s\n' "$A_MACHINE" >"$A_DIR/machine" || a_stuck "$A_DIR/machine"
}

# a_beaten: another engine's program was faster. Whoever follows sees the steps of that one; but only if it is the same plan is
# its end ours, too.
a_beaten() {
	if [ "$A_H_PLAN" != "$A_PLAN" ]; then
		printf 'another run began there at the same moment\n' >"$A_RUN/trouble"
		A_KEEP=1
		[ -z "$A_FRONT" ] || printf 'gone\n' >&4
	fi
	exit 1
}

# a_cancel: a last line that is not whole, since the disk was full or the power went, must not be taken for one: what it says may
# be another step, another path, a rerun. Followers may have read it already, so it is not cut off but marked, with the character
# that is for this (ECMA-48, CAN).
a_cancel() {
	[ "$(($(tail -c 1 "$A_JOURNAL" | wc -l)))" = 1 ] || printf '\030\n' >&5 || a_stuck "$A_JOURNAL"
}

# a_sweep: what dead programs left. Folders and pipes have the process id of the attached half in their names, and one that lives
# tidies up itself.
a_sweep() {
	[ ! -e "$A_DIR/stop" ] || rm -f "$A_DIR/stop"
	for A_B in "${A_RUN%/*}"/run.* "$A_DIR"/bell.*; do
		case $A_B in
		"$A_RUN") continue ;;
		*/run.*)
			a_outlive "$A_B"
			A_PID=${A_B%.*}
			;;
		*)
			[ -e "$A_B" ] || continue
			A_PID=$A_B
			;;
		esac
		kill -0 "${A_PID##*.}" 2>/dev/null || rm -rf "$A_B"
	done
}

# a_outlive folder: a command whose supervisor was killed may still be running: it must not meet the next one. How it ends is not
# known to anybody, but it is not cut off before its time is over.
a_outlive() {
	A_STEP_PID=''
	{ read -r A_STEP_PID A_STEP_BEGAN A_STEP_BORN A_STEP_BOOT A_STEP_GROUP; } 2>/dev/null <"$1/current" || return 0
	A_TRY=0
	while [ -n "$A_STEP_PID" ] && a_alive "$A_STEP_PID" "$A_STEP_BORN" "$A_STEP_BOOT" && [ "$A_TRY" -lt "$A_STEP_LIMIT" ]; do
		A_TRY=$((A_TRY + 1))
		sleep 1
	done
	[ "$A_TRY" -lt "$A_STEP_LIMIT" ] || a_kill KILL 2>/dev/null || :
}

# a_remember: from the journal: which steps ended well since the last rerun, and which began and never ended, with a question mark
# before it; and with an exclamation mark, if it was not the host that went down then. A rerun knows neither, and what another machine
# did, whose image or backup this one was made from, does not count.
a_remember() {
	# shellcheck disable=SC2016
	A_DONE=" $(A_HERE=$A_MACHINE A_NOW=$A_BOOT awk '
		/\030$/ { next }
		$1 == "run" {
			if ($0 !~ / rerun=0 /) { split("", ended); split("", open) }
			sub(/ by=.*/, "")
			boot = word("boot")
			machine = word("machine")
			foreign = machine != "" && ENVIRON["A_HERE"] != "" && machine != ENVIRON["A_HERE"]
		}
		foreign { next }
		$1 == "begin" { open[$3] = boot == ENVIRON["A_NOW"] ? "kill" : "reboot" }
		$1 == "interrupted" && $4 != "" { open[$3] = $4 }
		$1 == "end" { delete open[$3]; if ($4 == 0) ended[$3] }
		END {
			for (id in ended) printf "%s ", id
			for (id in open) if (!(id in ended)) printf "?%s %s", id, open[id] == "kill" ? "!" id " " : ""
		}
		function word(name, i) {
			for (i = 2; i <= NF; i++) if (index($i, name "=") == 1) return substr($i, length(name) + 2)
			return ""
		}
	' "$A_JOURNAL") "
	[ "$A_MODE" = apply ] && [ -z "$A_RERUN" ] || A_DONE=' '
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
	[ "$A_MODE$A_RESULT" != resetok ] || rm -rf "$A_DIR"
}

# a_guard: there is a watch from the first process on that could take too long.
a_guard() {
	[ -z "$A_WATCH" ] || return 0
	a_watch >/dev/null 5>&- &
	A_WATCH=$!
}

# a_wait command…: runs it as the leader of its own session, where the watch can find it, without our files and our umask.
a_wait() {
	a_attend '' setsid "$@"
}

# a_attend group command…: the same in a process group that is there already; a few that look at the host share ours.
a_attend() {
	A_OF=$1
	shift
	a_guard
	a_uptime
	umask 022
	exec "$@" </dev/null 4>&- 5>&- 6>&- 8<&- &
	A_PID=$!
	umask 077
	a_born "$A_PID"
	printf '%s %s %s %s %s\n' "$A_PID" "${A_UP%.*}" "$A_BORN" "$A_BOOT" "$A_OF" >"$A_RUN/current"
	A_WAITED=0
	wait "$A_PID" || A_WAITED=$?
	while kill -0 "$A_PID" 2>/dev/null; do
		A_WAITED=0
		wait "$A_PID" || A_WAITED=$?
	done
	return "$A_WAITED"
}

# a_command group: runs the text in $A_RUN/command, as cloud-init runs an entry of that module: by a runner, which is a process
# group of its own and forks for each command, as starting a shell for each costs more than most commands do.
a_command() {
	a_guard
	[ -n "$A_RUNNER" ] || a_engage || return 1
	A_STATE=$A_RUN_STATE
	[ "$1" != boot ] || A_STATE=$A_BOOT_STATE
	printf '%s %s %s\n' "$1" "$A_STEP_ID" "${A_STATE##*.}" >&6
	A_WAITED=''
	if read -r A_WAITED <&8; then return "$A_WAITED"; fi
	# The runner itself was ended: by its command, by somebody else or because its time is over.
	A_STEP_PID=''
	{ read -r A_STEP_PID A_STEP_BEGAN A_STEP_BORN A_STEP_BOOT A_STEP_GROUP; } 2>/dev/null <"$A_RUN/current"
	[ -z "$A_STEP_PID" ] || a_kill KILL 2>/dev/null
	kill -KILL "$A_RUNNER" 2>/dev/null
	A_WAITED=0
	wait "$A_RUNNER" || A_WAITED=$?
	A_RUNNER=''
	[ "$A_WAITED" != 0 ] || A_WAITED=143
	return "$A_WAITED"
}

# a_alone group: the same for a text that wants to know its own process id: by a shell of its own.
a_alone() {
	A_STATE=$A_RUN_STATE
	[ "$1" != boot ] || A_STATE=$A_BOOT_STATE
	a_wait /bin/sh "$A_RUN/runner" "$A_RUN" "$A_DIR" "$A_INSTANCE" "$A_BOOT" "$1" "$A_STEP_ID" "${A_STATE##*.}"
}

# a_engage: starts the runner. It alone can write what we read, so its end is seen. mksh hands on only what is named; and without exec,
# yash has a process more, which keeps all.
a_engage() {
	[ -p "$A_RUN/ask" ] || mkfifo "$A_RUN/ask" "$A_RUN/tell" || return 1
	exec 6<>"$A_RUN/ask" 8<>"$A_RUN/tell"
	exec setsid /bin/sh "$A_RUN/runner" "$A_RUN" "$A_DIR" "$A_INSTANCE" "$A_BOOT" </dev/null >/dev/null 2>&1 4>&- 5>&- 6<"$A_RUN/ask" 8>&8 &
	A_RUNNER=$!
	exec 9<"$A_RUN/tell" 8<&-
	exec 8<&9 9<&-
}

# a_dismiss: the runner has nothing more to do. It is not killed: mksh would end what its commands have left in the background.
a_dismiss() {
	[ -z "$A_RUNNER" ] || exec 6>&-
	A_RUNNER=''
}

# a_open path name owner: the file that the content goes to, as A_TEMP: beside its target, so that it takes its place in one
# step and the security label of that folder. $2 is the path as the journal writes it; behind a symbolic link it is the target
# that is made, and noted.
a_open() {
	A_PATH=$1 A_NAME=$2 A_AT=$1
	if [ -d "$A_PATH" ]; then
		printf '%s is a directory\n' "$A_PATH" >&2
		return 1
	fi
	if [ -L "$A_PATH" ]; then
		A_PATH=$(readlink -f -- "$1" && printf x) || return 1
		A_PATH=${A_PATH%?x}
		A_NAME=$(printf '%s' "$A_PATH" | od -A n -v -t o1 | tr -d '\n' | sed 's/  */\\/g')
	fi
	A_MADE=0
	a_folder "${A_PATH%/*}" "$3" || return 1
	[ "$#" -lt 4 ] || [ -n "$A_DIRECT" ] || a_stage "$1" "$3" "$4" || return 1
	[ -e "$A_PATH" ] || a_note "made $A_MADE $A_NAME"
	A_PLACE=
	case $A_PATH in
	/proc/* | /sys/*) A_PLACE=1 ;;
	*) [ ! -e "$A_PATH" ] || [ -f "$A_PATH" ] || A_PLACE=1 ;;
	esac
	A_TEMP=${A_PATH%/*}/.anywhere.$A_STEP_ID
	[ -z "$A_PLACE" ] || A_TEMP=$A_RUN/content
	[ -z "$A_STAGE" ] || A_TEMP=$A_STAGE/${A_PATH##*/}
	{ [ ! -e "$A_TEMP" ] && [ ! -L "$A_TEMP" ]; } || rm -f "$A_TEMP"
	set -C
	true >"$A_TEMP" || {
		set +C
		return 1
	}
	set +C
}

# a_stage path owner mode: files of one folder, owner and mode that follow one another are written into a folder in there, and take
# their places together, by few processes: a_place. Fails for one that has to go its own way, A_DIRECT.
a_stage() {
	case $A_PATH in
	/proc/* | /sys/*) A_DIRECT=1 ;;
	"$1") [ ! -e "$A_PATH" ] || [ -f "$A_PATH" ] || A_DIRECT=1 ;;
	*) A_DIRECT=1 ;;
	esac
	[ -z "$A_DIRECT" ] || return 1
	[ -z "$A_STAGE" ] || return 0
	A_FOLDER=${A_PATH%/*}/.anywhere.$A_UID
	# What is there was left by a run that was killed.
	{ [ ! -e "$A_FOLDER" ] && [ ! -L "$A_FOLDER" ]; } || rm -rf "$A_FOLDER" || return 1
	mkdir -- "$A_FOLDER" || return 1
	A_STAGE=$A_FOLDER A_STAGE_OWNER=$2 A_STAGE_MODE=$3 A_PENDING=''
}

# a_folder path owner: makes the folders that are missing, as mkdir -p does, counts them, and gives them that owner.
a_folder() {
	{ [ -n "$1" ] && [ ! -d "$1" ]; } || return 0
	a_folder "${1%/*}" "$2" || return 1
	mkdir -m 755 -- "$1" || return 1
	A_MADE=$((A_MADE + 1))
	[ -z "$2" ] || chown "$2" "$1"
}

# a_close mode owner: the content is complete. An empty owner is root:root, which a new file of ours is already, unless the
# folder hands its own group down.
a_close() {
	if [ -n "$A_STAGE" ] && [ "$A_TEMP" = "$A_STAGE/${A_PATH##*/}" ]; then
		A_STAGED=1 A_PENDING="$A_PENDING $A_STEP $A_STEP_ID"
		eval "A_TEMP_$A_STEP=\$A_TEMP A_NAME_$A_STEP=\$A_STEP_NAME"
		return 0
	fi
	if [ -n "$A_PLACE" ]; then
		cat "$A_TEMP" >"$A_PATH" || return 1
		rm -f "$A_TEMP"
		return 0
	fi
	if [ -n "$2" ]; then
		chown "$2" "$A_TEMP" || return 1
	elif [ -g "${A_PATH%/*}/" ]; then
		chown 0:0 "$A_TEMP" || return 1
	fi
	chmod "$1" "$A_TEMP" || return 1
	mv -f "$A_TEMP" "$A_PATH"
}

# a_place: the staged files take their places, and their steps end. What does not succeed for all is done for each, to know for which
# it does not.
a_place() {
	A_FOLDER=${A_STAGE%/*}/
	[ -n "$A_STAGE_OWNER" ] || [ ! -g "$A_FOLDER" ] || A_STAGE_OWNER=0:0
	set -- "$A_STAGE"/* "$A_STAGE"/.[!.]* "$A_STAGE"/..?*
	for A_B in "$@"; do
		[ ! -e "$A_B" ] || set -- "$@" "$A_B"
		shift
	done
	A_EACH=''
	a_seat "$@" 2>/dev/null || A_EACH=1
	A_OUT=$A_RUN/placed A_ERR=$A_RUN/placing
	# shellcheck disable=SC2086
	set -- $A_PENDING
	while [ $# -gt 0 ]; do
		eval "A_TEMP=\$A_TEMP_$1 A_STEP_NAME=\$A_NAME_$1"
		A_RC=0 A_TELL=10
		if [ -n "$A_EACH" ] && [ -e "$A_TEMP" ]; then
			a_seat "$A_TEMP" 2>"$A_ERR" || A_RC=1
		fi
		a_ended "$1" "$2" "$A_STEP_NAME"
		[ "$A_RC" = 0 ] || [ -n "$A_GO_ON" ] || break
		shift 2
	done
	rm -rf "$A_STAGE"
	A_STAGE='' A_TEMP='' A_OUT=$A_RUN/out A_ERR=$A_RUN/err
}

# a_seat file…: the staged files get owner and mode, and take their places.
a_seat() {
	[ -z "$A_STAGE_OWNER" ] || chown "$A_STAGE_OWNER" "$@" || return 1
	chmod "$A_STAGE_MODE" "$@" && mv -f "$@" "$A_FOLDER"
}

# a_appended path: whether this step has already appended to that file, before it was interrupted.
a_appended() {
	A_SIZE=''
	[ ! -s "$A_DIR/state.$A_STEP_ID" ] || read -r A_SIZE <"$A_DIR/state.$A_STEP_ID"
	[ -n "$A_SIZE" ] && [ -e "$1" ] && [ "$(($(wc -c <"$1")))" = "$((A_SIZE))" ]
}

# a_copy: the file as it is now, before more is appended to it.
a_copy() {
	[ ! -e "$A_PATH" ] || cat "$A_PATH" >>"$A_TEMP"
}

# a_size: what the file will be once it is in its place.
a_size() {
	wc -c <"$A_TEMP" >"$A_DIR/state.$A_STEP_ID"
}

# a_expect path: fails unless it is there.
a_expect() {
	[ -e "$1" ] || {
		printf '%s is not there: the commands ended well, but did not make it\n' "$1" >&2
		return 1
	}
}

# a_undo: removes the files that runs made on this host, last first, and the folders made for them that are empty now.
a_undo() {
	A_RC=0
	[ -e "$A_DIR/journal" ] || return 0
	# shellcheck disable=SC2016
	awk '/\030$/ { next } $1 == "made" { made[++n] = $2 " " $3 } END { while (n) print made[n--] }' "$A_DIR/journal" >"$A_RUN/undo" || return 1
	while read -r A_MADE A_NAME; do
		# shellcheck disable=SC2059
		A_PATH=$(printf "$A_NAME" && printf x)
		A_PATH=${A_PATH%x}
		rm -f -- "$A_PATH" || A_RC=1
		while [ "$A_MADE" -gt 0 ]; do
			A_PATH=${A_PATH%/*}
			A_MADE=$((A_MADE - 1))
			rmdir -- "$A_PATH" 2>/dev/null || break
		done
	done <"$A_RUN/undo"
	return "$A_RC"
}
