# shellcheck shell=sh
# users

# e_user name word…: makes the user; one that is there stays as it is. The words are cloud-init's keys: gecos=, homedir=, shell=,
# selinux_user=, uid=, inactive=, expiredate=, primary_group=, groups=, no_create_home, no_log_init, no_user_group, system,
# no_create_groups; and create_home, for a system user.
e_user() (
	e_make_user "$@"
)

e_make_user() {
	name=$1
	shift
	! id -u "$name" >/dev/null 2>&1 || return 0
	groups='' primary='' own=1 home=1 create=1
	for word; do
		case $word in
		groups=*) groups=${word#*=} ;;
		primary_group=*) primary=${word#*=} ;;
		no_user_group) own='' ;;
		no_create_home | system) home='' ;;
		create_home) home=1 ;;
		no_create_groups) create='' ;;
		esac
	done
	if [ -n "$create" ]; then
		IFS=,
		# shellcheck disable=SC2086
		set -f -- "$@"
		for group in $groups $primary; do
			e_group "$group" || return 1
		done
		unset IFS
	fi
	# Whether it is new decides about passwd, also if the host goes down now.
	true >"$A_DIR/state.user-$name" || return 1
	if command -v useradd >/dev/null; then
		e_useradd "$@"
	elif command -v adduser >/dev/null && command -v addgroup >/dev/null; then
		e_adduser "$@"
	else
		printf 'cannot make user %s: this host has neither useradd nor adduser\n' "$name" >&2
		return 1
	fi
}

# e_useradd word…: useradd(8) of the shadow tools. Uses what e_make_user set.
e_useradd() {
	for word; do
		shift
		case $word in
		gecos=*) set -- "$@" --comment "${word#*=}" ;;
		homedir=*) set -- "$@" --home-dir "${word#*=}" ;;
		shell=*) set -- "$@" --shell "${word#*=}" ;;
		selinux_user=*) set -- "$@" --selinux-user "${word#*=}" ;;
		uid=*) set -- "$@" --uid "${word#*=}" ;;
		inactive=*) set -- "$@" --inactive "${word#*=}" ;;
		expiredate=*) set -- "$@" --expiredate "${word#*=}" ;;
		primary_group=*) set -- "$@" --gid "${word#*=}" ;;
		groups=*) set -- "$@" --groups "${word#*=}" ;;
		no_log_init) set -- "$@" --no-log-init ;;
		no_user_group) set -- "$@" --no-user-group ;;
		system) set -- "$@" --system ;;
		esac
	done
	# A group of that name is there already: useradd asks to be told that it is meant.
	[ -n "$primary" ] || [ -z "$own" ] || ! e_is_group "$name" || set -- "$@" --gid "$name"
	if [ -n "$home" ]; then
		set -- "$@" -m
	else
		set -- "$@" -M
	fi
	useradd "$@" "$name"
}

# e_adduser word…: adduser and addgroup of busybox. Uses what e_make_user set.
e_adduser() {
	shell=/bin/sh expires='' inactive=''
	for word; do
		shift
		case $word in
		gecos=*) set -- "$@" -g "${word#*=}" ;;
		homedir=*) set -- "$@" -h "${word#*=}" ;;
		shell=*) shell=${word#*=} ;;
		uid=*) set -- "$@" -u "${word#*=}" ;;
		inactive=*) inactive=${word#*=} ;;
		expiredate=*) expires=$(TZ=UTC0 date -d "${word#*=}" +%s) || return 1 ;;
		system) set -- "$@" -S ;;
		selinux_user=*)
			printf 'cannot give %s an SELinux user: this host has no useradd\n' "$name" >&2
			return 1
			;;
		esac
	done
	if [ -n "$primary" ]; then
		set -- "$@" -G "$primary"
	elif [ -z "$own" ]; then
		set -- "$@" -G users
	elif e_is_group "$name"; then
		set -- "$@" -G "$name"
	fi
	[ -n "$home" ] || set -- "$@" -H
	adduser -D -s "$shell" "$@" "$name" || return 1
	[ -z "$inactive" ] || e_set_shadow "$name" 7 "$inactive" || return 1
	[ -z "$expires" ] || e_set_shadow "$name" 8 $((expires / 86400)) || return 1
	[ -z "$groups" ] || (
		IFS=,
		for group in $groups; do
			addgroup "$name" "$group" || exit 1
		done
	)
}
