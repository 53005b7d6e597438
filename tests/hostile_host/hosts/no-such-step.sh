# shellcheck shell=sh disable=SC2154
# the host does not say which
follow
printf 'begin 77 %s 1.00 x\nend 77 %s 1 2.00\nend -1 %s 1 2.00\nran liar %s failed 2.00\n' "$first" "$first" "$first" "$plan"
