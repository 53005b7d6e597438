# shellcheck shell=sh disable=SC2154
# yum_repos, zypper, apk_repos

# e_repository yum|zypper|apk path text: a file about repositories. One with its name that the distribution brought stays.
e_repository() {
	case $1 in
	yum) e_has dnf || e_has yum ;;
	*) e_has "$1" ;;
	esac || {
		printf 'there is no %s on this host\n' "$1" >&2
		return 1
	}
	A_HEAD='# Made from cloud-init user-data.'
	if [ "$1" != apk ] && [ -e "$2" ] && [ "$(head -n 1 "$2")" != "$A_HEAD" ]; then
		printf '%s is there and stays as it is\n' "$2"
		return 0
	fi
	e_file "$2" "$A_HEAD
$3" || return 1
	rm -f "$A_RUN/updated"
}
