# shellcheck shell=sh disable=SC2034,SC2153,SC2154
# (a part of one program: what is set here may be used in another part, and the other way round)
# Commands run where they cannot harm the program, and can be ended.

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
