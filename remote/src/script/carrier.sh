# shellcheck shell=sh disable=SC2034,SC2153,SC2154,SC2317,SC2329
# Carries a program to a host by commands such as ssh(1) and scp(1), runs it there, and says how that went. It runs where these commands
# are, not on the host. The renderer puts the J_* settings and the functions j_ssh and j_scp before this text.

# j_say words: the last line, by which the outcome is known.
j_say() {
	printf 'anywhere: %s\n' "$*"
}

# j_watch: each second, until it is killed: keeps the host talking, and ends what is under way ($J_TMP/at) after too long a silence, or
# soon after the host was told to stop.
j_watch() {
	J_SILENT=0 J_STOPPED=0
	while sleep 1; do
		if [ -e "$J_TMP/heard" ]; then
			rm -f "$J_TMP/heard"
			J_SILENT=0
		fi
		J_SILENT=$((J_SILENT + 1))
		[ ! -e "$J_TMP/stop" ] || J_STOPPED=$((J_STOPPED + 1))
		if [ "$J_SILENT" -gt "$J_SILENCE" ]; then
			: >"$J_TMP/late"
		fi
		if [ -e "$J_TMP/late" ] || [ "$J_STOPPED" -gt 5 ]; then
			J_AT=''
			{ read -r J_AT; } 2>/dev/null <"$J_TMP/at" || :
			[ -z "$J_AT" ] || kill "$J_AT" 2>/dev/null || :
		fi
		[ $((J_SILENT % 5)) != 0 ] || printf 'ping\n' >&8
	done
}

# j_wait pid: waits for it; its exit status is in J_STATUS. A signal that comes meanwhile ends the waiting, and it is waited again.
j_wait() {
	printf '%s\n' "$1" >"$J_TMP/at"
	while :; do
		J_STATUS=0
		wait "$1" || J_STATUS=$?
		kill -0 "$1" 2>/dev/null || break
	done
	: >"$J_TMP/at"
	: >"$J_TMP/heard"
}

# j_stop: we are to end: the host does nothing after the step under way.
j_stop() {
	: >"$J_TMP/stop"
	printf 'stop\n' >&8
}

j_leave() {
	trap '' TERM INT
	[ -z "$J_WATCH" ] || kill "$J_WATCH" 2>/dev/null || :
	rm -rf "$J_TMP"
}

# j_try what command…: one command of those before the run.
j_try() {
	J_WHAT=$1
	shift
	(
		exec 8>&-
		"$@" </dev/null
	) &
	j_wait "$!"
	[ ! -e "$J_TMP/stop" ] || j_end 'stopped'
	[ ! -e "$J_TMP/late" ] || j_end "cut $J_WHAT took longer than $J_SILENCE s"
	[ "$J_STATUS" = 0 ] || j_end "cut $J_WHAT failed: exit status $J_STATUS"
}

# j_end words: the end, and it is none that was wanted.
j_end() {
	j_say "$1"
	exit 1
}

# j_name line: the name of a step: all behind the fourth word.
j_name() {
	J_NAME=$1
	for J_ in 1 2 3 4; do J_NAME=${J_NAME#* }; done
}

# j_hear: what the host says; ends with the outcome. See docs/journal.md. What the login shell says before the program begins means
# nothing; the program begins with its greeting, or says why it cannot.
j_hear() {
	J_NAME='' J_FAILED='' J_FAILURE='' J_BEGAN=''
	while IFS= read -r J_LINE; do
		: >"$J_TMP/heard"
		[ -n "$J_BEGAN" ] || case $J_LINE in
		"anywhere 1 "* | "fail privilege "* | "fail state "* | "fail readonly "* | "fail space "* | "fail inodes "*) J_BEGAN=1 ;;
		*) continue ;;
		esac
		J_REST=${J_LINE#* }
		J_NUMBER=${J_REST%% *}
		case $J_LINE in
		"begin "*)
			j_name "$J_LINE"
			printf 'step %s of %s: %s\n' "$J_NUMBER" "$J_STEPS" "$J_NAME"
			;;
		"err "*) printf '  | %s\n' "${J_REST#* }" ;;
		"end "*)
			J_STATUS=${J_REST#* }
			J_STATUS=${J_STATUS#* }
			J_STATUS=${J_STATUS%% *}
			[ "$J_STATUS" != 0 ] || continue
			printf 'step %s of %s failed: exit status %s\n' "$J_NUMBER" "$J_STEPS" "$J_STATUS"
			# The proof's word is the last one, whatever went wrong before.
			if [ -z "$J_FAILED" ] || [ "$J_NUMBER" = "$J_STEPS" ]; then
				J_FAILED="failed at step $J_NUMBER of $J_STEPS, exit status $J_STATUS: $J_NAME"
			fi
			;;
		"interrupted "*) [ -n "$J_FAILURE" ] || J_FAILURE="interrupted ${J_REST##* } $J_NUMBER" ;;
		"ran "*" $J_PLAN ok "*)
			j_say "done"
			exit 0
			;;
		"ran "*" $J_PLAN stopped "*) j_end 'stopped' ;;
		"ran "*" $J_PLAN failed "*) j_end "${J_FAILED:-${J_FAILURE:-lost a step failed, but the host does not say which}}" ;;
		"done $J_PLAN")
			j_say 'unchanged'
			exit 0
			;;
		clean)
			# A host that remembers nothing is what a reset wants, and nobody else.
			[ "$J_MODE" = reset ] || continue
			j_say 'unchanged'
			exit 0
			;;
		"held "* | "owned "* | "foreign "* | lost | "lost "* | "fail "*) j_end "$J_LINE" ;;
		esac
	done
	j_end 'cut the connection ended before the run did'
}

umask 077
J_WATCH='' J_TMP=''
for J_ in "${TMPDIR:-/tmp}" /dev/shm /run "$HOME"; do
	J_TMP=$J_/anywhere.$$
	rm -rf "$J_TMP" 2>/dev/null || :
	mkdir "$J_TMP" 2>/dev/null && break
	J_TMP=''
done
[ -n "$J_TMP" ] || j_end 'cut nothing can be written here: neither in /tmp nor in /dev/shm'
trap j_leave EXIT
mkfifo "$J_TMP/in" "$J_TMP/out"
exec 8<>"$J_TMP/in"
trap j_stop TERM INT
j_watch &
J_WATCH=$!
j_try 'the first connection' j_ssh "/bin/sh -c 'umask 077; mkdir -p $J_FOLDER'"
j_try 'copying' j_scp
# Two jobs, as whoever waits for one of a pipeline waits for all of it. Neither may keep the other end of its own input.
(
	exec <"$J_TMP/in" >"$J_TMP/out" 8>&-
	j_ssh "exec /bin/sh $J_FOLDER/landing"
) &
(
	exec <"$J_TMP/out" 8>&-
	j_hear
) &
j_wait "$!"
[ ! -e "$J_TMP/late" ] || j_end "cut nothing was heard of the host for $J_SILENCE s"
[ "$J_STATUS" -lt 128 ] || j_end 'stopped'
exit "$J_STATUS"
