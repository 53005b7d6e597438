# shellcheck shell=sh disable=SC2154
# locale

# e_locale name file: that file, or else the one of the host's distribution, sets LANG.
e_locale() {
	A_FILE=$2
	if [ -e /etc/alpine-release ]; then
		# musl knows every locale.
		e_file "${A_FILE:-/etc/profile.d/50-cloud-init-locale.sh}" "export LANG=$1
"
		return
	fi
	e_has_locale "$1" || e_make_locale "$1" || return 1
	if [ -z "$A_FILE" ]; then
		A_FILE=/etc/locale.conf
		[ ! -e /etc/debian_version ] || A_FILE=/etc/default/locale
	fi
	A_TEXT=''
	[ ! -e "$A_FILE" ] || A_TEXT=$(grep -v '^LANG=' "$A_FILE")
	e_file "$A_FILE" "$A_TEXT${A_TEXT:+
}LANG=$1
"
}

# e_has_locale name: whether the host has it, written as it may be (C.UTF-8 is C.utf8).
e_has_locale() {
	case $1 in
	C | POSIX) return 0 ;;
	esac
	locale -a 2>/dev/null | tr -d - | tr '[:upper:]' '[:lower:]' |
		grep -qxF "$(printf '%s' "$1" | tr -d - | tr '[:upper:]' '[:lower:]')"
}

# e_make_locale name: as locale-gen(8) of Debian and Ubuntu makes it.
e_make_locale() {
	e_has locale-gen || {
		printf 'there is no locale %s on this host, and no locale-gen to make it (is locales, or its language pack, installed?)\n' "$1" >&2
		return 1
	}
	A_LINE=$(grep -i "^$(printf '%s' "$1" | sed 's/\./\\./g')[[:space:]]" /usr/share/i18n/SUPPORTED | head -n 1)
	[ -n "$A_LINE" ] || {
		printf 'there is no locale %s in /usr/share/i18n/SUPPORTED\n' "$1" >&2
		return 1
	}
	grep -qxF "$A_LINE" /etc/locale.gen 2>/dev/null || printf '%s\n' "$A_LINE" >>/etc/locale.gen || return 1
	e_run locale-gen
}
