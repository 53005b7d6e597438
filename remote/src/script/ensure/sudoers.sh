# shellcheck shell=sh
# sudo and doas rules of users

# e_rules file user rules check…: adds the user's rules to a file that the program "check…" finds right, as cloud-init does: what
# is there stays.
e_rules() {
	A_FILE=$1 A_USER=$2 A_RULES=$3
	shift 3
	[ ! -e "$A_FILE" ] || cat "$A_FILE" >"$A_RUN/rules" || return 1
	[ -e "$A_FILE" ] || printf '# Made by anywhere from the users of cloud-config\n' >"$A_RUN/rules" || return 1
	# Whole lines, one after the other, in the same order.
	# shellcheck disable=SC2016
	A_RULES=$A_RULES awk '
		BEGIN { n = split(ENVIRON["A_RULES"], want, "\n") - 1; at = 1 }
		{ at = ($0 == want[at]) ? at + 1 : ($0 == want[1]) + 1; if (at > n) { found = 1; exit } }
		END { exit !found }
	' "$A_RUN/rules" && return 0
	printf '\n%s' "$A_RULES" >>"$A_RUN/rules" || return 1
	if command -v "$1" >/dev/null; then
		"$@" "$A_RUN/rules" >"$A_RUN/checked" 2>&1 || {
			printf 'the rules of %s are not valid:\n' "$A_USER" >&2
			cat "$A_RUN/checked" >&2
			return 1
		}
	fi
	# A name with a dot is none of sudo's files until it is complete.
	A_NEW=${A_FILE%/*}/.anywhere.new
	rm -f "$A_NEW"
	cat "$A_RUN/rules" >"$A_NEW" && chmod 0440 "$A_NEW" && chown 0:0 "$A_NEW" && mv -f "$A_NEW" "$A_FILE"
}

# e_sudoers user rule…
e_sudoers() (
	if [ -e /etc/sudoers ] && ! grep -Eq '^[#@]includedir[[:space:]]+/etc/sudoers\.d/?[[:space:]]*$' /etc/sudoers; then
		# Appended through the file itself: its mode and owner are the distribution's.
		printf '\n#includedir /etc/sudoers.d\n' >>/etc/sudoers || exit 1
	fi
	[ -d /etc/sudoers.d ] || mkdir -m 750 /etc/sudoers.d || exit 1
	user=$1
	shift
	rules=$(
		printf '# User rules for %s\n' "$user"
		for rule; do
			printf '%s %s\n' "$user" "$rule"
		done
	)
	e_rules /etc/sudoers.d/90-cloud-init-users "$user" "$rules
" visudo -c -q -f
)

# e_doas user rule…: Alpine's doas reads /etc/doas.d as well, but only what ends in .conf; the others know one file.
e_doas() (
	file=/etc/doas.conf
	[ ! -d /etc/doas.d ] || file=/etc/doas.d/cloud-init.conf
	user=$1
	shift
	rules=$(
		printf '# cloud-init User rules for %s\n' "$user"
		for rule; do
			printf '%s\n' "$rule"
		done
	)
	e_rules "$file" "$user" "$rules
" doas -C
)
