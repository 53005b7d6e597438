# shellcheck shell=sh
# systemd.units of Ignition configs

# e_systemd: the files of units may be new.
e_systemd() {
	[ -d /run/systemd/system ] || {
		printf 'systemd does not run here, so there are no units\n' >&2
		return 1
	}
	systemctl daemon-reload
}

# e_unit name mask enable restart: each of the last three is a verb of systemctl or nothing. As after the first start, a unit that is
# masked or disabled does not run; only one that runs is restarted.
e_unit() {
	e_systemd || return 1
	[ -z "$2" ] || systemctl "$2" "$1" || return 1
	if [ "$3" = enable ]; then
		systemctl enable "$1" || return 1
	elif [ "$3" = disable ] && systemctl cat "$1" >/dev/null 2>&1; then
		systemctl disable "$1" || return 1
	fi
	if [ "$2" = mask ] || [ "$3" = disable ]; then
		! systemctl is-active "$1" >/dev/null 2>&1 || systemctl stop "$1"
	elif [ -n "$4" ]; then
		systemctl try-restart "$1"
	fi
}

# e_units_start name...: together, so that systemd sees to their order.
e_units_start() {
	e_systemd || return 1
	systemctl start "$@"
}
