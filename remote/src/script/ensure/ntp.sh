# shellcheck shell=sh disable=SC2154
# ntp

# e_ntp client [server|pool name]…: that client, or else the one that is there, or else chrony, asks these and no others. Without
# any, it asks whom its distribution has chosen.
e_ntp() {
	A_CLIENT=$1
	shift
	A_TIMESYNCD=''
	for A_FILE in /lib/systemd/systemd-timesyncd /usr/lib/systemd/systemd-timesyncd; do
		[ ! -x "$A_FILE" ] || A_TIMESYNCD=$A_FILE
	done
	if [ "$A_CLIENT" = auto ]; then
		if e_has chronyd; then
			A_CLIENT=chrony
		elif [ -n "$A_TIMESYNCD" ]; then
			A_CLIENT=systemd-timesyncd
		elif e_has ntpd && [ -e /etc/ntp.conf ]; then
			A_CLIENT=ntp
		else
			A_CLIENT=chrony
		fi
	fi
	case $A_CLIENT in
	chrony)
		e_has chronyd || e_packages chrony '' || return 1
		e_ntp_file /etc/chrony/chrony.conf /etc/chrony.conf || return 1
		set -- "$A_FILE" "$@"
		A_SERVICES='chrony chronyd'
		;;
	ntp)
		e_has ntpd || e_packages ntp '' || return 1
		e_ntp_file /etc/ntpsec/ntp.conf /etc/ntp.conf || return 1
		set -- "$A_FILE" "$@"
		A_SERVICES='ntpsec ntp ntpd'
		;;
	*)
		[ -n "$A_TIMESYNCD" ] || e_packages systemd-timesyncd '' || return 1
		set -- /etc/systemd/timesyncd.conf.d/cloud-init.conf "$@"
		A_SERVICES=systemd-timesyncd
		;;
	esac
	[ $# -eq 1 ] || e_ntp_conf "$@" || return 1
	# shellcheck disable=SC2086
	e_service $A_SERVICES
}

# e_ntp_file path…: the one that is there, into A_FILE.
e_ntp_file() {
	for A_FILE in "$@"; do
		[ ! -e "$A_FILE" ] || return 0
	done
	printf 'there is none of %s\n' "$*" >&2
	return 1
}

# e_ntp_conf file [server|pool name]…: the file names these and no others; what else is in it stays.
e_ntp_conf() {
	A_FILE=$1
	shift
	A_TEXT=''
	if [ "$A_CLIENT" = systemd-timesyncd ]; then
		while [ $# -gt 0 ]; do
			A_TEXT="$A_TEXT${A_TEXT:+ }$2"
			shift 2
		done
		A_TEXT="[Time]
NTP=$A_TEXT"
	else
		A_TEXT=$(sed '/^[[:space:]]*\(server\|pool\|peer\|sourcedir\)[[:space:]]/d' "$A_FILE") || return 1
		while [ $# -gt 0 ]; do
			A_TEXT="$A_TEXT
$1 $2 iburst"
			shift 2
		done
	fi
	e_file "$A_FILE" "$A_TEXT
"
}
