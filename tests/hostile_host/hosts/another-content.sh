# shellcheck shell=sh disable=SC2154
# asks for a content that is not of its plan
hello
printf 'want %064d 0 -\nsend plain\n' 0
exec sleep 1000
