# shellcheck shell=sh disable=SC2154
# said more than 4 MiB
follow
(exec yes noise) &
exit 0
