# shellcheck shell=sh disable=SC2154
# exit status -2147483648
follow
printf 'begin 1 %s 184467440737095516.15 x\nend 1 %s 99999999999999999999 1\nend 1 %s -2147483648 0.00\n' "$first" "$first" "$first"
printf 'err 18446744073709551616 x\ninterrupted -1 %s\nran liar %s failed 99999999999999999999.99\n' "$first" "$plan"
