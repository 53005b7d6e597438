# shellcheck shell=sh disable=SC2154
# said more than 4 MiB
hello
exec tr '\0' x </dev/zero
