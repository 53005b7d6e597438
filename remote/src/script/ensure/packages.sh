# shellcheck shell=sh disable=SC2154
# packages, package_update, package_upgrade

# e_manager: the host's package manager, into A_MANAGER.
e_manager() {
	for A_MANAGER in apt-get dnf yum zypper apk; do
		! e_has "$A_MANAGER" || return 0
	done
	printf 'this host has none of the package managers that are supported: apt-get, dnf, yum, zypper, apk\n' >&2
	return 1
}

# e_apt argument…: apt-get as cloud-init runs it: asks nothing, and keeps configuration files that were changed. Waits up to
# five minutes for those who hold its locks, which on a fresh host are its own updates; mends what a crash has left.
e_apt() {
	A_TRY=0
	A_MENDED=''
	while :; do
		A_CODE=0
		true >"$A_RUN/apt"
		e_run env LC_ALL=C DEBIAN_FRONTEND=noninteractive apt-get --quiet --assume-yes \
			-o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@" 2>"$A_RUN/apt" || A_CODE=$?
		[ "$A_CODE" != 0 ] || break
		if [ -z "$A_MENDED" ] && grep -q 'dpkg was interrupted' "$A_RUN/apt"; then
			A_MENDED=1
			e_run env LC_ALL=C DEBIAN_FRONTEND=noninteractive /usr/bin/dpkg --force-confdef --force-confold --configure -a || break
		elif [ "$A_TRY" -lt 300 ] && [ -z "$A_STOPPED" ] && [ ! -e "$A_RUN/expired" ] &&
			grep -qE 'Could not get lock|Unable to lock|Unable to acquire the dpkg|frontend lock' "$A_RUN/apt"; then
			A_TRY=$((A_TRY + 1))
			sleep 1
		else
			break
		fi
	done
	cat "$A_RUN/apt" >&2
	return "$A_CODE"
}

# e_package_update: once a run, unless a source of packages has come since.
e_package_update() {
	e_manager || return 1
	[ ! -e "$A_RUN/updated" ] || return 0
	case $A_MANAGER in
	apt-get) e_apt update ;;
	dnf | yum) e_run "$A_MANAGER" -y makecache ;;
	zypper) e_run zypper --non-interactive refresh ;;
	apk) e_run apk update ;;
	esac || return 1
	true >"$A_RUN/updated"
}

# e_package_upgrade
e_package_upgrade() {
	e_package_update || return 1
	case $A_MANAGER in
	apt-get) e_apt dist-upgrade ;;
	dnf | yum) e_run "$A_MANAGER" -y upgrade ;;
	zypper) e_run zypper --non-interactive update ;;
	apk) e_run apk upgrade --available ;;
	esac
}

# e_packages_apt [name version]…
e_packages_apt() {
	e_has apt-get || {
		printf 'there is no apt-get on this host\n' >&2
		return 1
	}
	e_packages "$@"
}

# e_packages [name version]…: those that are missing, or are there in another version, are installed, all at once.
e_packages() {
	e_manager || return 1
	A_REST=$(($# / 2))
	while [ "$A_REST" -gt 0 ]; do
		A_REST=$((A_REST - 1))
		case $A_MANAGER:$2 in
		*:) A_WANT=$1 ;;
		dnf:* | yum:*) A_WANT=$1-$2 ;;
		*) A_WANT=$1=$2 ;;
		esac
		e_installed "$A_WANT" || set -- "$@" "$A_WANT"
		shift 2
	done
	[ $# -gt 0 ] || return 0
	e_package_update || return 1
	case $A_MANAGER in
	apt-get) e_apt install "$@" ;;
	dnf | yum) e_run "$A_MANAGER" -y install "$@" ;;
	zypper) e_run zypper --non-interactive install "$@" ;;
	apk) e_run apk add "$@" ;;
	esac
}

# e_installed package: whether it is there, in that version if it names one. Better no than a wrong yes: the package manager
# itself leaves alone what is installed.
e_installed() {
	case $A_MANAGER in
	apt-get)
		A_HAVE=$(dpkg-query -W -f '${Status} ${Version}\n' "${1%%[=/]*}" 2>/dev/null) || return 1
		case $1 in
		*/* | *[*?]*) return 1 ;;
		*=*) [ "$A_HAVE" = "install ok installed ${1#*=}" ] || [ "$A_HAVE" = "hold ok installed ${1#*=}" ] ;;
		*) [ "${A_HAVE% ok installed *}" != "$A_HAVE" ] ;;
		esac
		;;
	apk) apk info -e "$1" >/dev/null 2>&1 ;;
	*)
		case $A_MANAGER:$1 in
		zypper:*=*) set -- "${1%%=*}-${1#*=}" ;;
		esac
		rpm -q "$1" >/dev/null 2>&1 || rpm -q --whatprovides "$1" >/dev/null 2>&1
		;;
	esac
}

# e_packages_snap [name option]…
e_packages_snap() {
	e_has snap || {
		printf 'there is no snap on this host (is snapd installed?)\n' >&2
		return 1
	}
	while [ $# -gt 0 ]; do
		snap list "$1" >/dev/null 2>&1 || e_run snap install "$1" ${2:+"$2"} || return 1
		shift 2
	done
}
