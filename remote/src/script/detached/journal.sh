# shellcheck shell=sh disable=SC2034,SC2153,SC2154
# (a part of one program: what is set here may be used in another part, and the other way round)
# What the host remembers, and how others hear of it.

# a_ring: wakes everyone who follows the journal.
a_ring() {
	# Whoever started the run has its pipe in our folder, which may be gone already; it is open as long as there is anybody to hear it.
	[ -z "$A_FRONT" ] || ! kill -0 "$A_FRONT" 2>/dev/null || printf '%s\n' "$1" >&4
	for A_B in "$A_DIR"/bell.*; do
		[ ! -p "$A_B" ] || printf '%s\n' "$1" 1<>"$A_B"
	done
}

# a_note line: one more line of the journal. A host that cannot remember must not go on.
a_note() {
	printf '%s\n' "$1" >&5 || a_stuck "$A_JOURNAL"
	a_ring ''
}

# a_cancel: a last line that is not whole, since the disk was full or the power went, must not be taken for one: what it says may
# be another step, another path, a rerun. Followers may have read it already, so it is not cut off but marked, with the character
# that is for this (ECMA-48, CAN).
a_cancel() {
	[ "$(($(tail -c 1 "$A_JOURNAL" | wc -l)))" = 1 ] || printf '\030\n' >&5 || a_stuck "$A_JOURNAL"
}

# a_here: notes that it is this machine that the host remembers from now on; not before the journal says so.
a_here() {
	A_LINE=''
	{ read -r A_LINE; } 2>/dev/null <"$A_DIR/machine" || :
	[ "$A_LINE" = "$A_MACHINE" ] || printf '%s\n' "$A_MACHINE" >"$A_DIR/machine" || a_stuck "$A_DIR/machine"
}

# a_remember: from the journal: which steps ended well since the last rerun, and which began and never ended, with a question mark
# before it; and with an exclamation mark, if it was not the host that went down then. A rerun knows neither, and what another machine
# did, whose image or backup this one was made from, does not count.
a_remember() {
	# shellcheck disable=SC2016
	A_DONE=" $(A_HERE=$A_MACHINE A_NOW=$A_BOOT awk '
		/\030$/ { next }
		$1 == "run" {
			if ($0 !~ / rerun=0 /) { split("", ended); split("", open) }
			sub(/ by=.*/, "")
			boot = word("boot")
			machine = word("machine")
			foreign = machine != "" && ENVIRON["A_HERE"] != "" && machine != ENVIRON["A_HERE"]
		}
		foreign { next }
		$1 == "begin" { open[$3] = boot == ENVIRON["A_NOW"] ? "kill" : "reboot" }
		$1 == "interrupted" && $4 != "" { open[$3] = $4 }
		$1 == "end" { delete open[$3]; if ($4 == 0) ended[$3] }
		END {
			for (id in ended) printf "%s ", id
			for (id in open) if (!(id in ended)) printf "?%s %s", id, open[id] == "kill" ? "!" id " " : ""
		}
		function word(name, i) {
			for (i = 2; i <= NF; i++) if (index($i, name "=") == 1) return substr($i, length(name) + 2)
			return ""
		}
	' "$A_JOURNAL") "
	[ "$A_MODE" = apply ] && [ -z "$A_RERUN" ] || A_DONE=' '
}
