# shellcheck shell=sh disable=SC2034,SC2153,SC2154
# (a part of one program: what is set here may be used in another part, and the other way round)
# The proof that nothing is left on a host: what there is now beyond what there was before the first run.

# p_left: facts that are not in the baseline, into $A_RUN/left: how they are told, and perhaps "pod". What could not be looked at
# is no less open for having been so before.
p_left() {
	{
		f_facts
		printf 'end\n'
	} 2>/dev/null >"$A_RUN/facts"
	[ "$(tail -n 1 "$A_RUN/facts")" = end ] || return 1
	A_BASELINE=$A_DIR/baseline awk -F '\t' '
		BEGIN { while ((getline line < ENVIRON["A_BASELINE"]) > 0) was[line] }
		$0 != "end" && !($1 in was) || $1 ~ /^unseen/ { if (!($2 in told)) print $2 "\t" $3; told[$2] }
	' "$A_RUN/facts" >"$A_RUN/left"
}

# p_made: the files that runs made and that are still there.
p_made() {
	[ -e "$A_DIR/journal" ] || return 0
	awk '/\030$/ { next } $1 == "made" && !($3 in told) { told[$3]; print $3 }' "$A_DIR/journal" | while read -r A_NAME; do
		# shellcheck disable=SC2059
		A_PATH=$(printf "$A_NAME" && printf x)
		A_PATH=${A_PATH%x}
		if [ -e "$A_PATH" ] || [ -L "$A_PATH" ]; then printf 'file %s\n' "$A_NAME"; fi
	done
}

# p_prove: fails unless nothing is left, and tells all that is, up to 200 lines. What just ended needs a moment to be gone.
p_prove() {
	A_TELL=201
	A_TRY=0
	while :; do
		p_left || {
			printf 'the proof cannot be made: no space left in %s\n' "$A_RUN" >&2
			return 1
		}
		A_TRY=$((A_TRY + 1))
		if [ "$A_TRY" -ge 5 ] || ! grep -q -E '^(process|port|cgroup|link|unit) ' "$A_RUN/left"; then break; fi
		a_nap
	done
	{
		cut -f 1 "$A_RUN/left"
		p_made
	} >"$A_RUN/findings" || return 1
	[ -s "$A_RUN/findings" ] || return 0
	awk 'NR <= 200 { print $0 ~ /^unseen: / ? $0 : "left: " $0 } END { if (NR > 200) print "and " NR - 200 " more" }' "$A_RUN/findings" >&2
	return 1
}
