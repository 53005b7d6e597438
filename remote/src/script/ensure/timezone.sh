# shellcheck shell=sh
# timezone

# e_timezone name
e_timezone() {
	[ -f "/usr/share/zoneinfo/$1" ] || {
		printf 'there is no time zone %s in /usr/share/zoneinfo (is tzdata installed?)\n' "$1" >&2
		return 1
	}
	[ "$(readlink /etc/localtime)" = "/usr/share/zoneinfo/$1" ] || ln -sf "/usr/share/zoneinfo/$1" /etc/localtime || return 1
	# Debian keeps the name besides; a host without that file does not want it.
	[ ! -e /etc/timezone ] || printf '%s\n' "$1" >/etc/timezone
}
