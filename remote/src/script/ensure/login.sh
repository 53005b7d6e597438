# shellcheck shell=sh disable=SC2034
# Who this run logged in as: locking or expiring that account could shut the next run out. And where users are at home.

# e_login: into A_LOGIN.
e_login() {
	A_LOGIN=''
	{ read -r A_LOGIN; } 2>/dev/null <"$A_RUN/login" || A_LOGIN=$(id -un)
}

# e_home user: the shell knows how to look it up on every host.
e_home() {
	case $1 in
	'' | *[!A-Za-z0-9_.@$-]*) return 1 ;;
	*) A_HOME=$(eval "printf '%s\n' ~$1") ;;
	esac
	case $A_HOME in
	/*) printf '%s\n' "$A_HOME" ;;
	*) return 1 ;;
	esac
}
