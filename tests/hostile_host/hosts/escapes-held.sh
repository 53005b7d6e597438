# shellcheck shell=sh disable=SC2154
# is held by
hello
printf 'held %s\n' "$escape"
