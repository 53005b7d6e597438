# shellcheck shell=sh
# passwd of Ignition configs: what cloud-init's users and groups have no words for. Each function is a subshell.

# e_tool program…: the first of these that the host has, into A_TOOL.
e_tool() {
	for A_TOOL; do
		! command -v "$A_TOOL" >/dev/null || return 0
	done
	printf 'this host has no %s\n' "$1" >&2
	return 1
}

# e_passwd name field: that field, from 1, of the user's line in passwd(5).
e_passwd() {
	awk -F: -v name="$1" -v field="$2" '$1 == name { print $field; exit }' /etc/passwd
}

# e_ignition_user name word…: the words are those of e_user. A user that is there is changed where it differs; groups are added to
# those that it has.
e_ignition_user() (
	e_login
	case $1 in
	"$A_LOGIN")
		for word; do
			case $word in
			shell=*/nologin | shell=*/false)
				printf 'this run logged in as %s, whom that shell would shut out\n' "$1" >&2
				exit 1
				;;
			esac
		done
		;;
	esac
	if ! id -u "$1" >/dev/null 2>&1; then
		e_make_user "$@" && e_chpasswd "$1:*" hash
		exit
	fi
	name=$1 groups=''
	shift
	for word; do
		shift
		value=${word#*=}
		case $word in
		gecos=*) [ "$(e_passwd "$name" 5)" = "$value" ] || set -- "$@" -c "$value" ;;
		homedir=*) [ "$(e_passwd "$name" 6)" = "$value" ] || set -- "$@" -m -d "$value" ;;
		shell=*) [ "$(e_passwd "$name" 7)" = "$value" ] || set -- "$@" -s "$value" ;;
		uid=*) [ "$(id -u "$name")" = "$value" ] || set -- "$@" -u "$value" ;;
		primary_group=*) [ "$(id -gn "$name")" = "$value" ] || set -- "$@" -g "$value" ;;
		groups=*) groups=$value ;;
		esac
	done
	if [ $# != 0 ]; then
		e_tool usermod && usermod "$@" "$name" || exit 1
	fi
	IFS=,
	for group in $groups; do
		e_members "$group" "$name" || exit 1
	done
)

# e_no_user name: with its home.
e_no_user() (
	id -u "$1" >/dev/null 2>&1 || exit 0
	e_login
	if [ "$1" = "$A_LOGIN" ] || [ "$(id -u "$1")" = 0 ]; then
		printf '%s stays: this run logged in as it, or it is root\n' "$1" >&2
		exit 1
	fi
	e_tool userdel deluser || exit 1
	case $A_TOOL in
	userdel) userdel --remove "$1" ;;
	*) deluser --remove-home "$1" ;;
	esac
)

# e_ignition_group name gid system
e_ignition_group() (
	if e_is_group "$1"; then
		[ -n "$2" ] && [ "$(awk -F: -v name="$1" '$1 == name { print $3 }' /etc/group)" != "$2" ] || exit 0
		e_tool groupmod && groupmod -g "$2" "$1"
		exit
	fi
	e_tool groupadd addgroup || exit 1
	case $A_TOOL in
	groupadd) groupadd ${2:+-g "$2"} ${3:+--system} "$1" ;;
	*) addgroup ${2:+-g "$2"} ${3:+-S} "$1" ;;
	esac
)

# e_no_group name
e_no_group() (
	e_is_group "$1" || exit 0
	e_tool groupdel delgroup && "$A_TOOL" "$1"
)

# e_group_password name:hash: through chgpasswd(8)'s stdin.
e_group_password() (
	[ "$(awk -F: -v name="${1%%:*}" '$1 == name { print $2 }' /etc/gshadow 2>/dev/null)" != "${1#*:}" ] || exit 0
	e_tool chgpasswd && printf '%s\n' "$1" | chgpasswd -e
)
