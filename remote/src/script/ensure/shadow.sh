# shellcheck shell=sh
# shadow(5)

# e_shadow name field: that field, from 1, of the user's line.
e_shadow() {
	awk -F: -v name="$1" -v field="$2" '$1 == name { print $field; exit }' /etc/shadow
}

# e_set_shadow name field value: for what hosts without the shadow tools have no program for. No secrets.
e_set_shadow() {
	cp -p /etc/shadow /etc/shadow.anywhere &&
		awk -F: -v OFS=: -v name="$1" -v field="$2" -v value="$3" '$1 == name { $field = value } { print }' \
			/etc/shadow >/etc/shadow.anywhere &&
		mv -f /etc/shadow.anywhere /etc/shadow
}

# e_chpasswd name:password kind: through chpasswd(8)'s stdin, where no other process sees it.
e_chpasswd() {
	command -v chpasswd >/dev/null || {
		printf 'cannot set a password: this host has no chpasswd\n' >&2
		return 1
	}
	if [ "$2" = hash ]; then
		printf '%s\n' "$1" | chpasswd -e >/dev/null
	elif chpasswd --help 2>&1 | grep -q BusyBox; then
		# Its default may be DES, which reads eight characters only.
		printf '%s\n' "$1" | chpasswd -c sha512 >/dev/null
	else
		printf '%s\n' "$1" | chpasswd
	fi
}
