# shellcheck shell=sh disable=SC2154
# apt

# e_apt_only: this module is for hosts that have apt.
e_apt_only() {
	e_has apt-get || {
		printf 'there is no apt-get on this host\n' >&2
		return 1
	}
}

# e_apt_file path content
e_apt_file() {
	e_apt_only || return 1
	e_file "$1" "$2"
}

# e_apt_mirror primary|security: the first such mirror in the host's own sources, of either form (sources.list(5)).
e_apt_mirror() {
	cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null | awk -v want="$1" '
		function take(uri, suite) { if ((suite ~ /-security|\/updates/) == (want == "security") && !found++) print uri }
		$1 == "deb" { sub(/\[[^]]*\]/, ""); take($2, $3) }
		$1 == "URIs:" { uri = $2 }
		$1 == "Suites:" { suite = $2; if (uri != "") take(uri, suite); uri = "" }'
}

# e_apt_source file append|replace text: the lines are in the file, or are all of it. $RELEASE, $PRIMARY and $SECURITY stand for
# what this host is.
e_apt_source() {
	e_apt_only || return 1
	# shellcheck disable=SC1091
	A_RELEASE=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-}")
	A_PRIMARY=$(e_apt_mirror primary)
	A_SECURITY=$(e_apt_mirror security)
	A_SECURITY=${A_SECURITY:-$A_PRIMARY}
	# shellcheck disable=SC2016
	case $A_RELEASE:$3 in
	:*'$RELEASE'*)
		printf 'the release of this host has no VERSION_CODENAME in /etc/os-release\n' >&2
		return 1
		;;
	esac
	# shellcheck disable=SC2016
	case $A_PRIMARY:$3 in
	:*'$PRIMARY'* | :*'$SECURITY'*)
		printf 'this host has no mirror in its sources that $PRIMARY or $SECURITY could stand for\n' >&2
		return 1
		;;
	esac
	A_TEXT=$(printf '%s\n' "$3" |
		sed "s|\\\$RELEASE|$A_RELEASE|g; s|\\\$PRIMARY|$A_PRIMARY|g; s|\\\$SECURITY|$A_SECURITY|g") || return 1
	if [ "$2" = append ] && [ -e "$1" ]; then
		A_OLD=$(cat "$1") || return 1
		A_NEW=$(printf '%s\n' "$A_TEXT" | grep -vxFf "$1")
		A_TEXT=$A_OLD${A_OLD:+${A_NEW:+'
'}}$A_NEW
	fi
	e_file "$1" "$A_TEXT
" || return 1
	rm -f "$A_RUN/updated"
}

# e_apt_key file id server: the key with that ID or fingerprint, unless the file is there.
e_apt_key() {
	e_apt_only || return 1
	[ ! -s "$1" ] || return 0
	e_has gpg || {
		printf 'there is no gpg on this host, which fetches keys (install gnupg, or give the key itself as key)\n' >&2
		return 1
	}
	A_FOLDER=$A_RUN/gpg
	mkdir -p "$A_FOLDER" || return 1
	A_RC=0
	e_run gpg --homedir "$A_FOLDER" --batch --no-tty --keyserver "$3" --recv-keys "$2" || A_RC=1
	[ "$A_RC" != 0 ] || A_TEXT=$(gpg --homedir "$A_FOLDER" --batch --no-tty --armor --export "$2") || A_RC=1
	gpgconf --homedir "$A_FOLDER" --kill all 2>/dev/null
	rm -rf "$A_FOLDER"
	[ "$A_RC" = 0 ] || return 1
	e_file "$1" "$A_TEXT
"
}

# e_debconf selections: as debconf-set-selections(1) takes them; packages that are there already are configured again.
e_debconf() {
	e_has debconf-set-selections || {
		printf 'there is no debconf-set-selections on this host\n' >&2
		return 1
	}
	printf '%s' "$1" >"$A_RUN/debconf" || return 1
	e_run debconf-set-selections "$A_RUN/debconf" || return 1
	# shellcheck disable=SC2046
	set -- $(sed 's/^[[:space:]]*//; /^#/d; s/[:[:space:]].*//; /^$/d' "$A_RUN/debconf" | sort -u)
	rm -f "$A_RUN/debconf"
	for A_NAME in "$@"; do
		case $(dpkg-query -W -f '${Status}' "$A_NAME" 2>/dev/null) in
		*' ok installed')
			e_run env LC_ALL=C DEBIAN_FRONTEND=noninteractive dpkg-reconfigure --frontend=noninteractive "$A_NAME" || return 1
			;;
		esac
	done
}
