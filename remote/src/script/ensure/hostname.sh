# shellcheck shell=sh
# hostname, fqdn, manage_etc_hosts

# e_hostname name file: now, and (with file) at the next start.
e_hostname() {
	[ -z "$2" ] || [ "$(cat /etc/hostname 2>/dev/null)" = "$1" ] || printf '%s\n' "$1" >/etc/hostname || return 1
	[ "$(uname -n)" = "$1" ] || hostname "$1"
}

# e_etc_hosts fqdn short: the line that Debian and cloud-init have for a host's own name.
e_etc_hosts() {
	if [ "$1" = "$2" ]; then
		A_LINE="127.0.1.1 $1"
	else
		A_LINE="127.0.1.1 $1 $2"
	fi
	! grep -qxF "$A_LINE" /etc/hosts || return 0
	{
		printf '%s\n' "$A_LINE"
		grep -v '^127\.0\.1\.1[[:space:]]' /etc/hosts
	} >"$A_RUN/content"
	cat "$A_RUN/content" >/etc/hosts
}
