# shellcheck shell=sh disable=SC2154
# exit status 1
follow
printf 'begin 1 %s 1.00 %s\nerr 1 %s\nend 1 %s 1 1.00 %s\nran liar %s failed 1.00\n' "$first" "$escape" "$escape" "$first" "$escape" "$plan"
