# tee writes two pipes and its standard output; tee reads a pipe.
# SEMANTICS: write-full
. "${0%/*}/expect.sh"
needs tee
numbers > "$scratch/numbers"
touch one two
cat one > "$scratch/one" & first=$!
cat two > "$scratch/two" & second=$!
timeout 20 tee one two < "$scratch/numbers" > "$scratch/out" || fail "tee: exit $?"
ended 0 "the first reader" $first
ended 0 "the second reader" $second
same_file "the first pipe" "$scratch/numbers" "$scratch/one"
same_file "the second pipe" "$scratch/numbers" "$scratch/two"
same_file "the standard output" "$scratch/numbers" "$scratch/out"
cat "$scratch/numbers" > one &
timeout 20 tee "$scratch/copy" < one > /dev/null || fail "tee < pipe: exit $?"
same_file "tee < pipe" "$scratch/numbers" "$scratch/copy"
echo more | tee -a one > /dev/null
same "tee -a" more "$(timeout 5 cat one)"
