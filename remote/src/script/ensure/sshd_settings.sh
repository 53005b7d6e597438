# shellcheck shell=sh
# The SSH server's settings in effect.

# e_sshd: where the server's program is; it insists on being called by its whole path.
e_sshd() {
	command -v sshd || { [ -x /usr/sbin/sshd ] && printf '/usr/sbin/sshd\n'; }
}

# e_sshd_setting keyword: its value in effect, by the keyword in lower case; nothing if there is no OpenSSH server.
e_sshd_setting() {
	A_SSHD=$(e_sshd) || return 0
	"$A_SSHD" -T 2>/dev/null | sed -n "s/^$1 //p" | head -n 1
}
