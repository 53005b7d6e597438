#!/bin/sh
# PID 1 of a control plane, in PID and mount namespaces of its own: starts and ends programs as its standard input says, and
# lives as long as that, the lifeline: a pipe whose other end only the test process holds. When it exits, the kernel ends all
# of them, and everything they wrote is in this mount namespace's memory.
#
# It says "ready", then reads lines: "start NAME" runs NAME.sh, with its output in NAME.log and, when it has ended, its exit
# status in NAME.ended; "stop NAME" ends it at once.
set -u
mount -t proc proc /proc
mount -t tmpfs -o mode=0755 testbed /mnt
cd /mnt || exit
# A shell says which of its children were killed.
exec 2>testbed.log
echo ready
while read -r verb name; do
	case $verb in
	start)
		rm -f "$name.ended"
		{
			sh "./$name.sh" </dev/null >>"$name.log" 2>&1 &
			echo "$!" >"$name.pid"
			status=0
			wait "$!" || status=$?
			echo "$status" >"$name.new"
			mv "$name.new" "$name.ended"
		} &
		;;
	stop) kill -KILL "$(cat "$name.pid")" ;;
	esac
done
