# shellcheck shell=sh disable=SC2154
# says that all ended well, but step 1 did not
follow
printf 'begin 1 %s 1.00 x\nran liar %s ok 2.00\n' "$first" "$plan"
