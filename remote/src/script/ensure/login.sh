# shellcheck shell=sh disable=SC2034
# Who this run logged in as: locking or expiring that account could shut the next run out.

# e_login: into A_LOGIN.
e_login() {
	A_LOGIN=''
	{ read -r A_LOGIN; } 2>/dev/null <"$A_RUN/login" || A_LOGIN=$(id -un)
}
