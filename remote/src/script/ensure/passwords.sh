# shellcheck shell=sh
# passwd, hashed_passwd, plain_text_passwd, lock_passwd, chpasswd, password

# e_first_password name:hash…: only if this plan made the user.
e_first_password() {
	A_NEW=$A_DIR/state.user-${1%%:*}
	[ -e "$A_NEW" ] || return 0
	e_password "$@" && rm -f "$A_NEW"
}

# e_password name:password kind expire lock: kind is hash or text; expire: to be changed at the next login; lock: a locked
# account with that password is left locked.
e_password() (
	name=${1%%:*} password=${1#*:}
	id -u "$name" >/dev/null 2>&1 || {
		printf 'cannot set the password of %s: there is no such user\n' "$name" >&2
		exit 1
	}
	e_login
	if [ -n "$3" ] && [ "$name" = "$A_LOGIN" ]; then
		printf 'this run logged in as %s, whom an expired password would shut out: set chpasswd.expire to false\n' "$name" >&2
		exit 1
	fi
	now=$(e_shadow "$name" 2)
	bare=$(printf '%s\n' "$now" | sed 's/^[!*]*\([$].*\)/\1/')
	[ -z "$4" ] || now=$bare
	if [ "$now" = "$password" ]; then
		:
	elif [ "$2" = text ] && e_matches "$password" "$bare"; then
		[ "$now" = "$bare" ] || e_chpasswd "$name:$bare" hash || exit 1
	else
		e_chpasswd "$1" "$2" || exit 1
	fi
	[ -n "$3" ] && [ "$(e_shadow "$name" 3)" != 0 ] || exit 0
	if command -v chage >/dev/null; then
		chage -d 0 "$name"
	else
		e_set_shadow "$name" 3 0
	fi
)

# e_matches password hash: whether it is that password's hash. Not known without perl, or busybox's mkpasswd and SHA-512: then it
# is not, and is set once more.
e_matches() {
	[ -n "$2" ] || return 1
	# shellcheck disable=SC2016
	if command -v perl >/dev/null; then
		printf '%s\n%s\n' "$1" "$2" |
			perl -e 'chomp(my ($p, $h) = <STDIN>); my $c = crypt($p, $h); exit !(defined $c && $c eq $h)' 2>/dev/null
	else
		A_SALT=${2#'$6$'}
		[ "$A_SALT" != "$2" ] && command -v mkpasswd >/dev/null &&
			[ "$(printf '%s\n' "$1" | mkpasswd -m sha512 -P 0 -S "${A_SALT%%'$'*}" 2>/dev/null)" = "$2" ]
	fi
}

# e_lock name how keys: no password opens the account. how: yes; no: the lock is taken off if there is a password under it; default:
# as yes, but not for the user that this run logged in as. keys: SSH keys shall open it all the same, which a server without PAM
# refuses where the field begins with an exclamation mark (sshd(8), "locked").
e_lock() (
	now=$(e_shadow "$1" 2)
	if [ "$2" = no ]; then
		hash=$(printf '%s\n' "$now" | sed 's/^[!*]*//')
		case $hash in
		"$now") ;;
		'$'*) e_chpasswd "$1:$hash" hash ;;
		esac
		exit
	fi
	e_login
	if [ "$2" = default ] && [ "$1" = "$A_LOGIN" ]; then
		printf '%s keeps its password: this run logged in as it, and lock_passwd is not written\n' "$1"
		exit 0
	fi
	mark='!'
	[ -z "$3" ] || [ "$(e_sshd_setting usepam)" != no ] || mark='*'
	case $now in
	"$mark"* | '*'*) ;;
	'!'*) e_chpasswd "$1:*$(printf '%s\n' "$now" | sed 's/^!*\**//')" hash ;;
	*) e_chpasswd "$1:$mark$now" hash ;;
	esac
)
