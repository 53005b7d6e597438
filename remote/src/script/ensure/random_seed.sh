# shellcheck shell=sh disable=SC2154
# random_seed

# e_random_seed file format: the bytes that the format stands for are at the end of the file.
e_random_seed() {
	# shellcheck disable=SC2059
	printf "$2" >"$A_RUN/content" || return 1
	if [ -f "$1" ]; then
		tail -c "$(($(wc -c <"$A_RUN/content")))" "$1" >"$A_RUN/tail" || return 1
		! cmp -s "$A_RUN/content" "$A_RUN/tail" || return 0
	fi
	cat "$A_RUN/content" >>"$1"
}

# e_seed_command required|optional file command word…
e_seed_command() {
	if ! e_has "$3"; then
		[ "$1" = required ] || return 0
		printf 'there is no %s on this host\n' "$3" >&2
		return 1
	fi
	A_FILE=$2
	shift 2
	e_run env RANDOM_SEED_FILE="$A_FILE" "$@"
}
