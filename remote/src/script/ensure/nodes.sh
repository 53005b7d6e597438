# shellcheck shell=sh
# storage.directories, storage.links and storage.files without contents, of Ignition configs

# e_own path mode owner: where they are given.
e_own() {
	[ -z "$3" ] || chown "$3" "$1" || return 1
	[ -z "$2" ] || chmod "$2" "$1"
}

# e_directory path mode owner
e_directory() {
	[ -d "$1" ] || (umask 022 && mkdir -p -- "$1") || return 1
	e_own "$1" "$2" "$3"
}

# e_ignition_file path mode owner: what is in a file that is there stays.
e_ignition_file() {
	if [ ! -e "$1" ]; then
		(umask 022 && mkdir -p -- "${1%/*}/" && true >>"$1") || return 1
	elif [ ! -f "$1" ]; then
		printf '%s is there, and not a file\n' "$1" >&2
		return 1
	fi
	e_own "$1" "$2" "$3"
}

# e_link path target kind overwrite owner
e_link() {
	# shellcheck disable=SC3013
	if [ "$3" = hard ]; then
		[ "$1" -ef "$2" ] && [ ! -L "$1" ] && return 0
	elif [ -L "$1" ] && [ "$(readlink -- "$1")" = "$2" ]; then
		[ -z "$5" ] || chown -h "$5" "$1"
		return
	fi
	if [ -d "$1" ] && [ ! -L "$1" ]; then
		printf '%s is there, and a directory\n' "$1" >&2
		return 1
	elif [ -e "$1" ] || [ -L "$1" ]; then
		# A link to what the target was before it was written once more is as good as none.
		[ -n "$4" ] || { [ "$3" = hard ] && cmp -s -- "$1" "$2"; } || {
			printf '%s is there, and another one; it is replaced only with overwrite\n' "$1" >&2
			return 1
		}
		rm -f -- "$1" || return 1
	fi
	(umask 022 && mkdir -p -- "${1%/*}/") || return 1
	if [ "$3" = hard ]; then
		ln -- "$2" "$1"
		return
	fi
	ln -s -- "$2" "$1" || return 1
	[ -z "$5" ] || chown -h "$5" "$1"
}
