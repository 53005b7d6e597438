# shellcheck shell=sh disable=SC2154
# said more than 4 MiB
follow
exec yes "begin 1 0123456789abcdef 1.00 $escape"
