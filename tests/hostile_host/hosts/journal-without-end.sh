# shellcheck shell=sh disable=SC2154
# began twice
follow
exec yes "begin 1 $first 1.00 x
end 1 $first 0 1.00"
