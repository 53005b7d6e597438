# shellcheck shell=sh disable=SC2154
# answered with version 4294967295 of the protocol
printf 'anywhere 4294967295 x 1 y\n'
exec sleep 1000
