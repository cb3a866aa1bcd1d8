# From one pipe to another.
# SEMANTICS: close-drains
. "${0%/*}/expect.sh"
echo word > a
ends_with 0 "cat a > b" sh -c 'cat a > b'
same "cat a > b" word "$(timeout 5 cat b)"
numbers > "$scratch/numbers"
cat "$scratch/numbers" > a &
sh -c 'exec cat a > b' &
timeout 20 cat b > "$scratch/got" || fail "cat b: exit $?"
wait
same_file "a long text through two pipes" "$scratch/numbers" "$scratch/got"
