# shellcheck shell=sh disable=SC2154
# snap

# e_snap_only: this module is for hosts that have snapd.
e_snap_only() {
	e_has snap || {
		printf 'there is no snap on this host (is snapd installed?)\n' >&2
		return 1
	}
}

# e_snap command…
e_snap() {
	e_snap_only || return 1
	e_run "$@"
}

# e_snap_ack assertions
e_snap_ack() {
	e_snap_only || return 1
	printf '%s' "$1" >"$A_RUN/assertions" || return 1
	e_run snap ack "$A_RUN/assertions"
}
