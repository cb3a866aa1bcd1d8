# A process that is killed has closed what it had open.
# SEMANTICS: close-killed, wait-interrupt, limit-restart
. "${0%/*}/expect.sh"
touch p
sh -c 'exec 3> p; echo half >&3; kill -9 $$' 2> /dev/null
same "what a killed writer wrote" half "$(timeout 5 cat p)"
sh -c 'exec 3> p; echo half >&3; exec sleep 60' & writer=$!
cat p > "$scratch/got" & reader=$!
until [ -s "$scratch/got" ]; do sleep 0.05; done
kill -0 $reader 2> /dev/null || fail "the reader has ended too early"
kill -9 $writer
ended 0 "the reader of a killed writer" $reader
same "what it got" half "$(cat "$scratch/got")"
exec 3> p
cat p > "$scratch/got" 3>&- & reader=$!
has_open $reader p
sleep 0.2
kill -STOP $reader
sleep 0.2
kill -CONT $reader
echo "after the stop" >&3
exec 3>&-
ended 0 "a reader that was stopped" $reader
same "what it got" "after the stop" "$(cat "$scratch/got")"
# FUSE cannot ask the kernel to start a call again, and cat does not open its file again.
cat p 2> "$scratch/said" & reader=$!
sleep 0.2
kill -STOP $reader
sleep 0.2
kill -CONT $reader
ended 1 "a reader that was stopped while its open waited" $reader
grep -q "Interrupted system call" "$scratch/said" || fail "cat said [$(cat "$scratch/said")]"
yes > p 2> "$scratch/said" & writer=$!
cat p > /dev/null & reader=$!
sleep 0.3
kill -9 $reader
wait $writer && fail "yes ended well"
grep -q "Broken pipe" "$scratch/said" || fail "yes said [$(cat "$scratch/said")]"
echo text > p
same "the pipe is usable" text "$(timeout 5 cat p)"
