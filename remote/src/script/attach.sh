# shellcheck shell=sh disable=SC2034,SC2153,SC2154
# (a part of one program: what is set here may be used in another part, and the other way round)
# The half that is attached to the SSH channel: looks at what the host remembers, starts the detached half unless there is
# nothing to do, and repeats the journal line by line. It changes nothing on the host but its own folders.

# a_fail what and why: when the engine hears of it nothing of ours is left.
a_fail() {
	rm -rf "$A_RUN"
	printf 'fail %s\n' "$1"
	exit 1
}

a_attach() {
	a_boot
	a_uptime
	a_machine
	# What the login shell said by itself may have no end of line.
	printf '\nanywhere 1 %s %s %s\n' "$A_BOOT" "$A_UP" "$A_MACHINE"
	a_paths
	for A_TOOL in setsid mkfifo dd awk; do
		command -v "$A_TOOL" >/dev/null || a_fail "tool $A_TOOL is not installed there"
	done
	# Through a file, as everywhere here: each $(…) would be a process.
	command -V printf >"$A_RUN/said"
	A_LINE=''
	read -r A_LINE <"$A_RUN/said" || :
	case $A_LINE in
	*built*in* | *function*) ;;
	*) a_fail 'tool printf is not built into /bin/sh there' ;;
	esac
	[ -z "$A_FACTS" ] || h_facts
	[ ! -d "$A_DIR" ] || [ -s "$A_DIR/owner" ] || a_leaving
	[ "$A_MODE" != apply ] || a_same
	if [ -s "$A_DIR/owner" ]; then
		IFS= read -r A_LINE <"$A_DIR/owner"
		if [ "$A_LINE" != "$A_OWNER" ]; then
			rm -rf "$A_RUN"
			printf 'owned %s\n' "$A_LINE"
			exit 0
		fi
	elif [ "$A_MODE" = reset ]; then
		a_clean
		printf 'clean\n'
		exit 0
	fi
	a_look
	if [ -n "$A_CONTENTS" ]; then
		a_own
		a_contents
		# That may have taken long, and others may have come.
		a_look
	fi
	a_start
}

# a_leaving: waits for a reset that has ended well and is just removing our folder: what was written there now would go with it.
a_leaving() {
	A_TRY=0
	while [ -d "$A_DIR" ] && [ "$A_TRY" -lt 50 ] && a_held; do
		A_TRY=$((A_TRY + 1))
		a_nap
	done
}

# a_same: ends here if what this host remembers was another machine's, whose image or backup this one was made from; unless all steps
# shall run again.
a_same() {
	A_LINE='' A_WHOSE=''
	{ read -r A_LINE; } 2>/dev/null <"$A_DIR/machine" || :
	{ [ -n "$A_LINE" ] && [ -n "$A_MACHINE" ] && [ "$A_LINE" != "$A_MACHINE" ] && [ -z "$A_RERUN" ]; } || return 0
	{ IFS= read -r A_WHOSE; } 2>/dev/null <"$A_DIR/owner" || :
	printf 'foreign %s %s\n' "$A_LINE" "$A_WHOSE"
	rm -rf "$A_RUN"
	exit 0
}

# a_cannot path words: ends here, as something cannot be written there; in the system's words, if it does not know better. Where our
# folder is gone that was there a moment ago, a reset of ours which outlived its connection has just ended well: only that removes it.
a_cannot() {
	if [ "$A_MODE" = reset ] && [ ! -d "$A_DIR" ]; then
		a_clean
		printf 'clean\n'
		exit 0
	fi
	a_why "$1" "${2##*: }"
	a_fail "$A_WHAT $A_WHY"
}

# a_look: ends here if there is nothing to do, or follows what is being done.
a_look() {
	a_adopt
	a_again
	A_LINE=''
	[ ! -s "$A_JOURNAL" ] || A_LINE=$(tail -n 1 "$A_JOURNAL")
	case $A_LINE in
	"ran $A_SEEN "*)
		rm -rf "$A_RUN"
		printf 'follow %s %s\n' "$A_SEEN" "$A_FROM"
		tail -c "+$((A_FROM + 1))" "$A_JOURNAL"
		exit 0
		;;
	"ran "*" $A_PLAN ok "*)
		if [ "$A_MODE" = apply ] && [ -z "$A_RERUN" ]; then
			[ ! -d "$A_DIR/content" ] || a_unstore
			rm -rf "$A_RUN"
			printf 'done %s\n' "$A_PLAN"
			exit 0
		fi
		;;
	esac
}

