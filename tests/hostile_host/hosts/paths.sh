# shellcheck shell=sh disable=SC2154
# cannot run a plan: ../../../../etc/passwd
hello
printf 'follow ../../../../tmp/hostile 0\nmade 9 /tmp/hostile\nfact machine-id ../../tmp/hostile\nowner ../../tmp/hostile\nfail state ../../../../etc/passwd\n'
exec sleep 1000
