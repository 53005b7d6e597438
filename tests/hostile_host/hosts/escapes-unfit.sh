# shellcheck shell=sh disable=SC2154
# cannot run a plan
printf 'fail state %s\n' "$escape"
