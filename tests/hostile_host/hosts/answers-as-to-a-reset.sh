# shellcheck shell=sh disable=SC2154
# answers as to a reset
hello
printf 'clean\n'
