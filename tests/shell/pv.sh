# pv reads and writes pipes; it tries splice(2) first.
# SEMANTICS: file-splice
. "${0%/*}/expect.sh"
needs pv
numbers > "$scratch/numbers"
touch flow other
timeout 20 pv -q "$scratch/numbers" > flow & writer=$!
timeout 20 pv -q flow > "$scratch/got" || fail "pv pipe > file: exit $?"
ended 0 "pv file > pipe" $writer
same_file "pv file > pipe, pv pipe > file" "$scratch/numbers" "$scratch/got"
cat "$scratch/numbers" > flow &
timeout 20 pv -q flow | cat > "$scratch/got"
same_file "pv pipe | cat" "$scratch/numbers" "$scratch/got"
wait
cat "$scratch/numbers" | timeout 20 pv -q > flow & writer=$!
timeout 20 pv -q < flow > "$scratch/got" || fail "pv < pipe: exit $?"
ended 0 "cat | pv > pipe" $writer
same_file "cat | pv > pipe" "$scratch/numbers" "$scratch/got"
cat "$scratch/numbers" > flow & timeout 20 pv -q flow > other &
timeout 20 cat other > "$scratch/got" || fail "cat: exit $?"
same_file "pv pipe > pipe" "$scratch/numbers" "$scratch/got"
wait
