# shellcheck shell=sh disable=SC2016,SC2064,SC2154,SC3044
# (texts that are evaluated later are meant; compgen and declare are used in bash only)
# Runs one command: $1 is its text, $2 the shell state to begin with (or nothing), $3 where the state goes when it ends.
# cloud-init runs all entries of runcmd as one script, so the working directory, umask, variables and options of one entry are
# there in the next, and variables that it has unset are not; they are carried from process to process here. The names of this
# program stay out of the command's sight. A state that cannot be written is noted beside the text, as "unsaved".
a_save() {
	set +eufx
	umask 077
	{
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
		printf 'umask %s\ncd "$PWD" 2>/dev/null || cd /\n' "$1"
		case $2 in *u*) printf 'set -u\n' ;; esac
		case $2 in *f*) printf 'set -f\n' ;; esac
		case $2 in *x*) printf 'set -x\n' ;; esac
		case $2 in *e*) printf 'set -e\n' ;; esac
		printf ':\n'
	} >"$3" 2>/dev/null || printf '' >"$4"
}
trap "a_rc=\$?; trap - 0; a_save \"\$(umask)\" \"\$-\" '$3' '${1%/*}/unsaved'; exit \"\$a_rc\"" 0
if [ -n "$2" ]; then
	eval "set --; umask 022; unset HOME LANG INSTANCE_ID; . '$2'; . '$1'"
else
	eval "set --; umask 022; . '$1'"
fi