# a_adopt: if somebody is at work: follows if it is this very plan, else says who it is.
a_adopt() {
	A_TRY=0
	while a_held; do
		A_LINE=''
		[ ! -s "$A_JOURNAL" ] || A_LINE=$(tail -n 1 "$A_JOURNAL")
		A_S_RUN='' A_S_FROM=''
		{ read -r A_S_RUN A_S_FROM; } 2>/dev/null <"$A_DIR/start"
		case $A_LINE in
		"ran $A_H_RUN "*) ;; # it has ended and is just leaving
		*)
			if [ "$A_H_PLAN" != "$A_PLAN" ]; then
				rm -rf "$A_RUN"
				printf 'held %s\n' "$A_H_TEXT"
				exit 0
			elif [ "$A_S_RUN" = "$A_H_RUN" ]; then
				rm -rf "$A_RUN"
				[ "$A_H_RUN" = "$A_SEEN" ] || A_FROM=$A_S_FROM
				[ -z "$A_CONTENTS" ] || rm -f "$A_DIR/content/keep.$$".*
				a_follow "$A_H_RUN" "$A_FROM"
			fi
			;;
		esac
		[ "$A_TRY" -lt 50 ] || a_fail "state the run of $A_H_TEXT neither begins nor ends"
		A_TRY=$((A_TRY + 1))
		a_nap
	done
}

