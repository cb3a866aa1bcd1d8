# What programs make of a pipe because it is a regular file, and not a FIFO, to them.
# SEMANTICS: file-regular, limit-regular-file
. "${0%/*}/expect.sh"
mkfifo f
[ -p f ] && fail "test -p said yes"
[ -f f ] || fail "test -f said no"
exec 3<> f
same "read -t 0 of an empty pipe" 1 "$(read -r -t 0 -u 3; echo $?)"
echo text >&3
same "read -t 0" 0 "$(read -r -t 0 -u 3; echo $?)"
read -r -t 1 -u 3 line
same "read -t, when there is something" text "$line"
timeout 1 bash -c 'read -r -t 0.1 -u 3 line'
same "read -t has no time limit, timeout has" 124 $?
exec 4< <(exec cat f 3>&-)
read -r -t 0.1 -u 4 line
[ $? -gt 128 ] || fail "read -t, through cat, did not run out of time"
echo more >&3
read -r -t 20 -u 4 line
same "read -t, through cat" more "$line"
exec 3>&-
read -r line <&4 && fail "there is more: [$line]"
exec 4<&-
