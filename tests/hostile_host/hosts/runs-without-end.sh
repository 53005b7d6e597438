# shellcheck shell=sh disable=SC2154
# begins again and again
follow
i=0
while :; do
	i=$((i + 1))
	printf 'follow liar%s 0\n' "$i"
done
