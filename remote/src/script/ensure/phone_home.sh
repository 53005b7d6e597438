# shellcheck shell=sh disable=SC2016,SC2154
# phone_home

# e_phone_home url tries what…: a form is posted there. The URL goes to curl in a file, so that no other process sees it.
e_phone_home() {
	e_has curl || {
		printf 'this host has no curl to call home with\n' >&2
		return 1
	}
	A_URL=$1 A_TRIES=$2
	shift 2
	case $A_URL in *'$INSTANCE_ID'*) A_URL=${A_URL%%'$INSTANCE_ID'*}$(printf '%s' "$A_INSTANCE" | e_url)${A_URL#*'$INSTANCE_ID'} ;; esac
	printf 'url = "%s"\nsilent\nshow-error\nfail\nmax-time = 30\ndata = "@%s"\noutput = "/dev/null"\n' "$A_URL" "$A_RUN/form" >"$A_RUN/call" ||
		return 1
	A_AND=''
	for A_WHAT; do
		printf '%s%s=' "$A_AND" "$A_WHAT"
		case $A_WHAT in
		pub_key_*) cat "/etc/ssh/ssh_host_${A_WHAT#pub_key_}_key.pub" 2>/dev/null || printf 'N/A' ;;
		instance_id) printf '%s' "$A_INSTANCE" ;;
		hostname) uname -n ;;
		fqdn) hostname -f 2>/dev/null || uname -n ;;
		esac | e_url
		A_AND='&'
	done >"$A_RUN/form" || return 1
	A_TRY=1
	while ! e_run curl --config "$A_RUN/call"; do
		[ "$A_TRY" -lt "$A_TRIES" ] || {
			printf 'nobody was reached in %s tries\n' "$A_TRY" >&2
			return 1
		}
		A_TRY=$((A_TRY + 1))
		sleep 3
	done
	rm -f "$A_RUN/call" "$A_RUN/form"
}

# e_url: standard input, without the last line's end, as a form has it.
e_url() {
	od -A n -v -t o1 | tr -s ' ' '\n' | awk '
		function decimal(octal, n, i) { for (i = 1; i <= length(octal); i++) n = n * 8 + substr(octal, i, 1); return n }
		NF { byte[++n] = decimal($1) }
		END {
			if (byte[n] == 10) n--
			for (i = 1; i <= n; i++) {
				c = byte[i]
				if ((c >= 48 && c <= 57) || (c >= 65 && c <= 90) || (c >= 97 && c <= 122) || c == 45 || c == 46 || c == 95) printf "%c", c
				else printf "%%%02X", c
			}
		}'
}
