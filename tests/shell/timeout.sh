# timeout ends what waits, at once, and leaves the pipe usable.
# SEMANTICS: wait-kill, wait-interrupt, write-full
. "${0%/*}/expect.sh"
touch p
start=$(date +%s%N)
timeout 1 cat p
same "timeout 1 cat p" 124 $?
took=$((($(date +%s%N) - start) / 1000000))
[ $took -ge 1000 ] && [ $took -lt 5000 ] || fail "timeout 1 took $took ms"
echo text > p
same "the pipe is usable" text "$(timeout 5 cat p)"
timeout -s INT 0.5 cat p
same "SIGINT" 124 $?
timeout -s KILL 0.5 cat p
same "SIGKILL" 137 $?
exec 3> p
timeout 0.5 cat p
same "a reader that is connected" 124 $?
exec 3>&-
timeout 0.5 sh -c 'exec yes > p'
same "a writer of a full pipe" 124 $?
timeout 20 cat p > "$scratch/got" || fail "cat: exit $?"
[ "$(wc -c < "$scratch/got")" -ge 1048576 ] || fail "only $(wc -c < "$scratch/got") bytes"
same "what the killed writer wrote" y "$(sort -u "$scratch/got" | head -n 1)"
echo text > p
same "the pipe is usable" text "$(timeout 5 cat p)"
