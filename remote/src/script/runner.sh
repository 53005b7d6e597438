# shellcheck shell=sh disable=SC2016,SC2064,SC2154,SC3044
# (texts that are evaluated later are meant; compgen and declare are used in bash only)
# Runs commands: $1 is the folder of the run, which holds the text of the command, $2 the one with shell states, $3 the instance id,
# $4 the boot. Each line of what it is asked (descriptor 6) says: the module, the step, and perhaps the step whose state is to begin
# with; the exit status is told on descriptor 8. Or these three are the further arguments, and it becomes that one command.
# cloud-init runs all entries of runcmd as one script, so the working directory, umask, variables and options of one entry are
# there in the next, and variables that it has unset are not; they are carried from process to process here. The names of this
# program stay out of the command's sight. A state that cannot be written is noted beside the text, as "unsaved".

# a_save options file note: leaves the state in the file, which is there already, for nobody else to read; or the note.
a_save() {
	set +eufxC
	{
		printf 'umask '
		umask
		if [ -n "${BASH_VERSION-}" ]; then
			# bash: some of its variables are read-only and must not be set again; functions can be kept as well.
			for a_n in $(compgen -v); do
				case $a_n in
				BASH* | EUID | PPID | UID | SHELLOPTS | FUNCNAME | DIRSTACK | GROUPS | PIPESTATUS | _ | a_n | LINENO | RANDOM | SRANDOM | SECONDS | EPOCH* | HISTCMD | COMP_*) ;;
				*) declare -p "$a_n" ;;
				esac
			done
			unset -f a_save
			declare -f
		elif [ -n "${KSH_VERSION-}" ]; then
			# mksh: a line for each variable, also for one without a value, and for those that are its own.
			set | sed '/=/!d; /^BASHPID=/d; /^EPOCHREALTIME=/d; /^KSH/d; /^PGRP=/d; /^PIPESTATUS/d; /^PPID=/d; /^RANDOM=/d; /^SECONDS=/d; /^USER_ID=/d; /^_=/d'
			export -p
		else
			set
			export -p
		fi
		printf 'cd "$PWD" 2>/dev/null || cd /\n'
		case $1 in *u*) printf 'set -u\n' ;; esac
		case $1 in *f*) printf 'set -f\n' ;; esac
		case $1 in *x*) printf 'set -x\n' ;; esac
		case $1 in *C*) printf 'set -C\n' ;; esac
		case $1 in *e*) printf 'set -e\n' ;; esac
		printf ':\n'
	} >"$2" 2>/dev/null || printf '' >"$3"
}

# a_become module step from: begins with the state, and gets everything ready for the text; what is left to do is A_TEXT.
a_become() {
	[ "$1" != boot ] || {
		INSTANCE_ID=$a_instance
		export INSTANCE_ID
	}
	umask 077
	printf '' >"$a_dir/state.$2"
	trap "a_rc=\$?; trap - 0; a_save \"\$-\" '$a_dir/state.$2' '$a_run/unsaved'; exit \"\$a_rc\"" 0
	a_text="set --; unset -f a_become; unset a_run a_dir a_instance a_boot a_text a_module a_step a_from a_pid a_up a_stat a_rc; umask 022; "
	[ -z "$3" ] || a_text="${a_text}unset HOME LANG INSTANCE_ID; . '$a_dir/state.$3'; "
	a_text="$a_text. '$a_run/command'"
}

a_run=$1 a_dir=$2 a_instance=$3 a_boot=$4
if [ $# -gt 4 ]; then
	a_become "$5" "$6" "$7"
	eval "$a_text"
	exit
fi
while read -r a_module a_step a_from <&6; do
	(
		exec >>"$a_run/out" 2>>"$a_run/err" 6<&- 8<&-
		a_become "$a_module" "$a_step" "$a_from"
		eval "$a_text"
	) </dev/null &
	a_pid=$!
	read -r a_up a_stat </proc/uptime
	a_stat=''
	{ read -r a_stat; } 2>/dev/null <"/proc/$a_pid/stat"
	# Its fields from the third on; the 22nd is when the process was started.
	set -f
	# shellcheck disable=SC2086
	set -- ${a_stat##*)}
	[ $# -lt 20 ] || {
		shift 19
		printf '%s %s %s %s %s\n' "$a_pid" "${a_up%.*}" "$1" "$a_boot" "$$" >"$a_run/current"
	}
	set +f
	a_rc=0
	wait "$a_pid" || a_rc=$?
	printf '%s\n' "$a_rc" >&8
done
