# shellcheck shell=sh disable=SC2034,SC2153,SC2154
# (a part of one program: what is set here may be used in another part, and the other way round)
# Contents that the program does not hold. The attached half receives those that this host lacks, before anything runs; the steps of
# the detached half put them in their places. In $A_DIR/content a file is called by its SHA-256 once it is whole, and
# SHA256.PID.BORN while the process with that number, started then, is receiving it; keep.PID.BORN says that what is whole is needed by
# that process, whose run has not begun yet.

A_SUM=''

# a_contents: says what this host lacks, and receives it.
a_contents() {
	for A_TOOL in sha256sum df sort; do
		command -v "$A_TOOL" >/dev/null || a_fail "tool $A_TOOL is not installed there"
	done
	# Exactly so many bytes, and not one more: what follows is for another reader.
	printf x | dd bs=2 count=1 iflag=fullblock >/dev/null 2>&1 || a_fail 'tool dd there has no iflag=fullblock'
	A_STORE=$A_DIR/content A_LACK=' ' A_LEFT=0 A_DONE=' ' A_COPIES=''
	A_MSG=$(mkdir -p "$A_STORE" 2>&1) || a_cannot "$A_STORE" "$A_MSG"
	[ ! -e /sys/fs/selinux/enforce ] || A_COPIES=1
	a_free "$A_STORE" || :
	A_STORE_ON=$A_ON
	a_beat </dev/null 2>/dev/null &
	A_PULSE=$!
	# The connection may be gone: what was received stays, what is ours does not.
	trap a_gone PIPE
	a_born $$
	A_MINE=$$.$A_BORN
	A_MSG=$({ true >"$A_STORE/keep.$A_MINE"; } 2>&1) || a_lacking "$A_MSG"
	[ ! -s "$A_JOURNAL" ] || a_remember
	true >"$A_RUN/wants"
	true >"$A_RUN/room"
	a_needs
	if [ "$A_LEFT" != 0 ]; then
		a_room
		cat "$A_RUN/wants"
		A_FORMS=plain
		! command -v gzip >/dev/null || A_FORMS=gzip
		printf 'send %s\n' "$A_FORMS"
		while [ "$A_LEFT" -gt 0 ]; do
			a_take
			A_LEFT=$((A_LEFT - 1))
		done
	fi
	trap - PIPE
	kill "$A_PULSE" 2>/dev/null
}

# a_beat: says that the connection lives, however long something is hashed or on its way.
a_beat() {
	A_BEAT=0
	while sleep 1 >/dev/null; do
		A_BEAT=$((A_BEAT + 1))
		[ $((A_BEAT % 5)) != 0 ] || printf 'alive\n' || exit
	done
}

