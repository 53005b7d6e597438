# shellcheck shell=sh
# ssh_genkeytypes, ssh_pwauth

# e_host_keys type…: makes the keys that are missing. The server uses them from its next start on.
e_host_keys() (
	for type; do
		file=/etc/ssh/ssh_host_${type}_key
		[ ! -e "$file" ] || continue
		command -v ssh-keygen >/dev/null || {
			printf 'cannot make %s: this host has no ssh-keygen\n' "$file" >&2
			exit 1
		}
		if ! said=$(ssh-keygen -q -t "$type" -N '' -f "$file" 2>&1 </dev/null); then
			# Newer ones know no dsa: nothing is missing then.
			case $said in
			[Uu]nknown\ key\ type* | *unsupported*)
				printf '%s: %s\n' "$file" "$said"
				continue
				;;
			esac
			printf 'cannot make %s: %s\n' "$file" "$said" >&2
			exit 1
		fi
		# RHEL's group for the program that signs for hosts.
		if grep -q '^ssh_keys:' /etc/group; then
			chown root:ssh_keys "$file" && chmod 640 "$file" || exit 1
		fi
		chmod 644 "$file.pub" || exit 1
	done
)

# e_ssh_pwauth value: PasswordAuthentication yes or no, where cloud-init writes it, and the running server told if it changed.
e_ssh_pwauth() (
	e_sshd >/dev/null || {
		printf 'cannot set PasswordAuthentication: this host has no OpenSSH server\n' >&2
		exit 1
	}
	file=/etc/ssh/sshd_config mark=$A_DIR/state.reload-sshd
	! grep -Eqi '^[[:space:]]*Include[[:space:]=]+/etc/ssh/sshd_config\.d/\*\.conf' "$file" || file=/etc/ssh/sshd_config.d/50-cloud-init.conf
	now=$(e_sshd_setting passwordauthentication)
	if [ -z "$now" ] || [ "$now" != "$1" ]; then
		[ "$1" = yes ] || e_has_key || exit 1
		true >"$mark" || exit 1
		e_replace_pwauth "$file" "$1" || exit 1
	fi
	[ -e "$mark" ] || exit 0
	e_reload_sshd && rm -f "$mark"
)

# e_has_key: whether who logged in can do so without a password, too.
e_has_key() {
	e_login
	case $(e_sshd_setting authorizedkeyscommand)$(e_sshd_setting trustedusercakeys)$(e_sshd_setting authorizedkeysfile) in
	'' | nonenone.ssh/authorized_keys*) ;;
	# Keys come from elsewhere.
	*) return 0 ;;
	esac
	A_HOME=$(e_home "$A_LOGIN") &&
		cat "$A_HOME/.ssh/authorized_keys" "$A_HOME/.ssh/authorized_keys2" 2>/dev/null |
		grep -Eq '^([^#].*[[:space:]])?(ssh|ecdsa|sk-ssh|sk-ecdsa)-' && return 0
	printf 'PasswordAuthentication stays: %s, as whom this run logged in, has no SSH key here and could not log in again\n' "$A_LOGIN" >&2
	return 1
}

# e_replace_pwauth file value: in the place of the lines that are there, or at the top, where it is in nobody's Match block and
# counts before others (sshd_config(5): the first value does). What the server would not take is undone.
e_replace_pwauth() {
	A_FILE=$1
	[ -d "${A_FILE%/*}" ] || mkdir -m 755 "${A_FILE%/*}" || return 1
	A_OLD=/dev/null
	[ ! -e "$A_FILE" ] || A_OLD=$A_FILE
	# shellcheck disable=SC2016
	awk -v value="$2" '
		function is_pwauth() { return !in_match && tolower($0) ~ /^[ \t]*passwordauthentication[ \t=]/ }
		NR == FNR { if (tolower($1) == "match") in_match = 1; if (is_pwauth()) found = 1; next }
		FNR == 1 { in_match = 0 }
		tolower($1) == "match" { in_match = 1 }
		FNR == 1 && !found { print "PasswordAuthentication " value }
		is_pwauth() { print "PasswordAuthentication " value; next }
		{ print }
	' "$A_OLD" "$A_OLD" >"$A_RUN/sshd_config" || return 1
	[ -s "$A_OLD" ] || printf 'PasswordAuthentication %s\n' "$2" >"$A_RUN/sshd_config" || return 1
	if [ "$A_OLD" = "$A_FILE" ]; then
		cp -p "$A_FILE" "$A_FILE.anywhere-old" && cp -p "$A_FILE" "$A_FILE.anywhere-new" || return 1
	fi
	cat "$A_RUN/sshd_config" >"$A_FILE.anywhere-new" && mv -f "$A_FILE.anywhere-new" "$A_FILE" || return 1
	A_SAID=$("$(e_sshd)" -t 2>&1) && A_IS=$(e_sshd_setting passwordauthentication) && [ "$A_IS" = "$2" ] && {
		rm -f "$A_FILE.anywhere-old"
		return 0
	}
	# A server that is started for each connection has no folder to check itself with; that does not say anything about its settings.
	case $A_SAID in
	*"privilege separation directory"*)
		rm -f "$A_FILE.anywhere-old"
		return 0
		;;
	esac
	if [ "$A_OLD" = "$A_FILE" ]; then
		mv -f "$A_FILE.anywhere-old" "$A_FILE"
	else
		rm -f "$A_FILE"
	fi
	printf 'PasswordAuthentication %s in %s would not be in effect: %s\n' "$2" "$A_FILE" \
		"${A_SAID:-another file of /etc/ssh/sshd_config.d sets it first}" >&2
	return 1
}

# e_reload_sshd: SIGHUP in one way or another: sessions stay.
e_reload_sshd() {
	if [ -d /run/systemd/system ]; then
		for A_UNIT in ssh sshd; do
			if systemctl --quiet is-active "$A_UNIT.service"; then
				systemctl reload-or-restart "$A_UNIT.service"
				return
			fi
		done
	fi
	if command -v rc-service >/dev/null && rc-service --quiet sshd status >/dev/null 2>&1; then
		rc-service --quiet sshd reload
		return
	fi
	A_FILE=$(e_sshd_setting pidfile)
	A_PID=''
	[ ! -e "${A_FILE:-/run/sshd.pid}" ] || read -r A_PID <"${A_FILE:-/run/sshd.pid}"
	# A server that is started for each connection reads its settings each time.
	[ -n "$A_PID" ] && grep -q sshd "/proc/$A_PID/comm" 2>/dev/null || return 0
	kill -HUP "$A_PID"
}
