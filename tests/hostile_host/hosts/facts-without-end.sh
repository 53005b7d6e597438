# shellcheck shell=sh disable=SC2154
# said more than 4 MiB
hello
exec yes "fact disk sda 2048 8:0 used
fact end"
