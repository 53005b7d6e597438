# shellcheck shell=sh disable=SC2034,SC2153,SC2154
# (a part of one program: what is set here may be used in another part, and the other way round)
# Files take their places whole, and are remembered.

# a_open path name owner: the file that the content goes to, as A_TEMP: beside its target, so that it takes its place in one
# step and the security label of that folder. $2 is the path as the journal writes it; behind a symbolic link it is the target
# that is made, and noted.
a_open() {
	A_PATH=$1 A_NAME=$2 A_AT=$1
	if [ -d "$A_PATH" ]; then
		printf '%s is a directory\n' "$A_PATH" >&2
		return 1
	fi
	if [ -L "$A_PATH" ]; then
		A_PATH=$(readlink -f -- "$1" && printf x) || return 1
		A_PATH=${A_PATH%?x}
		A_NAME=$(printf '%s' "$A_PATH" | od -A n -v -t o1 | tr -d '\n' | sed 's/  */\\/g')
	fi
	A_MADE=0
	a_folder "${A_PATH%/*}" "$3" || return 1
	[ "$#" -lt 4 ] || [ -n "$A_DIRECT" ] || a_stage "$1" "$3" "$4" || return 1
	[ -e "$A_PATH" ] || a_note "made $A_MADE $A_NAME"
	A_PLACE=
	case $A_PATH in
	/proc/* | /sys/*) A_PLACE=1 ;;
	*) [ ! -e "$A_PATH" ] || [ -f "$A_PATH" ] || A_PLACE=1 ;;
	esac
	A_TEMP=${A_PATH%/*}/.anywhere.$A_STEP_ID
	[ -z "$A_PLACE" ] || A_TEMP=$A_RUN/content
	[ -z "$A_STAGE" ] || A_TEMP=$A_STAGE/${A_PATH##*/}
	{ [ ! -e "$A_TEMP" ] && [ ! -L "$A_TEMP" ]; } || rm -f "$A_TEMP"
	set -C
	true >"$A_TEMP" || {
		set +C
		return 1
	}
	set +C
}

# a_stage path owner mode: files of one folder, owner and mode that follow one another are written into a folder in there, and take
# their places together, by few processes: a_place. Fails for one that has to go its own way, A_DIRECT.
a_stage() {
	case $A_PATH in
	/proc/* | /sys/*) A_DIRECT=1 ;;
	"$1") [ ! -e "$A_PATH" ] || [ -f "$A_PATH" ] || A_DIRECT=1 ;;
	*) A_DIRECT=1 ;;
	esac
	[ -z "$A_DIRECT" ] || return 1
	[ -z "$A_STAGE" ] || return 0
	A_FOLDER=${A_PATH%/*}/.anywhere.$A_UID
	# What is there was left by a run that was killed.
	{ [ ! -e "$A_FOLDER" ] && [ ! -L "$A_FOLDER" ]; } || rm -rf "$A_FOLDER" || return 1
	mkdir -- "$A_FOLDER" || return 1
	A_STAGE=$A_FOLDER A_STAGE_OWNER=$2 A_STAGE_MODE=$3 A_PENDING=''
}

# a_folder path owner: makes the folders that are missing, as mkdir -p does, counts them, and gives them that owner.
a_folder() {
	{ [ -n "$1" ] && [ ! -d "$1" ]; } || return 0
	a_folder "${1%/*}" "$2" || return 1
	mkdir -m 755 -- "$1" || return 1
	A_MADE=$((A_MADE + 1))
	[ -z "$2" ] || chown "$2" "$1"
}

# a_close mode owner: the content is complete. An empty owner is root:root, which a new file of ours is already, unless the
# folder hands its own group down.
a_close() {
	if [ -n "$A_STAGE" ] && [ "$A_TEMP" = "$A_STAGE/${A_PATH##*/}" ]; then
		A_STAGED=1 A_PENDING="$A_PENDING $A_STEP $A_STEP_ID"
		eval "A_TEMP_$A_STEP=\$A_TEMP A_NAME_$A_STEP=\$A_STEP_NAME"
		return 0
	fi
	if [ -n "$A_PLACE" ]; then
		cat "$A_TEMP" >"$A_PATH" || return 1
		rm -f "$A_TEMP"
		return 0
	fi
	if [ -n "$2" ]; then
		chown "$2" "$A_TEMP" || return 1
	elif [ -g "${A_PATH%/*}/" ]; then
		chown 0:0 "$A_TEMP" || return 1
	fi
	chmod "$1" "$A_TEMP" || return 1
	mv -f "$A_TEMP" "$A_PATH"
}

