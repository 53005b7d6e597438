# shellcheck shell=sh disable=SC2154
# ca_certs

# e_ca_certs remove|keep certificate…
e_ca_certs() {
	A_WORD=$1
	shift
	A_UPDATE=update-ca-certificates
	if [ -d /etc/pki/trust/anchors ]; then
		A_FOLDER=/etc/pki/trust/anchors
	elif e_has update-ca-trust; then
		A_FOLDER=/etc/pki/ca-trust/source/anchors
		A_UPDATE=update-ca-trust
	else
		A_FOLDER=/usr/local/share/ca-certificates
	fi
	e_has "$A_UPDATE" || {
		printf 'there is neither update-ca-certificates nor update-ca-trust (is ca-certificates installed?)\n' >&2
		return 1
	}
	[ "$A_WORD" = keep ] || e_ca_defaults || return 1
	A_COUNT=0
	for A_TEXT in "$@"; do
		A_COUNT=$((A_COUNT + 1))
		e_file "$A_FOLDER/cloud-init-ca-cert-$A_COUNT.crt" "$A_TEXT" || return 1
	done
	# Also if nothing has changed: a run may have ended between the files and this.
	e_run "$A_UPDATE"
}

# e_ca_defaults: no certificate of the distribution is trusted any more, nor one that a later package brings.
e_ca_defaults() {
	A_FILE=/etc/ca-certificates.conf
	[ -e "$A_FILE" ] || {
		printf 'remove_defaults: the CA certificates of this distribution cannot be removed, only those in %s\n' "$A_FILE" >&2
		return 1
	}
	if grep -q '^[^#!]' "$A_FILE"; then
		sed 's/^[^#!]/!&/' "$A_FILE" >"$A_RUN/content" || return 1
		cat "$A_RUN/content" >"$A_FILE" || return 1
	fi
	e_has debconf-set-selections || return 0
	printf 'ca-certificates ca-certificates/trust_new_crts select no\n' >"$A_RUN/content" || return 1
	e_run debconf-set-selections "$A_RUN/content"
}
