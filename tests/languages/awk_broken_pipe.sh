# awk fails when its reader has gone.
# SEMANTICS: close-client
. "${0%/*}/../shell/expect.sh"
needs awk
touch text
timeout 20 head -c 5 text > "$scratch/got" & reader=$!
timeout 20 awk 'BEGIN { for (;;) print "line" > "text" }' 2> "$scratch/said"
status=$?
[ $status -ne 0 ] && [ $status -ne 124 ] || fail "awk: exit $status"
grep -qi "broken pipe" "$scratch/said" || fail "awk said [$(cat "$scratch/said")]"
ended 0 "the reader" $reader
same "what it took" line "$(head -n 1 "$scratch/got")"