a_start() {
	a_own
	# Who logged in: the detached half has an environment of its own.
	printf '%s\n' "${SUDO_USER:-${USER:-root}}" >"$A_RUN/login" || a_cannot "$A_RUN" 'No space left on device'
	A_FROM=0
	[ ! -s "$A_JOURNAL" ] || A_FROM=$(($(wc -c <"$A_JOURNAL")))
	A_NEW=${A_RUN##*.}
	# The others are the detached half's and its runner's: one process makes them all.
	a_bell "$A_RUN/bell" "$A_RUN/ask" "$A_RUN/tell"
	A_HOME=$HOME
	[ "$A_DIR" != /var/lib/anywhere ] || A_HOME=~root
	set -- PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME="$A_HOME" LANG=C.UTF-8
	A_HOW=setsid
	if [ -d /run/systemd/system ] && [ "$A_DIR" = /var/lib/anywhere ]; then
		systemd-run --quiet --collect --unit="anywhere-$A_NEW" --description='anywhere: provisioning run' \
			--property=KillMode=process --property=TasksMax=infinity --property=WorkingDirectory=/ \
			/usr/bin/env -i "$@" /bin/sh "$A_SELF" supervise >"$A_RUN/detach" 2>&1 </dev/null && A_HOW=systemd
	fi
	# Not our own child: nobody here would take its end away.
	[ "$A_HOW" = systemd ] || (setsid env -i "$@" /bin/sh "$A_SELF" supervise >/dev/null 2>&1 </dev/null 7>&- &)
	a_follow "$A_NEW" "$A_FROM"
}

# a_own: the owner, unless it is known already: then there is nothing to write.
a_own() {
	[ -d "$A_DIR" ] || A_MSG=$(mkdir -p "$A_DIR" 2>&1) || a_cannot "$A_DIR" "$A_MSG"
	{ printf '' >>"$A_JOURNAL" && { [ -s "$A_DIR/owner" ] || printf '%s\n' "$A_OWNER" >"$A_DIR/owner"; }; } 2>"$A_RUN/said" || {
		A_MSG=''
		read -r A_MSG <"$A_RUN/said" || :
		a_cannot "$A_DIR" "$A_MSG"
	}
	# Not every shell says so when nothing was written.
	[ -s "$A_DIR/owner" ] || a_cannot "$A_DIR" 'No space left on device'
	# Another engine may have done the same at this moment.
	IFS= read -r A_LINE <"$A_DIR/owner"
	if [ "$A_LINE" != "$A_OWNER" ]; then
		rm -rf "$A_RUN"
		printf 'owned %s\n' "$A_LINE"
		exit 0
	fi
}

# a_bell pipe…: the first is our own, which the detached half rings after each line. It is open for reading and writing, so
# neither side blocks.
a_bell() {
	A_BELL=$1
	[ ! -e "$A_BELL" ] || rm -f "$A_BELL"
	A_MSG=$(mkfifo "$@" 2>&1) || a_cannot "$A_BELL" "$A_MSG"
	exec 7<>"$A_BELL"
}

# a_follow run offset: repeats the journal from that byte on until the run has ended.
a_follow() {
	[ -n "$A_BELL" ] || a_bell "$A_DIR/bell.$$"
	printf 'follow %s %s\n' "$1" "$2"
	exec 8<"$A_JOURNAL"
	[ "$2" = 0 ] || dd bs="$2" count=1 <&8 >/dev/null 2>&1
	exec 3<&0
	a_listen "$1" <&3 2>/dev/null 8<&- &
	A_LISTEN=$!
	A_PART=''
	while :; do
		if IFS= read -r A_LINE <&8; then
			a_repeat "$A_PART$A_LINE" || break
			A_PART=''
			continue
		fi
		A_PART=$A_PART$A_LINE
		read -r A_RING <&7
		if [ "$A_RING" = gone ]; then
			a_rest
			break
		fi
	done
	kill "$A_LISTEN" 2>/dev/null
	[ ! -e "$A_BELL" ] || rm -f "$A_BELL"
	exit 0
}

# a_repeat line: to the engine; false if it is the end, or nobody listens any more. When the engine hears of the end nothing of
# ours is left, and after a reset the host has forgotten all.
a_repeat() {
	case $1 in
	"ran "*" $A_PLAN "*)
		[ ! -e "$A_BELL" ] || rm -f "$A_BELL"
		[ -z "$A_CONTENTS" ] || a_let_go "$1"
		A_TRY=0
		while [ "$A_MODE" = reset ] && [ -e "$A_DIR" ] && [ "$A_TRY" -lt 20 ]; do
			case $1 in *" ok "*) ;; *) break ;; esac
			A_TRY=$((A_TRY + 1))
			a_nap
		done
		printf '%s\n' "$1"
		return 1
		;;
	*) printf '%s\n' "$1" ;;
	esac
}

# a_rest: the detached half is gone: what it still wrote, or that it was lost.
a_rest() {
	while IFS= read -r A_LINE <&8; do
		a_repeat "$A_PART$A_LINE" || return
		A_PART=''
	done
	A_MSG=''
	[ ! -s "$A_RUN/trouble" ] || read -r A_MSG <"$A_RUN/trouble"
	printf 'lost %s\n' "$A_MSG"
	rm -rf "$A_RUN"
}

# a_listen run: what the engine says while it follows: "stop" ends the run before its next step; "ping" asks whether all is well while
# a step is silent. If the run is no longer at work it rings "gone". End of file means that the connection is gone, and so must we be.
a_listen() {
	a_uptime
	A_SINCE=${A_UP%.*} A_MET=''
	while read -r A_WORD; do
		case $A_WORD in
		stop) printf '' >"$A_DIR/stop" ;;
		ping)
			if a_works "$1"; then
				printf 'alive\n'
			else
				printf 'gone\n' >&7
			fi
			;;
		esac
	done
	case $A_BELL in "$A_DIR"/*) rm -f "$A_BELL" ;; esac
	kill -KILL $$
}

# a_works run: whether it is at work. One that is just being started has five seconds to take the lock; one that has noted its start
# had it.
a_works() {
	if a_held && [ "$A_H_PLAN" = "$A_PLAN" ]; then
		A_MET=1
		return
	fi
	A_S_RUN=''
	{ read -r A_S_RUN _; } 2>/dev/null <"$A_DIR/start" || :
	a_uptime
	[ -z "$A_MET" ] && [ "$A_S_RUN" != "$1" ] && [ $((${A_UP%.*} - A_SINCE)) -lt 5 ]
}
