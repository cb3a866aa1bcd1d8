# bash's read: some characters, a look at whether there is anything, a time limit.
# SEMANTICS: read-available
. "${0%/*}/../shell/expect.sh"
touch text
exec 3> text 4< text
printf 'hello world' >&3
read -r -n 5 piece <&4
same "read -n 5" hello "$piece"
read -r -N 3 piece <&4
same "read -N 3" " wo" "$piece"
read -r -d d piece <&4
same "read -d" rl "$piece"
# bash takes no notice of a time limit when it reads a regular file; `cat` makes a pipe of it.
waits "read -t of an empty pipe" bash -c 'read -r -t 0.1 piece' <&4
read -r -t 0 piece <&4 && fail "read -t 0 says that there is data"
echo more >&3
read -r -t 0 piece <&4 || fail "read -t 0 says that there is no data"
read -r -t 10 piece <&4 || fail "read -t 10: exit $?"
same "read -t" more "$piece"
(sleep 0.3; echo later >&3) &
read -r -t 10 piece <&4 || fail "read -t 10: exit $?"
same "read -t of a line that comes later" later "$piece"
wait
read -r -t 0.1 piece < <(exec cat <&4)
status=$?
[ $status -gt 128 ] || fail "read -t through cat: expected more than 128, got $status"
kill $! || fail "cat has ended"
exec 3>&-
read -r -t 10 piece <&4
same "read -t at the end of file (exit status)" 1 $?
