# shellcheck shell=sh disable=SC2154
# the login shell ended with exit status 1
printf 'HONEST  provisioned: 2 steps, 0.1 s\n2 machines: 2 provisioned\n' >&2
exit 1