# a_gone: nobody listens any more, or nobody sends. What was received is for the next one, unless another engine has ended this plan.
a_gone() {
	kill "$A_PULSE" 2>/dev/null
	rm -f "$A_STORE/keep.$A_MINE"
	A_LINE=''
	[ ! -s "$A_JOURNAL" ] || A_LINE=$(tail -n 1 "$A_JOURNAL")
	case $A_LINE in
	"ran "*" $A_PLAN ok "*)
		rm -f "$A_STORE"/*."$A_MINE"
		rmdir "$A_STORE" 2>/dev/null
		;;
	esac
	rm -rf "$A_RUN"
	exit 1
}

# a_let_go line: the run that was followed has ended so. What we received for it, another engine's run may have had already.
a_let_go() {
	rm -f "$A_DIR/content/keep.$$".*
	case $1 in *" ok "*) ;; *) return 0 ;; esac
	if a_held; then
		case $(tail -n 1 "$A_JOURNAL") in "ran $A_H_RUN "*) ;; *) return 0 ;; esac
	fi
	[ ! -d "$A_DIR/content" ] || a_unstore
}

# a_refuse text: as a_fail, from within receiving.
a_refuse() {
	kill "$A_PULSE" 2>/dev/null
	rm -f "$A_STORE/keep.$A_MINE"
	a_fail "$1"
}

# a_lacking words: as a_cannot, from within receiving.
a_lacking() {
	a_why "$A_STORE" "${1##*: }"
	a_refuse "$A_WHAT $A_WHY"
}

# a_bytes file: its size into A_BYTES, as text: some shells count to 2^31 only.
a_bytes() {
	A_BYTES=$(wc -c <"$1" | tr -d ' ')
}

# a_hash file: its SHA-256 into A_HASH. openssl(1) uses the instructions that CPUs have for it, sha256sum(1) often does not.
a_hash() {
	if [ -z "$A_SUM" ]; then
		A_SUM=sha256sum
		case $(openssl dgst -sha256 -r </dev/null 2>/dev/null) in
		e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\ *) A_SUM=openssl ;;
		esac
	fi
	case $A_SUM in
	openssl) A_HASH=$(openssl dgst -sha256 -r <"$1") ;;
	*) A_HASH=$(sha256sum <"$1") ;;
	esac || return 1
	A_HASH=${A_HASH%% *}
}

# a_is file sha size: whether that file has this content.
a_is() {
	case $1 in /proc/* | /sys/*) return 1 ;; esac
	[ -f "$1" ] && a_bytes "$1" && [ "$A_BYTES" = "$3" ] && a_hash "$1" && [ "$A_HASH" = "$2" ]
}

# a_need id sha size how use path: a step needs this content, unless it ended well; how is "replace" or "append", use is "last" or
# "more" if a later step needs the same. What the target holds already is not sent.
a_need() {
	case $A_DONE in *" $1 "*) return 0 ;; esac
	if [ "$4" = replace ] && a_is "$6" "$2" "$3"; then
		return 0
	fi
	# It is moved into its place unless it has to be copied.
	if a_free "${6%/*}" && { [ "$4$5$A_COPIES" != replacelast ] || [ "$A_ON" != "$A_STORE_ON" ]; }; then
		printf '%s %s 0 %s\n' "$A_FREE" "$3" "$A_ON" >>"$A_RUN/room"
	fi
	case $A_LACK in *" $2 "*) return 0 ;; esac
	if [ -e "$A_STORE/$2" ]; then
		# When the power fails, a file may be there and what is in it not.
		if a_is "$A_STORE/$2" "$2" "$3"; then
			return 0
		fi
		rm -f "$A_STORE/$2"
	fi
	A_LACK="$A_LACK$2 "
	A_LEFT=$((A_LEFT + 1))
	a_inherit "$2"
	a_bytes "$A_STORE/$2.$A_MINE"
	A_HASH=-
	[ "$A_BYTES" = 0 ] || a_hash "$A_STORE/$2.$A_MINE"
	printf 'want %s %s %s\n' "$2" "$A_BYTES" "$A_HASH" >>"$A_RUN/wants"
	! a_free "$A_STORE" || printf '%s %s %s %s\n' "$A_FREE" "$3" "$A_BYTES" "$A_ON" >>"$A_RUN/room"
}

# a_inherit sha: what was received of it before becomes ours: a file of a process that is gone is taken over, one of a process that
# still lives (its connection may be dead) is copied.
a_inherit() {
	A_MSG=$({ true >"$A_STORE/$1.$A_MINE"; } 2>&1) || a_lacking "$A_MSG"
	A_BEST=$(for A_B in "$A_STORE/$1".*; do
		[ "$A_B" != "$A_STORE/$1.$A_MINE" ] && [ -f "$A_B" ] && a_bytes "$A_B" && printf '%s %s\n' "$A_BYTES" "${A_B##*/}"
	done | sort -n | tail -n 1)
	A_BEST=${A_BEST##* }
	[ -n "$A_BEST" ] || return 0
	if a_receives "$A_BEST"; then
		cp "$A_STORE/$A_BEST" "$A_STORE/$1.$A_MINE" 2>/dev/null || true >"$A_STORE/$1.$A_MINE"
	else
		mv -f "$A_STORE/$A_BEST" "$A_STORE/$1.$A_MINE" 2>/dev/null || true >"$A_STORE/$1.$A_MINE"
	fi
	for A_B in "$A_STORE/$1".*; do
		[ "$A_B" = "$A_STORE/$1.$A_MINE" ] || a_receives "${A_B##*/}" || rm -f "$A_B"
	done
}

