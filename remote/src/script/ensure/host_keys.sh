# shellcheck shell=sh
# ssh_keys

# e_given_host_key type private public: the host has this key. One of that type that is there already stays, and if it is another one,
# that is an error: every later connection would be refused. The server uses a new one from its next start on.
e_given_host_key() (
	file=/etc/ssh/ssh_host_$1_key
	command -v ssh-keygen >/dev/null || {
		printf 'cannot add the host key: this host has no ssh-keygen\n' >&2
		exit 1
	}
	printf '%s\n' "$2" >"$A_RUN/host_key" || exit 1
	public=$(ssh-keygen -y -P '' -f "$A_RUN/host_key" 2>/dev/null </dev/null) || {
		rm -f "$A_RUN/host_key"
		printf 'the %s key is no private key, or has a passphrase\n' "$1" >&2
		exit 1
	}
	case $1-$public in
	rsa-ssh-rsa\ * | dsa-ssh-dss\ * | ecdsa-ecdsa-* | ed25519-ssh-ed25519\ *) ;;
	*)
		rm -f "$A_RUN/host_key"
		printf 'the %s key is of another type\n' "$1" >&2
		exit 1
		;;
	esac
	if [ -n "$3" ] && [ "$(e_blob "$3")" != "$(e_blob "$public")" ]; then
		rm -f "$A_RUN/host_key"
		printf 'the %s key does not go with its public key\n' "$1" >&2
		exit 1
	fi
	if [ -e "$file" ]; then
		rm -f "$A_RUN/host_key"
		now=$(ssh-keygen -y -P '' -f "$file" 2>/dev/null </dev/null) || now=$(cat "$file.pub") || exit 1
		[ "$(e_blob "$now")" != "$(e_blob "$public")" ] || exit 0
		printf '%s is another key, and stays: connections to this host are checked against it. Replace it by hand, then give those who connect the new one\n' \
			"$file" >&2
		exit 1
	fi
	chmod 600 "$A_RUN/host_key" && cat "$A_RUN/host_key" >"$file.anywhere" && chmod 600 "$file.anywhere" || exit 1
	rm -f "$A_RUN/host_key"
	printf '%s\n' "${3:-$public root@$(uname -n)}" >"$file.pub" && chmod 644 "$file.pub" || exit 1
	mv -f "$file.anywhere" "$file"
)

# e_blob key: its type and base64 text, without the comment.
e_blob() {
	printf '%s\n' "$1" | awk '{ print $1, $2 }'
}
