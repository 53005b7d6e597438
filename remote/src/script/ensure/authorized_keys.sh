# shellcheck shell=sh
# ssh_authorized_keys

# e_authorized_keys user key…: adds keys to the user's file; one that is there with another comment or other options is
# replaced, as cloud-init does. No user: the one that this run logged in as. The folder is the user's, who could put links where
# we write as root: so nothing is written through a link, and the folder is entered once and for all.
e_authorized_keys() (
	user=$1
	shift
	if [ -z "$user" ]; then
		e_login
		user=$A_LOGIN
	fi
	home=$(e_home "$user") || {
		printf 'cannot add SSH keys for %s: there is no such user\n' "$user" >&2
		exit 1
	}
	group=$(id -g "$user") || exit 1
	path=$home/.ssh/authorized_keys
	# The server may look elsewhere: the first of its files that is this user's own.
	set -f
	for pattern in $(e_sshd_setting authorizedkeysfile); do
		case $pattern in
		/*%u* | %h/* | /*%h*) path=$(printf '%s\n' "$pattern" | sed "s|%h|$home|g; s|%u|$user|g; s|%%|%|g") ;;
		/*) continue ;;
		*) path=$home/$pattern ;;
		esac
		break
	done
	folder=${path%/*}
	if [ ! -d "$folder" ]; then
		case $folder in
		"$home"/*) mkdir -m 700 "$folder" && chown -h "$user:$group" "$folder" || exit 1 ;;
		*) (umask 022 && mkdir -p "$folder") || exit 1 ;;
		esac
	fi
	real=$(cd -P "$home" && pwd -P) || exit 1
	cd -P "$folder" || exit 1
	case $folder/ in "$home"/*) folder=$real${folder#"$home"} ;; esac
	if [ "$(pwd -P)" != "$folder" ] || [ -L "${path##*/}" ] || [ -d "${path##*/}" ]; then
		printf 'cannot add SSH keys for %s: %s is no plain file in a plain folder\n' "$user" "$path" >&2
		exit 1
	fi
	file=${path##*/}
	[ ! -e "$file" ] || cat "$file" >"$A_RUN/old_keys" || exit 1
	[ -e "$file" ] || printf '' >"$A_RUN/old_keys" || exit 1
	printf '%s\n' "$@" >"$A_RUN/new_keys" || exit 1
	e_merge_keys "$A_RUN/new_keys" "$A_RUN/old_keys" >"$A_RUN/keys" || exit 1
	! cmp -s "$A_RUN/keys" "$A_RUN/old_keys" || [ ! -e "$file" ] || exit 0
	rm -f .anywhere.keys
	set -C
	cat "$A_RUN/keys" >.anywhere.keys && chown -h "$user:$group" .anywhere.keys && mv -f .anywhere.keys "$file" || exit 1
	! command -v restorecon >/dev/null || restorecon -F "$folder" "$folder/$file" 2>/dev/null || :
)

# e_merge_keys new old: the old lines, with the new ones in the place of those with the same key, or at the end.
e_merge_keys() {
	# shellcheck disable=SC2016
	awk '
		# The base64 text of the key in a line: after the type, which is the first word or follows the options.
		function blob(line, words, i, c, quoted) {
			sub(/^[ \t]+/, "", line)
			if (line == "" || line ~ /^#/) return ""
			split(line, words, /[ \t]+/)
			if (words[1] ~ /^(ssh|ecdsa|sk-ssh|sk-ecdsa)-/) return words[2]
			for (i = 1; i <= length(line); i++) {
				c = substr(line, i, 1)
				if (c == "\\" && substr(line, i + 1, 1) == "\"") i++
				else if (c == "\"") quoted = !quoted
				else if ((c == " " || c == "\t") && !quoted) break
			}
			line = substr(line, i)
			sub(/^[ \t]+/, "", line)
			split(line, words, /[ \t]+/)
			return words[1] ~ /^(ssh|ecdsa|sk-ssh|sk-ecdsa)-/ ? words[2] : ""
		}
		NR == FNR {
			key = blob($0)
			if (!(key in new)) order[++n] = key
			new[key] = $0
			next
		}
		{
			key = blob($0)
			if (key == "" || !(key in new)) { print; next }
			if (!(key in done)) print new[key]
			done[key]
		}
		END { for (i = 1; i <= n; i++) if (!(order[i] in done)) print new[order[i]] }
	' "$1" "$2"
}
