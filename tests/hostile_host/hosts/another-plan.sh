# shellcheck shell=sh disable=SC2154
# says that another plan had ended well
hello
printf 'ran liar 0123456789abcdef ok 1.00\ndone 0123456789abcdef\n'
