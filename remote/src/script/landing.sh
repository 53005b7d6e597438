# shellcheck shell=sh disable=SC2034,SC2154
# What a carrier has run on the host: becomes who the program shall run as, and hands it the program, then whatever else comes. The
# renderer puts the J_* settings and the function j_enter before this text.

J_HERE=${0%/*}
J_BY=''
if [ -n "$J_ROOT" ] && [ "$(id -u)" != 0 ]; then
	if J_SAID=$(LC_ALL=C sudo -n -- /bin/sh -c : 2>&1 </dev/null); then
		J_BY='sudo -n --'
	elif LC_ALL=C doas -n -- /bin/sh -c : >/dev/null 2>&1 </dev/null; then
		J_BY='doas -n --'
	else
		rm -rf "$J_HERE"
		J_SAID=$(printf '%s ' "$J_SAID" | tr '\n' ' ')
		# What the login shell said by itself may have no end of line.
		printf '\nfail privilege %s\n' "$J_SAID"
		exit 1
	fi
fi
{
	cat "$J_HERE/program"
	rm -rf "$J_HERE"
	# Those of Jobs that ended before they could have theirs run: what is in them is secret.
	[ -z "$J_LAST" ] || rm -rf .anywhere.????????????
	exec cat
} | j_enter
