# shellcheck shell=sh disable=SC2034,SC2153,SC2154
# (a part of one program: what is set here may be used in another part, and the other way round)
# Only one program works at a time; what dead ones left is swept up.

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
