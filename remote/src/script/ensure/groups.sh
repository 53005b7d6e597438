# shellcheck shell=sh
# groups, and the groups of users. Each function is a subshell: what it sets is its own.

# e_is_group name
e_is_group() {
	if command -v getent >/dev/null; then
		getent group "$1" >/dev/null
	else
		awk -F: -v name="$1" '$1 == name { found = 1 } END { exit !found }' /etc/group
	fi
}

# e_group name
e_group() (
	! e_is_group "$1" || exit 0
	if command -v groupadd >/dev/null; then
		groupadd "$1"
	elif command -v addgroup >/dev/null; then
		addgroup "$1"
	else
		printf 'cannot make group %s: this host has neither groupadd nor addgroup\n' "$1" >&2
		exit 1
	fi
)

# e_members group user…
e_members() (
	group=$1
	shift
	for user; do
		groups=$(id -nG "$user" 2>/dev/null) || {
			printf 'cannot add %s to group %s: there is no such user\n' "$user" "$group" >&2
			exit 1
		}
		case " $groups " in *" $group "*) continue ;; esac
		if command -v usermod >/dev/null; then
			usermod -a -G "$group" "$user" || exit 1
		elif command -v addgroup >/dev/null; then
			addgroup "$user" "$group" || exit 1
		else
			printf 'cannot add %s to group %s: this host has neither usermod nor addgroup\n' "$user" "$group" >&2
			exit 1
		fi
	done
)
