# shellcheck shell=sh disable=SC2154
# How the functions of the modules write files and run programs: with the umask that a host's administrator has, not with ours.

# e_file path content [mode]: a file of root's that holds this; changes nothing if it does. Its folder is made if it is
# missing. That it changed is remembered until e_service, also by a step that is done again.
e_file() {
	# /etc/default/locale is a link to /etc/locale.conf on newer hosts.
	[ ! -L "$1" ] || set -- "$(readlink -f "$1")" "$2" "${3:-644}"
	printf '%s' "$2" >"$A_RUN/content" || return 1
	if ! cmp -s "$A_RUN/content" "$1"; then
		(umask 022 && mkdir -p "${1%/*}") || return 1
		cat "$A_RUN/content" >"$1.anywhere" || return 1
		chmod "${3:-644}" "$1.anywhere" || return 1
		true >"$A_DIR/state.$A_STEP_ID" || return 1
		mv -f "$1.anywhere" "$1" || return 1
	fi
	rm -f "$A_RUN/content"
}

# e_run command…: runs it as a step's command: without input, and ended when its time is over.
e_run() {
	umask 022
	A_CODE=0
	a_wait "$@" || A_CODE=$?
	umask 077
	return "$A_CODE"
}

# e_has program: whether the host has it.
e_has() {
	command -v "$1" >/dev/null 2>&1
}

# e_service name…: the first of these services that the host has runs, with what the step has changed, and starts with the host.
e_service() {
	if [ -d /run/systemd/system ]; then
		for A_NAME in "$@"; do
			systemctl cat "$A_NAME.service" >/dev/null 2>&1 || continue
			e_run systemctl --quiet enable "$A_NAME.service" || return 1
			if [ -e "$A_DIR/state.$A_STEP_ID" ] || ! systemctl --quiet is-active "$A_NAME.service"; then
				e_run systemctl restart "$A_NAME.service" || return 1
			fi
			rm -f "$A_DIR/state.$A_STEP_ID"
			return 0
		done
	elif e_has rc-service; then
		for A_NAME in "$@"; do
			[ -e "/etc/init.d/$A_NAME" ] || continue
			e_run rc-update --quiet add "$A_NAME" default || return 1
			if [ -e "$A_DIR/state.$A_STEP_ID" ] || ! rc-service --quiet "$A_NAME" status; then
				e_run rc-service "$A_NAME" restart || return 1
			fi
			rm -f "$A_DIR/state.$A_STEP_ID"
			return 0
		done
	fi
	printf 'neither systemd nor OpenRC has any of these services here: %s\n' "$*" >&2
	return 1
}
