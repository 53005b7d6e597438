# shellcheck shell=sh disable=SC2154
# carries a run of
hello
printf 'owned %s\n' "$escape"