# a_room: fails unless there is space for what is to come: each content in the store until it is in its place, and once more where
# it has to be copied there.
a_room() {
	# shellcheck disable=SC2016
	A_MSG=$(awk '
		{ on = $0; sub(/^[^ ]* [^ ]* [^ ]* /, "", on); free[on] = $1 * 1024; need[on] += $2 - $3 }
		END { for (on in need) if (need[on] > free[on]) { printf "%.0f bytes are needed on %s, %.0f are free", need[on], on, free[on]; exit } }
	' "$A_RUN/room")
	[ -z "$A_MSG" ] || a_refuse "space no space is left: $A_MSG"
}

# a_free path: kibibytes that are free where it is or will be, into A_FREE, and where that is mounted into A_ON.
a_free() {
	A_B=$1
	while [ -n "$A_B" ] && [ ! -d "$A_B" ]; do A_B=${A_B%/*}; done
	A_ON=$(df -P -k -- "${A_B:-/}" 2>/dev/null | tail -n 1)
	# shellcheck disable=SC2086
	set -- $A_ON
	A_FREE=$4
	case $A_FREE in '' | *[!0-9]*) return 1 ;; esac
	A_ON=${A_ON##*% }
}

# a_take: receives one content. The engine says which, from which byte on, and how many bytes it has in all; then come blocks.
a_take() {
	A_WORD=''
	IFS=' ' read -r A_WORD A_SHA A_AT A_SIZE || a_gone
	[ "$A_WORD" = content ] || a_gone
	A_PART=$A_STORE/$A_SHA.$A_MINE A_MSG=''
	[ "$A_AT" != 0 ] || true >"$A_PART"
	while IFS=' ' read -r A_WORD A_BYTES A_COUNT || a_gone; do
		case $A_WORD in
		plain) a_exactly "$A_BYTES" "$A_COUNT" >>"$A_PART" || A_MSG=1 ;;
		gzip) a_exactly "$A_BYTES" "$A_COUNT" | gzip -d -c 2>/dev/null >>"$A_PART" || A_MSG=1 ;;
		end) break ;;
		*) a_gone ;;
		esac
	done
	# If it was the connection that failed, this is not reached.
	[ -z "$A_MSG" ] || a_lacking 'is there space left?'
	a_is "$A_PART" "$A_SHA" "$A_SIZE" || {
		rm -f "$A_PART"
		printf 'bad %s\n' "$A_SHA"
		a_gone
	}
	A_MSG=$(mv -f "$A_PART" "$A_STORE/$A_SHA" 2>&1) || a_lacking "$A_MSG"
	printf 'got %s\n' "$A_SHA"
}

# a_exactly bytes count: copies so many blocks of so many bytes, and takes not a byte more.
a_exactly() {
	dd bs="$1" count="$2" iflag=fullblock 2>/dev/null
}

# a_settle path mode owner: the file is there already with its content; an empty owner is root:root, if we are root.
a_settle() {
	if [ -n "$3" ]; then
		chown "$3" "$1" || return 1
	elif [ "$(id -u)" = 0 ]; then
		chown 0:0 "$1" || return 1
	fi
	chmod "$2" "$1"
}

# a_fill sha use owner: the content, into the file that a_open made. It is moved there, with its owner, where that leaves a file as
# good as a new one: not where the security label comes from the folder.
a_fill() {
	A_CONTENT=$A_DIR/content/$1
	if [ ! -f "$A_CONTENT" ]; then
		printf 'the content was there when the run began, and is gone: run the same command again\n' >&2
		return 1
	fi
	if [ -n "$A_PLACE" ]; then
		# What is written in place takes it from there; a copy would be in memory.
		ln -sf "$A_CONTENT" "$A_TEMP"
		return
	fi
	if [ "$2" != last ] || [ -e /sys/fs/selinux/enforce ]; then
		cat "$A_CONTENT" >>"$A_TEMP"
		return
	fi
	[ -z "$3" ] || chown "$3" "$A_CONTENT" || return 1
	mv -f "$A_CONTENT" "$A_TEMP"
}
