# shellcheck shell=sh
# resolv_conf

# e_resolv_conf text: where the file is a link, it is another program's.
e_resolv_conf() {
	if [ -L /etc/resolv.conf ]; then
		printf '/etc/resolv.conf is a link to %s, whose owner would undo a change\n' "$(readlink /etc/resolv.conf)" >&2
		return 1
	fi
	e_file /etc/resolv.conf "$1"
}
