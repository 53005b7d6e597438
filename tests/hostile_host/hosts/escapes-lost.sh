# shellcheck shell=sh disable=SC2154
# was lost on the host
follow
printf 'lost %s\n' "$escape"
