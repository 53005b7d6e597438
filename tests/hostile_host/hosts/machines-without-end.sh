# shellcheck shell=sh disable=SC2154
# is another machine again and again
i=10
while :; do
	i=$((i + 1))
	printf 'anywhere 1 0 1.00 ../../../../tmp/hostile%s\nanywhere 1 0 1.00 000000000000000000000000000000%s\n' "$escape" "$i"
done
