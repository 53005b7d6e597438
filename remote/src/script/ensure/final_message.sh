# shellcheck shell=sh disable=SC2154
# final_message

# e_final_message text: into the step's output. In the text, @name; stands for a variable, and @@ for @.
e_final_message() {
	a_uptime
	printf '%s\n' "$1" | sed "s/@@/@:/g; s/@uptime;/$A_UP/g; s/@timestamp;/$(date '+%a, %d %b %Y %H:%M:%S %z')/g
s/@version;/$A_VERSION/g; s/@datasource;/Anywhere/g; s/@:/@/g"
}
