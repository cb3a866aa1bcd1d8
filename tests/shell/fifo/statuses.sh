# A pipeline whose parts' statuses are all known, as a plain `a | b` does not tell them to sh.
# SEMANTICS: shared-reader-waits, shared-eof
. "${0%/*}/../expect.sh"
mkfifo pipe
(echo one; echo two; exit 3) > pipe & first=$!
wc -l < pipe
same "the second part's status" 0 $?
wait $first
same "the first part's status" 3 $?
tee "$scratch/copy" < pipe > /dev/null & copy=$!
(echo three; exit 4) > pipe
same "in the foreground" 4 $?
wait $copy
cat "$scratch/copy"
# A pipe to a program with input of its own.
(seq 5; exit 5) > pipe & first=$!
printf '2\n4\n' | grep -v -x -f - pipe | xargs
wait $first
same "the writer's status" 5 $?
