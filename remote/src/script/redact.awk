# Replaces each secret, taken literally, by asterisks. The secrets stand one a line in the file named by A_SECRETS.
BEGIN {
	while ((getline line < ENVIRON["A_SECRETS"]) > 0)
		if (line != "") secret[++n] = line
}
{
	for (i = 1; i <= n; i++) {
		rest = $0
		$0 = ""
		while ((at = index(rest, secret[i])) > 0) {
			$0 = $0 substr(rest, 1, at - 1) "********"
			rest = substr(rest, at + length(secret[i]))
		}
		$0 = $0 rest
	}
	print
}
