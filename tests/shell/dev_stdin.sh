# /dev/stdin, /dev/stdout and /dev/fd/N join the end that they name.
# SEMANTICS: instance-reopen
. "${0%/*}/expect.sh"
echo text > p
same "cat /dev/stdin" text "$(timeout 5 cat /dev/stdin < p)"
sh -c 'echo one > /dev/stdout; echo two > /dev/stdout' > p
same "echo > /dev/stdout" "one two" "$(timeout 5 cat p | xargs)"
waits "no other instance was made" cat p
echo three | tee /dev/stdout > p
same "tee /dev/stdout" "three three" "$(timeout 5 cat p | xargs)"
exec 3> p
echo four > /dev/fd/3
echo five > /proc/self/fd/3
exec 3>&-
same "/dev/fd/3 and /proc/self/fd/3" "four five" "$(timeout 5 cat p | xargs)"
printf 'first\nsecond\n' > p
exec 4< p
echo other > p
read -r line < /dev/fd/4
same "a read through /dev/fd/4" first "$line"
read -r line <&4
same "goes on where it was" second "$line"
exec 4<&-
same "the other instance was not taken" other "$(timeout 5 cat p)"
