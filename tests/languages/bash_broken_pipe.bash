# A builtin says "Broken pipe" and fails; the shell goes on.
# SEMANTICS: close-client
. "${0%/*}/../shell/expect.sh"
exec 3> text
exec 4< text
exec 4<&-
echo lost 2> "$scratch/said" >&3 && fail "echo to a gone reader: it worked"
grep -q "Broken pipe" "$scratch/said" || fail "echo said [$(cat "$scratch/said")]"
exec 3>&-
touch text
head -c 3 text > "$scratch/got" & reader=$!
(while echo line; do :; done) > text 2> "$scratch/said"
ended 0 "the reader" $reader
same "what it took" lin "$(cat "$scratch/got")"
grep -q "Broken pipe" "$scratch/said" || fail "the loop said [$(cat "$scratch/said")]"
echo next > text
same "the pipe is usable" next "$(timeout 5 cat text)"
