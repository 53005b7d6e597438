#!/bin/sh
# What a host that was taken over runs instead of what it is sent, whatever that is: this, and then one of hosts/*.sh.
# shellcheck disable=SC2034
size=${SSH_ORIGINAL_COMMAND##*head -c }
program=$(mktemp)
head -c "${size%% *}" >"$program"
plan=$(sed -n 's/^A_PLAN=//p' "$program")
first=$(sed -n 's/^a_step 1 \([0-9a-f]*\) .*/\1/p' "$program")
second=$(sed -n 's/^a_step 2 \([0-9a-f]*\) .*/\1/p' "$program")
escape=$(printf '\033[2J\033]0;owned\007\302\2331A\r\342\200\256')

hello() {
	printf '\nanywhere 1 00000000-0000-0000-0000-000000000000 1.00 00000000000000000000000000000000\n'
}

follow() {
	hello
	printf 'follow liar 0\nrun liar %s steps=2 boot=0 up=1.00 time=1 rerun=0 by=me\n' "$plan"
}
