# shellcheck shell=sh disable=SC2154
# rsyslog

# e_rsyslog n [command word]… [path content]…: n words are the command that makes rsyslog read its files; with none, its service
# is restarted.
e_rsyslog() {
	A_COUNT=$1
	shift
	A_INDEX=0
	for A_WORD in "$@"; do
		A_INDEX=$((A_INDEX + 1))
		if [ "$A_INDEX" -le "$A_COUNT" ]; then
			continue
		elif [ $(((A_INDEX - A_COUNT) % 2)) = 1 ]; then
			A_FILE=$A_WORD
		else
			e_file "$A_FILE" "$A_WORD" || return 1
		fi
	done
	if [ "$A_COUNT" = 0 ]; then
		e_service rsyslog rsyslogd syslog
		return
	fi
	[ -e "$A_DIR/state.$A_STEP_ID" ] || return 0
	A_INDEX=0
	for A_WORD in "$@"; do
		[ "$A_INDEX" != 0 ] || set --
		A_INDEX=$((A_INDEX + 1))
		[ "$A_INDEX" -gt "$A_COUNT" ] || set -- "$@" "$A_WORD"
	done
	e_run "$@" || return 1
	rm -f "$A_DIR/state.$A_STEP_ID"
}
