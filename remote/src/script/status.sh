# shellcheck shell=sh disable=SC2034,SC2153,SC2154
# (a part of one program: what is set here may be used in another part, and the other way round)
# Tells what the host remembers; changes nothing there.
a_boot
a_uptime
a_machine
printf '\nanywhere 1 %s %s %s\n' "$A_BOOT" "$A_UP" "$A_MACHINE"
a_paths
[ -z "$A_FACTS" ] || h_facts
[ "$A_MODE" != doctor ] || d_findings
rm -rf "$A_RUN"
# Who only looks leaves not even the empty folder that was made for it.
[ "$A_MODE" != doctor ] || rmdir "${A_RUN%/*}" 2>/dev/null
if [ "$A_MODE" = facts ]; then
	printf '.\n'
	exit 0
fi
if [ ! -s "$A_DIR/owner" ]; then
	a_clean
	printf 'clean\n.\n'
	exit 0
fi
if [ "$A_MODE" = log ]; then
	[ ! -e "$A_DIR/log" ] || sed 's/^/| /' "$A_DIR/log"
	printf '\n.\n'
	exit 0
fi
IFS= read -r A_LINE <"$A_DIR/owner"
printf 'owner %s\n' "$A_LINE"
! a_held || printf 'held %s\n' "$A_H_TEXT"
for A_JOURNAL in "$A_DIR/journal" "$A_DIR/reset"; do
	[ ! -s "$A_JOURNAL" ] || {
		printf 'journal %s\n' "${A_JOURNAL##*/}"
		# A last line that is not whole does not count, nor what was marked as such.
		{ cat "$A_JOURNAL" && printf '\030\n'; } | awk '/\030$/ { next } $1 == "run" { n = 0 } { line[++n] = $0 } END { for (i = 1; i <= n; i++) print line[i] }'
	}
done
printf '.\n'
