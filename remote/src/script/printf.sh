# shellcheck shell=sh
# (a part of one program)
# A printf that is no process of its own: as an argument of one, every content and command would be seen by whoever lists the
# processes. mksh has none, but it has print, whose octal escapes begin with a zero; here it learns as much of printf as this
# program uses: escapes, %s, and %b alone. Other shells are not even asked, and do not read that text, which they would not
# understand. Its pattern substitution takes a time that grows with the square of the length, so long texts go piece by piece.
[ -z "${KSH_VERSION-}" ] || case $(command -V printf) in
*built*in*) ;;
*)
	case $(command -V print 2>/dev/null) in
	*built*in*)
		eval 'set +U
		printf() {
			[ "$1" != -- ] || shift
			local f="$1" o= r IFS=\\
			shift
			case $f in
			%s) print -nr -- "$1" && return ;;
			%b) print -n -- "$1" && return ;;
			*%*) ;;
			*\\[0-3]*)
				print -n -- "${f%%\\*}" || return
				set -f
				for r in ${f#*\\}; do print -n -- "\\0$r" || break; done
				set +f
				return
				;;
			esac
			while :; do
				r=$f
				while :; do
					case $r in
					*%s*) o=$o${r%%\%s*}${1//\\/\\\\} r=${r#*\%s} ;;
					*) break ;;
					esac
					[ $# = 0 ] || shift
				done
				o=$o$r
				[ $# != 0 ] || break
			done
			print -n -- "$o"
		}'
		;;
	esac
	;;
esac
