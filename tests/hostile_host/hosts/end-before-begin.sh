# shellcheck shell=sh disable=SC2154
# says that step 1 ended before it began
follow
printf 'end 1 %s 0 1.00\n' "$first"
