# A process that is killed has closed what it had open.
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
yes > p 2> "$scratch/said" & writer=$!
cat p > /dev/null & reader=$!
sleep 0.3
kill -9 $reader
wait $writer && fail "yes ended well"
grep -q "Broken pipe" "$scratch/said" || fail "yes said [$(cat "$scratch/said")]"
echo text > p
same "the pipe is usable" text "$(timeout 5 cat p)"