# a_place: the staged files take their places, and their steps end. What does not succeed for all is done for each, to know for which
# it does not.
a_place() {
	A_FOLDER=${A_STAGE%/*}/
	[ -n "$A_STAGE_OWNER" ] || [ ! -g "$A_FOLDER" ] || A_STAGE_OWNER=0:0
	set -- "$A_STAGE"/* "$A_STAGE"/.[!.]* "$A_STAGE"/..?*
	for A_B in "$@"; do
		[ ! -e "$A_B" ] || set -- "$@" "$A_B"
		shift
	done
	A_EACH=''
	a_seat "$@" 2>/dev/null || A_EACH=1
	A_OUT=$A_RUN/placed A_ERR=$A_RUN/placing
	# shellcheck disable=SC2086
	set -- $A_PENDING
	while [ $# -gt 0 ]; do
		eval "A_TEMP=\$A_TEMP_$1 A_STEP_NAME=\$A_NAME_$1"
		A_RC=0 A_TELL=10
		if [ -n "$A_EACH" ] && [ -e "$A_TEMP" ]; then
			a_seat "$A_TEMP" 2>"$A_ERR" || A_RC=1
		fi
		a_ended "$1" "$2" "$A_STEP_NAME"
		[ "$A_RC" = 0 ] || [ -n "$A_GO_ON" ] || break
		shift 2
	done
	rm -rf "$A_STAGE"
	A_STAGE='' A_TEMP='' A_OUT=$A_RUN/out A_ERR=$A_RUN/err
}

# a_seat file…: the staged files get owner and mode, and take their places.
a_seat() {
	[ -z "$A_STAGE_OWNER" ] || chown "$A_STAGE_OWNER" "$@" || return 1
	chmod "$A_STAGE_MODE" "$@" && mv -f "$@" "$A_FOLDER"
}

# a_appended path: whether this step has already appended to that file, before it was interrupted.
a_appended() {
	A_SIZE=''
	[ ! -s "$A_DIR/state.$A_STEP_ID" ] || read -r A_SIZE <"$A_DIR/state.$A_STEP_ID"
	[ -n "$A_SIZE" ] && [ -e "$1" ] && [ "$(($(wc -c <"$1")))" = "$((A_SIZE))" ]
}

# a_copy: the file as it is now, before more is appended to it.
a_copy() {
	[ ! -e "$A_PATH" ] || cat "$A_PATH" >>"$A_TEMP"
}

# a_size: what the file will be once it is in its place.
a_size() {
	wc -c <"$A_TEMP" >"$A_DIR/state.$A_STEP_ID"
}

# a_expect path: fails unless it is there.
a_expect() {
	[ -e "$1" ] || {
		printf '%s is not there: the commands ended well, but did not make it\n' "$1" >&2
		return 1
	}
}

# a_undo: removes the files that runs made on this host, last first, and the folders made for them that are empty now.
a_undo() {
	A_RC=0
	[ -e "$A_DIR/journal" ] || return 0
	# shellcheck disable=SC2016
	awk '/\030$/ { next } $1 == "made" { made[++n] = $2 " " $3 } END { while (n) print made[n--] }' "$A_DIR/journal" >"$A_RUN/undo" || return 1
	while read -r A_MADE A_NAME; do
		# shellcheck disable=SC2059
		A_PATH=$(printf "$A_NAME" && printf x)
		A_PATH=${A_PATH%x}
		rm -f -- "$A_PATH" || A_RC=1
		while [ "$A_MADE" -gt 0 ]; do
			A_PATH=${A_PATH%/*}
			A_MADE=$((A_MADE - 1))
			rmdir -- "$A_PATH" 2>/dev/null || break
		done
	done <"$A_RUN/undo"
	return "$A_RC"
}
