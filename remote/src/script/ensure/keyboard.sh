# shellcheck shell=sh disable=SC2154
# keyboard

# e_keyboard layout model variant options
e_keyboard() {
	if [ -e /etc/debian_version ]; then
		A_FILE=/etc/default/keyboard
		A_TEXT=''
		[ ! -e "$A_FILE" ] || A_TEXT=$(grep -vE '^XKB(MODEL|LAYOUT|VARIANT|OPTIONS)=' "$A_FILE")
		e_file "$A_FILE" "$A_TEXT${A_TEXT:+
}XKBMODEL=\"$2\"
XKBLAYOUT=\"$1\"
XKBVARIANT=\"$3\"
XKBOPTIONS=\"$4\"
" || return 1
		if [ -d /run/systemd/system ] && systemctl cat console-setup.service >/dev/null 2>&1; then
			e_service console-setup
		fi
	elif [ -d /run/systemd/system ] && e_has localectl; then
		e_run localectl set-x11-keymap "$1" "$2" "$3" "$4"
	elif e_has setup-keymap; then
		e_run setup-keymap "$1" "${3:-$1}"
	else
		printf 'this host has neither /etc/default/keyboard nor localectl nor setup-keymap\n' >&2
		return 1
	fi
}
