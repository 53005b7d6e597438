# shellcheck shell=sh disable=SC2154
# ssh_import_id

# e_ssh_import user id…: the keys that ssh-import-id(1) finds, added as ssh_authorized_keys are. No user: the one that this run logged in
# as.
e_ssh_import() {
	e_has ssh-import-id || {
		printf 'this host has no ssh-import-id: add it to packages, or write the keys in ssh_authorized_keys\n' >&2
		return 1
	}
	A_USER=$1
	shift
	e_run ssh-import-id -o - "$@" >"$A_RUN/imported" || {
		printf 'ssh-import-id cannot fetch the keys of %s\n' "$*" >&2
		return 1
	}
	set -- "$A_USER"
	while IFS= read -r A_LINE; do
		case $A_LINE in ssh-* | ecdsa-* | sk-*) set -- "$@" "$A_LINE" ;; esac
	done <"$A_RUN/imported"
	[ $# -gt 1 ] || {
		printf 'ssh-import-id found no key\n' >&2
		return 1
	}
	e_authorized_keys "$@"
}
